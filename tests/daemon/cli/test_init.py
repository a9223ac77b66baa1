"""`gitferry init`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gitferry.config.load import load
from gitferry.config.template import PROFILES
from gitferry.daemon.cli import init
from gitferry.tests.daemon.cli.conftest import Gitferry


@pytest.mark.parametrize("profile", PROFILES)
def test_a_commented_valid_file_that_its_owner_alone_can_read(gitferry: Gitferry, settings: Path, profile: str) -> None:
    said = gitferry("init", "--profile", profile)
    assert str(settings) in said.out
    load(settings, os.environ)
    assert "# The running process." in settings.read_text()
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600


def test_the_profiles_offered_are_those_there_are() -> None:
    assert tuple(PROFILES) == init.PROFILES


def test_an_existing_file_is_never_written_over(gitferry: Gitferry, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1\n")
    said = gitferry("--config", str(file), "init", code=1)
    assert "exists already" in said.err and file.read_text() == "version: 1\n"


def test_json_and_an_unknown_profile(gitferry: Gitferry, settings: Path) -> None:
    assert gitferry("init", "--profile", "laptop", code=2).out == ""
    assert not settings.exists()
    assert gitferry("init", "--json").json == {"settings": str(settings), "profile": "workstation"}
