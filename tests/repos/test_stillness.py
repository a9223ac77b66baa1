"""Whatever happens to a repository makes it look different; nothing that only looks at it does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.repos import stillness as module
from gitferry.repos.stillness import Stillness, stillness
from gitferry.tests.repo import Repo


@pytest.fixture
def repo(clone: Callable[..., Repo]) -> Repo:
    """A clone with a deep file, an ignored one and a link."""
    made = clone("here")
    made.write("deep/er/file.txt", "one\n")
    made.link("link", "deep")
    made.write("deep/poetry.lock", "1.0\n")
    made.commit("more")
    return made


def seen(repo: Repo) -> Stillness:
    """Return what the repository looks like."""
    found = stillness(repo.root, repo.path(".git"), repo.path(".git"), os.environ)
    assert found is not None
    return found


def same_size_and_time(repo: Repo) -> None:
    """Edit a file so that its size and its time of modification stay; only the time of change of state tells."""
    path = repo.path("deep/er/file.txt")
    before = path.stat()
    path.write_text("two\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swapped(repo: Repo) -> None:
    """Let two files change their names."""
    repo.path("deep/er/file.txt").rename(repo.path("x"))
    repo.path("README.md").rename(repo.path("deep/er/file.txt"))
    repo.path("x").rename(repo.path("README.md"))


def linked_elsewhere(repo: Repo) -> None:
    """Let a link point to something else."""
    repo.delete("link")
    repo.link("link", "nowhere")


CHANGES: dict[str, Callable[[Repo], object]] = {
    "an edit": lambda repo: repo.write("deep/er/file.txt", "two lines\nof text\n"),
    "an edit of the same size, its time put back": same_size_and_time,
    "an edit of a file that is named like a lock": lambda repo: repo.write("deep/poetry.lock", "1.1\n"),
    "a new file": lambda repo: repo.write("deep/new.txt", ""),
    "a new directory": lambda repo: repo.path("deep/empty").mkdir(),
    "a deleted file": lambda repo: repo.path("deep/er/file.txt").unlink(),
    "files that change their names": swapped,
    "an executable bit": lambda repo: repo.path("deep/er/file.txt").chmod(0o755),
    "a link elsewhere": linked_elsewhere,
    "a staged file": lambda repo: (repo.write("s.txt", "s"), repo.git("add", "s.txt")),
    "a commit": lambda repo: repo.commit("another", allow_empty=True),
    "another branch": lambda repo: repo.git("checkout", "--quiet", "-b", "side"),
    "a fetch that brings something": lambda repo: repo.git("update-ref", "refs/remotes/origin/main", "HEAD"),
    "packed refs": lambda repo: repo.git("pack-refs", "--all"),
    "an operation under way": lambda repo: repo.write(".git/MERGE_HEAD", repo.head),
    "a setting": lambda repo: repo.git("config", "core.autocrlf", "input"),
    "what the repository excludes": lambda repo: repo.write(".git/info/exclude", "*.tmp\n"),
    "a sparse checkout": lambda repo: repo.git("sparse-checkout", "set", "tasks"),
    "a stash": lambda repo: (repo.write("README.md", "other\n"), repo.git("stash", "--quiet")),
    "what the user ignores everywhere": lambda repo: Path.home().joinpath(".config/git").mkdir(parents=True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_looks_different_after(repo: Repo, change: str) -> None:
    before = seen(repo)
    CHANGES[change](repo)
    if change == "what the user ignores everywhere":
        Path.home().joinpath(".config/git/ignore").write_text("*.log\n")
    assert seen(repo) != before


LOOKS: dict[str, Callable[[Repo], object]] = {
    "status": lambda repo: repo.git("--no-optional-locks", "status"),
    "log and diff": lambda repo: repo.git("log", "-p"),
    "a file that is read": lambda repo: repo.read("README.md"),
    "a fetch that brings nothing": lambda repo: repo.git("fetch", "--no-write-fetch-head"),
    "garbage that is collected": lambda repo: repo.git("prune"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_it_looks_the_same_after(repo: Repo, look: str) -> None:
    before = seen(repo)
    LOOKS[look](repo)
    assert seen(repo) == before


def test_what_changed_just_now_is_not_settled(repo: Repo) -> None:
    now = repo.path("deep/er/file.txt").stat().st_mtime_ns
    assert not seen(repo).settled(now + 1_000_000_000)
    assert seen(repo).settled(seen(repo).newest_ns + 3_000_000_000)


def test_of_a_large_or_unreadable_repository_nothing_is_said(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stillness(repo.path("none"), repo.path(".git"), repo.path(".git"), os.environ) is None
    monkeypatch.setattr(module, "MOST", 10)
    assert stillness(repo.root, repo.path(".git"), repo.path(".git"), os.environ) is None


def test_of_a_very_deep_tree_nothing_is_said(repo: Repo) -> None:
    path = repo.root
    for _ in range(1_200):
        path = path / "d"
        path.mkdir()
    assert stillness(repo.root, repo.path(".git"), repo.path(".git"), os.environ) is None
    while path != repo.root:  # shutil.rmtree, which clears up after tests, goes only as deep as it can call itself
        path.rmdir()
        path = path.parent
