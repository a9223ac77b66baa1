"""What is written over a repository is seen by who wrote it, and by nobody else."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitferry.config.errors import GitferryError
from gitferry.repos import gitconfig, overlay, state
from gitferry.repos.content import FILE, Entry
from gitferry.repos.git import Git, GitError
from gitferry.repos.objects import EMPTY_TREE, Objects, Person
from gitferry.tests.repo import Repo

WHO = Person("Test Person", "test@example.org")
ODD = os.fsdecode(b'o:dd "di\\r\xe9ctory\nof two lines')


@contextmanager
def laid_over(repo: Repo) -> Iterator[tuple[Objects, Git]]:
    place = state.locate(repo.root, os.environ)
    with overlay.laid_over(place) as over:
        objects = over.objects(place.git_dir)
        try:
            yield objects, over.git(os.environ)
        finally:
            objects.close()


@pytest.fixture(params=["plain", ODD], ids=["plain", "odd"])
def repo(request: pytest.FixtureRequest, tmp_path: Path) -> Repo:
    repo = Repo.init(tmp_path / request.param / "work")
    repo.write("a.md", "a\n")
    repo.commit("first")
    return repo


def test_each_side_sees_what_is_there_and_what_the_other_wrote(repo: Repo) -> None:
    repo.write("by git", "by git\n")
    with laid_over(repo) as (objects, git):
        head = objects.ref("refs/heads/main")
        assert head == repo.head
        assert dict(objects.walk(objects.tree_of(head))).keys() == {"a.md"}
        ours = objects.write_blob(b"by us\n")
        theirs = git.run("hash-object", "-w", "--stdin-paths", input=b"by git\n").text
        assert git.run("cat-file", "blob", ours).stdout == b"by us\n"
        assert objects.blob(theirs) == b"by git\n"
        tree = objects.apply(objects.tree_of(head), {"b": Entry(FILE, ours), "c": Entry(FILE, theirs)})
        assert git.run("ls-tree", "--name-only", tree).text.split() == ["a.md", "b", "c"]
        with objects.together():
            many = [objects.write_blob(b"%d" % number) for number in range(100)]
        assert [objects.blob(oid) for oid in many] == [b"%d" % number for number in range(100)]
        assert git.run("cat-file", "blob", many[7]).stdout == b"7"
    assert not any(repo.has(oid) for oid in (ours, theirs, tree, *many))


def test_a_ref_that_is_moved_moves_nowhere_else(repo: Repo) -> None:
    before = repo.refs()
    with laid_over(repo) as (objects, _):
        assert repo.has(objects.write_blob(b"a\n"))
        tree = objects.apply(EMPTY_TREE, {"b.md": Entry(FILE, objects.write_blob(b"b\n"))})
        commit = objects.write_commit(tree, [repo.head], "words", author=WHO, committer=WHO, at=datetime.now(UTC))
        for name in ("refs/gitferry/base/main", "refs/heads/main"):
            objects.repo.references.create(name, commit, force=True)
            assert objects.ref(name) == commit
        assert not objects.pruned()
    assert repo.refs() == before


def test_refs_of_every_kind_are_there(repo: Repo) -> None:
    repo.git("tag", "-m", "words", "v1")
    repo.git("branch", "packed")
    repo.git("pack-refs", "--all")
    repo.git("branch", os.fsdecode("lööse".encode()))
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/packed")
    repo.write("a.md", "stashed\n")
    repo.git("stash", "--quiet")
    with laid_over(repo) as (objects, git):
        assert {name: git.run("rev-parse", oid).text for name, oid in objects.refs("refs/").items()} == repo.refs()
        assert objects.symbolic("HEAD") == "refs/heads/main"
        assert objects.symbolic("refs/remotes/origin/HEAD") == "refs/heads/packed"
        assert [entry.message for entry in objects.repo.listall_stashes()] == [
            "WIP on main: " + repo.git("log", "-1", "--format=%h %s")
        ]
        assert len(list(objects.repo.lookup_reference("HEAD").log())) == len(repo.git("reflog").splitlines())


@pytest.mark.parametrize("head", ["detached", "unborn"])
def test_a_head_without_a_branch_or_without_a_commit(repo: Repo, head: str) -> None:
    commit = repo.head
    repo.git(*(("checkout", "--quiet", "--detach") if head == "detached" else ("switch", "--quiet", "--orphan", "new")))
    with laid_over(repo) as (objects, git):
        assert git.run("status", "--porcelain=v2", "--branch").text == repo.git("status", "--porcelain=v2", "--branch")
        assert objects.ref("refs/heads/main") == commit
        if head == "detached":
            assert objects.ref("HEAD") == commit


def test_the_settings_are_the_same(repo: Repo, tmp_path: Path) -> None:
    for key, value in (
        ("odd.values", ' # no ; comment "quoted" \\ \t two\nlines '),
        ('odd.sub."sec\\tion.of.dots', "1"),
        ("odd.latin", os.fsdecode(b"caf\xe9")),
        ("remote.origin.fetch", "+refs/heads/a:refs/remotes/origin/a"),
        ("extensions.worktreeConfig", "true"),
    ):
        repo.git("config", key, value)
    repo.git("config", "--add", "remote.origin.fetch", "+refs/heads/b:refs/remotes/origin/b")
    repo.git("config", "--worktree", "core.quotePath", "false")
    with repo.path(".git/config").open("a") as file:
        file.write(
            '[odd]\n\talone\n\tempty =\n[include]\n\tpath = more\n[includeIf "onbranch:main"]\n\tpath = ../onmain\n'
        )
    repo.path(".git/more").write_text("[odd]\n\tincluded = yes\n")
    repo.write("onmain", "[odd]\n\ton = main\n")
    known = gitconfig.read(Git(repo.root)).values
    assert known["odd.included"] == ("yes",) and known["odd.on"] == ("main",) and known["odd.alone"] == (None,)
    with laid_over(repo) as (_, git):
        seen = gitconfig.read(git).values
        git.run("config", "--local", "odd.new", "1")
    assert {key: value for key, value in known.items() if not key.startswith("include")} == seen
    assert repo.try_git("config", "odd.new").returncode == 1


def test_what_lies_beside_the_settings_is_there_for_filters(repo: Repo) -> None:
    repo.path(".git/info").mkdir(exist_ok=True)
    repo.path(".git/info/attributes").write_text("*.x filter=keyed\n")
    repo.path(".git/key").write_text("secret")
    repo.git("config", "filter.keyed.clean", 'cat "$(git rev-parse --git-common-dir)/key"')
    repo.write("a.x", "plain")
    with laid_over(repo) as (objects, git):
        oid = git.run("hash-object", "-w", "--stdin-paths", input=b"a.x\n").text
        assert objects.blob(oid) == b"secret"


def test_no_remote_can_be_reached(clone: Callable[..., Repo]) -> None:
    work = clone("work")
    with laid_over(work) as (_, git), pytest.raises(GitError, match="transport 'file' not allowed"):
        git.run("fetch", "origin")


def test_the_directory_is_this_users_and_goes(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    with laid_over(repo) as (objects, _):
        (directory,) = (tmp_path / "scratch").iterdir()
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert Path(objects.repo.path).is_relative_to(directory)
    with pytest.raises(RuntimeError), laid_over(repo):
        raise RuntimeError
    assert list((tmp_path / "scratch").iterdir()) == []


def test_no_room_is_told(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(overlay.NoScratch) as caught, laid_over(repo):
        pass
    assert isinstance(caught.value, GitferryError) and "TMPDIR" in caught.value.hint


def test_an_empty_repository(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "new")
    with laid_over(repo) as (objects, git):
        assert objects.refs("refs/") == {}
        assert objects.entries(EMPTY_TREE) == {}
        assert git.run("status", "--porcelain").text == ""
    assert repo.git("count-objects") == "0 objects, 0 kilobytes"
