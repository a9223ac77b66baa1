"""`gitferry service` where no systemd manager answers: the unit is written, and what is left to do is said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.daemon import unit
from gitferry.daemon.remains import CLEAR
from gitferry.tests.daemon.cli.conftest import Gitferry
from gitferry.tests.repo import Repo


def test_install_writes_the_unit_and_says_what_to_run(gitferry: Gitferry, settings: Path) -> None:
    settings.parent.mkdir(parents=True)
    settings.write_text("version: 1\n")
    path = unit.place("user", os.environ)
    said = gitferry("service", "install", "--user")
    assert path.read_text().startswith("# Written by `gitferry service install`")
    assert "systemctl --user daemon-reload" in said.out
    assert "systemctl --user enable --now gitferry.service" in said.out
    again = gitferry("service", "install", "--json").json
    assert again["unit"] == str(path)
    assert (again["written"], again["enabled"]) == (False, False)
    assert again["to_run"] == ["systemctl --user daemon-reload", "systemctl --user enable --now gitferry.service"]


def test_the_unit_names_the_settings_that_were_given(gitferry: Gitferry, tmp_path: Path) -> None:
    gitferry("--config", str(tmp_path / "my config.yaml"), "service", "install")
    assert f'--config "{tmp_path}/my config.yaml" run\n' in unit.place("user", os.environ).read_text()


def test_install_without_settings_says_that_they_come_first(gitferry: Gitferry) -> None:
    said = gitferry("service", "install")
    assert "it is not started" in said.out
    assert "gitferry add PATH" in said.out
    assert "enable gitferry.service" in said.out
    assert "enable --now" not in said.out


def test_a_unit_of_someone_else_is_left_alone(gitferry: Gitferry) -> None:
    path = unit.place("user", os.environ)
    path.parent.mkdir(parents=True)
    path.write_text("[Service]\n")
    for verb in ("install", "uninstall", "status"):
        said = gitferry("service", verb, code=1)
        assert "was not written by gitferry" in said.err
    assert path.read_text() == "[Service]\n"


def test_uninstall_removes_it_once(gitferry: Gitferry) -> None:
    gitferry("service", "install")
    said = gitferry("service", "uninstall")
    assert "systemctl --user stop gitferry.service" in said.out
    assert not unit.place("user", os.environ).exists()
    assert "nothing to do" in gitferry("service", "uninstall").out


def test_uninstall_says_what_stays_and_how_to_remove_it(
    gitferry: Gitferry, clone: Callable[..., Repo], settings: Path
) -> None:
    here = clone("here")
    gitferry("add", str(here.root), "--yes")
    gitferry("sync")
    here.write("notes.md", "<<<<<<< ours\n=======\n>>>>>>> theirs\n")
    assert gitferry("sync", code=4).out
    files, refs = here.worktree(), here.refs("refs/heads/")
    gitferry("service", "install")
    said = gitferry("service", "uninstall")
    assert str(settings) in said.out
    assert os.environ["GITFERRY_STATE_DIR"] in said.out
    assert "here: 1 pending" in said.out
    assert here.refs("refs/gitferry/")
    for command in CLEAR:
        assert command in said.out
        subprocess.run(command, shell=True, cwd=here.root, check=True)
    assert here.refs("refs/gitferry/") == {}
    assert not here.exists(".git/gitferry")
    assert (here.worktree(), here.refs("refs/heads/")) == (files, refs)
    here.fsck()


def test_status_tells_whether_it_is_installed(gitferry: Gitferry) -> None:
    row = gitferry("service", "status", "--json", code=1).json
    assert (row["installed"], row["manager"], row["active"]) == (False, False, None)
    gitferry("service", "install")
    assert gitferry("service", "status", "--json", code=1).json["installed"] is True


def test_a_unit_of_another_version_is_noticed_and_an_edited_one_is_its_users(
    gitferry: Gitferry, tmp_path: Path
) -> None:
    settings = tmp_path / "my settings.yaml"
    path = Path(gitferry("--config", str(settings), "service", "install", "--json").json["unit"])
    current = path.read_text()
    assert gitferry("service", "status", "--json", code=1).json["written"] == "current"
    older = "".join(line for line in current.splitlines(True) if not line.startswith(("# Form", "WatchdogSec")))
    remedy = f"gitferry --config '{settings}' service install"
    for text, how in ((older, "older"), (current.replace("RestartSec=10", "RestartSec=20"), "edited")):
        path.write_text(text)
        assert gitferry("service", "status", "--json", code=1).json["written"] == how
        said = gitferry("service", "status", code=1).out
        assert remedy in said and ("another version" if how == "older" else "edited by hand") in said
        told = [each for each in gitferry("doctor", "--json", code=None).json["checks"] if each["name"] == "unit"]
        assert any(remedy == each["remedy"] for each in told) is (how == "older")
    gitferry("--config", str(settings), "service", "install")
    assert path.read_text() == current


def test_a_unit_that_is_written_anew_keeps_its_directories(
    gitferry: Gitferry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "state, 100%"
    monkeypatch.setenv("GITFERRY_STATE_DIR", str(elsewhere))
    path = Path(gitferry("service", "install", "--json").json["unit"])
    current = path.read_text()
    monkeypatch.delenv("GITFERRY_STATE_DIR")
    gitferry("service", "install")
    assert path.read_text() == current and "100%%" in current
    monkeypatch.setenv("GITFERRY_STATE_DIR", str(tmp_path / "other"))
    gitferry("service", "install")
    assert f"GITFERRY_STATE_DIR={tmp_path / 'other'}" in path.read_text()


def test_an_account_is_for_the_systems_service(gitferry: Gitferry) -> None:
    assert "add --system" in gitferry("service", "install", "--account", "root", code=2).err
    said = gitferry("service", "install", "--system", "--account", "nobody-of-that-name", code=1)
    assert "there is no account" in said.err


def test_reload_without_a_daemon(gitferry: Gitferry) -> None:
    assert "no daemon answers" in gitferry("service", "reload", code=1).err


def test_reload_waits_until_the_settings_are_in_force(
    gitferry: Gitferry, settings: Path, daemon: Callable[[], int]
) -> None:
    settings.parent.mkdir(parents=True)
    settings.write_text("version: 1\n")
    daemon()
    assert gitferry("service", "reload").out == "The settings are in force.\n"
    settings.write_text("version: 1\nrepositories: [{name: tasks, path: /nowhere/tasks}]\n")
    assert "tasks added" in gitferry("service", "reload").out
    settings.write_text("version: 2\n")
    said = gitferry("service", "reload", code=1).err
    assert "the last good settings stay in force" in said and "config.yaml:1:" in said
