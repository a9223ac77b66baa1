"""Outside a sparse checkout absence is no deletion, and a new file is not one to add."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import pytest

from gitferry.repos import outside, sparse
from gitferry.repos.content import Entry
from gitferry.repos.git import Git
from gitferry.repos.objects import Objects
from gitferry.repos.sparse import Sparse
from gitferry.repos.state import locate, working_state
from gitferry.repos.status import status
from gitferry.tests.repo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.write_all({"in/a": "1\n", "in/b": "1\n", "out/a": "1\n", "out/b": "1\n"})
    made.commit("one")
    made.git("sparse-checkout", "set", "in")
    return made


def patterns(repo: Repo) -> Sparse:
    place = locate(repo.root, os.environ)
    found = sparse.read(place, working_state(Git(repo.root), place).config)
    assert found is not None
    return found


def standing(repo: Repo, *always: str, displaced: Collection[str] = ()) -> dict[str, Entry | None]:
    git = Git(repo.root)
    return outside.standing(patterns(repo), git, status(git).changes, always, displaced)


def refused(repo: Repo) -> dict[str, str]:
    return outside.refused(patterns(repo), status(Git(repo.root)).changes)


def test_what_git_left_out_is_as_head_has_it(repo: Repo) -> None:
    assert standing(repo) == {}
    assert standing(repo, "out/a", "in/a", "out/never") == {"out/a": None, "out/never": None}


def test_a_file_outside_that_went_away_again_is_what_the_index_has(repo: Repo) -> None:
    repo.write("out/a", "2\n")
    repo.git("status")  # git forgets on disk that it had hidden the file
    repo.delete("out/a")
    assert standing(repo) == {"out/a": Entry(*entry(repo, "out/a"))}
    repo.write("out/a", "2\n")
    repo.git("add", "--sparse", "out/a")
    repo.delete("out/a")
    assert standing(repo)["out/a"] == Entry(*entry(repo, "out/a"))


def entry(repo: Repo, path: str) -> tuple[int, str]:
    mode, oid, *_ = repo.git("ls-files", "-s", path).split()
    return int(mode, 8), oid


def test_deletions_that_are_the_users_are_left_alone(repo: Repo) -> None:
    repo.delete("in/a")
    repo.git("rm", "-q", "--sparse", "--cached", "out/a")
    assert standing(repo, "in/a", "out/a") == {}


def test_what_git_has_not_brought_yet_is_not_deleted(repo: Repo) -> None:
    repo.path(".git/info/sparse-checkout").write_text("/*\n!/*/\n/in/\n/out/\n")
    repo.delete("in/a")
    assert standing(repo, "in/a", "out/a") == {"out/a": None}


def test_what_stands_in_the_place_of_a_file_outside_is_no_deletion_of_it(repo: Repo) -> None:
    repo.path("out/a").mkdir(parents=True)
    repo.write("out/a/in", "1\n")
    here, head = patterns(repo), repo.git("rev-parse", "HEAD^{tree}")
    changes = status(Git(repo.root)).changes
    assert outside.displaced(here, changes).keys() == {"out/a"}
    assert outside.displaced(here, changes, {"out/a"}) == {}
    assert standing(repo, displaced=("out/a",)) == {"out/a": Entry(*entry(repo, "out/a"))}
    objects = Objects(repo.root / ".git")
    assert outside.displacing(here, objects, head, changes).keys() == {"out/a/in"}
    assert outside.displacing(here, objects, head, changes, {"out/a"}) == {}


def test_nor_is_a_file_in_the_place_of_a_directory_outside(repo: Repo) -> None:
    repo.write("out", "a file\n")
    changes, head = status(Git(repo.root)).changes, repo.git("rev-parse", "HEAD^{tree}")
    found = outside.displacing(patterns(repo), Objects(repo.root / ".git"), head, changes)
    assert "out/a" in found["out"]
    assert outside.displaced(patterns(repo), changes) == {}


def test_new_files_outside_are_refused_and_no_others(repo: Repo) -> None:
    repo.write_all({"out/new": "1\n", "in/new": "1\n", "new": "1\n", "out/a": "2\n"})
    assert refused(repo).keys() == {"out/new"}
    assert "out/new" in refused(repo)["out/new"]
    repo.git("add", "--sparse", "out/new")
    assert refused(repo) == {}
