"""The test kit itself: what the other tests stand on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest

from gitferry.tests import samples
from gitferry.tests.repo import Repo


def test_a_clone_holds_the_sample_registry(clone: Callable[..., Repo]) -> None:
    work = clone("here")
    expected = {name: text.encode() for name, text in samples.files().items()}
    assert work.worktree() == expected
    assert work.tree() == expected
    assert work.status() == ""
    assert work.log() == ["The sample registry"]
    work.fsck()


def test_edits_travel_by_plain_git(clone: Callable[..., Repo], remote: Repo) -> None:
    here, there = clone("here"), clone("there")
    here.write("tasks/celsius/main.js", "// new\n", executable=True)
    here.link("latest", "tasks/celsius")
    here.delete("tasks/report/tests/test-001.json")
    tip = here.commit("An edit, a link and a deletion")
    assert here.changed() == ["latest", "tasks/celsius/main.js", "tasks/report/tests/test-001.json"]
    here.push()
    there.pull()
    assert there.head == remote.tip("main") == tip
    assert there.worktree() == here.worktree() == remote.tree("main")
    assert remote.entries("main")["latest"][0] == "120000"
    assert remote.entries("main")["tasks/celsius/main.js"][0] == "100755"
    assert there.is_linear()


def test_a_failed_command_shows_what_git_said(clone: Callable[..., Repo]) -> None:
    with pytest.raises(AssertionError, match=r"unknown revision|Needed a single revision"):
        clone("here").tip("no-such-branch")


def test_an_empty_remote_has_no_refs(empty_remote: Repo) -> None:
    assert empty_remote.refs() == {}


def test_no_test_sees_the_real_home(home: Path, tmp_path: Path) -> None:
    assert Path.home() == home
    assert home.is_relative_to(tmp_path)
    for name, value in os.environ.items():
        if name.startswith(("XDG_", "GIT_CONFIG_GLOBAL")):
            assert value.startswith((str(tmp_path), os.environ["XDG_RUNTIME_DIR"]))
    assert pygit2.Config.get_global_config()["user.name"] == "Test Person"
    socket = Path(os.environ["GITFERRY_RUNTIME_DIR"]) / "gitferry.sock"
    assert len(os.fsencode(socket)) < 108
