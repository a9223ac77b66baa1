"""The index follows what we committed, and takes no content from the working tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.repos import index
from gitferry.repos.content import FILE, Entry
from gitferry.repos.git import Git, GitError
from gitferry.tests.repo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.write_all({"a": "1\n", "b": "1\n", "dir/x": "1\n"})
    made.commit("one")
    return made


def blob(repo: Repo, text: str) -> Entry:
    return Entry(FILE, repo.git("hash-object", "-w", "--stdin", stdin=text))


def test_entries_follow_and_the_rest_stays(repo: Repo) -> None:
    repo.write("b", "staged\n")
    repo.git("add", "b")
    repo.write("a", "2\n")
    index.follow(Git(repo.root), {"a": blob(repo, "2\n"), "dir/x": None, "dir": blob(repo, "file\n")})
    staged = repo.staged()
    assert repo.git("show", ":a") == "2"
    assert repo.git("show", ":b") == "staged"
    assert repo.git("show", ":dir") == "file"
    assert "dir/x" not in staged


def test_an_edit_made_meanwhile_is_not_staged(repo: Repo) -> None:
    repo.write("a", "edited since\n")
    index.follow(Git(repo.root), {"a": blob(repo, "ours\n")})
    assert repo.git("show", ":a") == "ours"
    assert repo.read("a") == "edited since\n"


def test_the_stat_data_is_fresh(repo: Repo) -> None:
    repo.write("a", "2\n")
    index.follow(Git(repo.root), {"a": blob(repo, "2\n")})
    assert "mtime: 0:0" not in repo.git("ls-files", "--debug", "a")


def test_a_held_lock_is_an_error_and_stays(repo: Repo) -> None:
    lock = repo.path(".git/index.lock")
    lock.write_text("")
    with pytest.raises(GitError, match=r"index\.lock"):
        index.follow(Git(repo.root), {"a": None})
    assert lock.exists()
