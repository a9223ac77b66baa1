"""What is remembered of a repository is asked for again as soon as it may have changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitferry.repos.git import Git
from gitferry.repos.known import Known
from gitferry.repos.state import NotARepository
from gitferry.tests.repo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


def setting(known: Known, repo: Repo, key: str) -> str | None:
    place = known.place(repo.root, os.environ)
    return known.config(Git(place.root, git_dir=place.git_dir), place, os.environ).get(key)


def test_settings_are_read_again_when_a_file_changes(repo: Repo, home: Path) -> None:
    known = Known()
    assert setting(known, repo, "some.key") is None
    repo.git("config", "some.key", "here")
    assert setting(known, repo, "some.key") == "here"
    repo.git("config", "--unset", "some.key")
    repo.git("config", "--global", "some.key", "everywhere")
    assert setting(known, repo, "some.key") == "everywhere"


def test_settings_that_include_others_are_always_read(repo: Repo, tmp_path: Path) -> None:
    known, other = Known(), tmp_path / "included"
    other.write_text("[some]\n\tkey = 1\n")
    repo.git("config", "include.path", str(other))
    assert setting(known, repo, "some.key") == "1"
    other.write_text("[some]\n\tkey = 2\n")
    assert setting(known, repo, "some.key") == "2"


def test_a_repository_that_is_gone_or_another_is_noticed(repo: Repo) -> None:
    known = Known()
    assert known.place(repo.root, os.environ).root == repo.root
    shutil.move(repo.path(".git"), repo.path("moved"))
    with pytest.raises(NotARepository):
        known.place(repo.root, os.environ)
    shutil.move(repo.path("moved"), repo.path(".git"))
    assert known.place(repo.root, os.environ).git_dir == repo.path(".git")


def test_settings_that_changed_have_another_stamp(repo: Repo) -> None:
    known = Known()
    assert known.settings_stamp(repo.root, os.environ) is None
    known.place(repo.root, os.environ)
    before = known.settings_stamp(repo.root, os.environ)
    repo.write("file", "x")
    assert known.settings_stamp(repo.root, os.environ) == before is not None
    repo.git("remote", "add", "other", "https://example.org/x.git")
    assert known.settings_stamp(repo.root, os.environ) != before
