"""The working tree as a root tree: the blobs are those that `git add` would write."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitferry.repos import observe as module
from gitferry.repos.git import Git
from gitferry.repos.objects import Objects
from gitferry.repos.observe import Limits, Observation, Observer
from gitferry.repos.opened import Opened
from gitferry.repos.state import locate, working_state
from gitferry.repos.worktree import Worktree
from gitferry.tests.repo import Repo

EVERYTHING = Limits(size=1 << 30)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.write_all({"a.txt": "1\n", "gone.txt": "1\n", "dir/x": "1\n", ".gitignore": "*.log\n"})
    made.commit("one")
    return made


def observe(
    repo: Repo,
    *,
    limits: Limits = EVERYTHING,
    paths: set[str] | None = None,
    skip: str = "",
    always: tuple[str, ...] = (),
) -> Observation:
    place = locate(repo.root, os.environ)
    git, objects = Git(place.root, git_dir=place.git_dir), Objects(place.git_dir)
    state = working_state(git, place)
    worktree = Worktree(place.root, place.git_dir / "gitferry" / "scratch")
    observer = Observer(Opened(place, git, objects, worktree, state, trusted=False))
    seen = observer.observe(
        objects.tree_of(state.head),
        paths,
        limits,
        lambda path: not skip or not path.startswith(skip),
        always=always,
    )
    objects.close()
    return seen


def added(repo: Repo) -> str:
    """The tree that git itself makes of the working tree."""
    index = {"GIT_INDEX_FILE": str(repo.path(".git/other-index"))}
    repo.git("read-tree", "HEAD", env=index)
    repo.git("add", "--all", env=index)
    return repo.git("write-tree", env=index)


def test_it_is_the_tree_that_git_would_commit(repo: Repo) -> None:
    repo.write_all({"a.txt": "2\n", "dir/new": b"\x00\xff", "empty": "", "noise.log": "ignored\n"})
    repo.write("run.sh", "#!/bin/sh\n", executable=True)
    repo.link("link", "a.txt")
    repo.delete("gone.txt")
    assert observe(repo).disk == added(repo)


def test_line_ends_are_converted_as_git_does(repo: Repo) -> None:
    repo.write(".gitattributes", "*.txt text\n")
    repo.write("a.txt", "one\r\ntwo\r\n")
    seen = observe(repo)
    assert seen.disk == added(repo)
    assert repo.git_bytes("show", f"{seen.disk}:a.txt") == b"one\ntwo\n"


def test_only_the_paths_asked_for_are_looked_at(repo: Repo) -> None:
    repo.write_all({"a.txt": "2\n", "dir/x": "2\n"})
    assert set(observe(repo, paths={"dir"}).changes) == {"dir/x"}


def test_what_is_not_wanted_is_not_read(repo: Repo) -> None:
    repo.write("secret/.env", "TOKEN=1\n")
    seen = observe(repo, skip="secret/")
    assert seen.changes == {}
    assert not repo.has(repo.git("hash-object", "--stdin", stdin="TOKEN=1\n"))


def test_large_and_fresh_files_are_left_for_later(repo: Repo) -> None:
    repo.write("big", "x" * 100)
    repo.write("a.txt", "2\n")
    now = repo.path("a.txt").stat().st_mtime + 1
    seen = observe(repo, limits=Limits(size=50, quiet=2.0, now=now))
    assert set(seen.unread) == {"big", "a.txt"}
    assert "limit" in seen.unread["big"]
    # A clock that was put back does not make yesterday's file look fresh.
    assert set(observe(repo, limits=Limits(size=50, quiet=2.0, now=now - 86400)).unread) == {"big"}


def test_a_fresh_deletion_is_left_for_later_too(repo: Repo) -> None:
    repo.delete("dir/x")
    now = repo.root.stat().st_mtime + 1
    assert set(observe(repo, limits=Limits(size=50, quiet=2.0, now=now)).unread) == {"dir/x"}
    assert observe(repo, limits=Limits(size=50, quiet=2.0, now=now + 5)).unread == {}
    assert set(observe(repo, limits=Limits(size=50, unsettled=frozenset({"dir/x"}))).unread) == {"dir/x"}


def test_a_filter_of_an_untrusted_repository_does_not_run(repo: Repo) -> None:
    repo.write(".gitattributes", "a.txt filter=evil\n")
    repo.git("config", "filter.evil.clean", f"touch {repo.root}/ran; cat")
    repo.write("a.txt", "2\n")
    seen = observe(repo)
    assert "a.txt" in seen.unread
    assert not repo.exists("ran")


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
def test_a_filter_that_fails_in_git_status_is_no_reason_to_see_nothing(repo: Repo) -> None:
    repo.write(".gitattributes", "a.txt filter=lfs\n")
    repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f")
    repo.git("config", "filter.lfs.required", "true")
    objects = repo.path(".git/lfs")
    objects.write_text("in the way")  # git-lfs keeps its objects there
    repo.write_all({"a.txt": "1\n", "dir/x": "2\n"})
    assert repo.try_git("status").returncode
    seen = observe(repo)
    assert set(seen.changes) == {"dir/x", ".gitattributes"}
    assert repo.git_bytes("show", f"{seen.disk}:dir/x") == b"2\n"
    repo.write("a.txt", "2\n")
    seen = observe(repo)
    assert set(seen.changes) == {"a.txt", "dir/x", ".gitattributes"}
    assert "clean filter 'lfs' failed" in seen.unread["a.txt"]


def test_a_directory_that_became_a_link_is_gone(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("not ours\n")
    repo.delete("dir/x")
    repo.link("dir", str(tmp_path / "outside"))
    seen = observe(repo)
    assert seen.unread == {}
    assert seen.disk == added(repo)


def test_names_that_git_would_change_are_left_unread(repo: Repo) -> None:
    repo.git("config", "core.ignoreCase", "true")
    repo.write_all({"Dir/new": "2\n", "dir/x": "2\n", "other": "2\n"})
    seen = observe(repo)
    assert set(seen.unread) == {"Dir/new"}
    assert "'dir'" in seen.unread["Dir/new"]


def test_other_repositories_in_the_tree_are_named(repo: Repo) -> None:
    inner = Repo.init(repo.path("inner"))
    inner.write("x", "1\n")
    inner.commit()
    seen = observe(repo)
    assert seen.foreign == ("inner",)
    assert seen.changes == {}


def test_many_files_are_written_in_portions(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    repo.write(".gitattributes", "*.txt text\n")
    repo.write_all({f"new/{number}.txt": f"{number}\r\n" for number in range(9)})
    repo.delete("gone.txt")
    seen = observe(repo)
    assert seen.disk == added(repo)
    assert seen.unread == {}


def test_a_file_that_is_looked_at_whatever_git_says_is_as_head_has_it(repo: Repo) -> None:
    repo.write("run.txt", "1\r\n", executable=True)
    repo.commit("not normalised, and executable")
    repo.git("config", "core.fileMode", "false")
    repo.path("run.txt").chmod(0o644)
    repo.write(".git/info/attributes", "*.txt text\n")
    head = repo.git("rev-parse", "HEAD^{tree}")
    assert observe(repo, paths=set(), always=("run.txt", "a.txt", "no-such")).disk == head
    repo.git("update-index", "--assume-unchanged", "run.txt")
    repo.write("run.txt", "2\r\n")
    seen = observe(repo, paths=set(), always=("run.txt",))
    assert repo.entries(seen.disk)["run.txt"][0] == "100755"
    assert repo.git_bytes("show", f"{seen.disk}:run.txt") == b"2\n"
