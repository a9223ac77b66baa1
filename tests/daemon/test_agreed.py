"""Commands of the system service's account look where the service does; everyone else's look where they always did."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from gitferry.daemon import unit
from gitferry.daemon.agreed import agreed
from gitferry.daemon.unit import Service

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def installed(tmp_path: Path, account: str = ME, settings: Path | None = None) -> Path:
    path = tmp_path / unit.NAME
    unit.write(path, unit.text(Service("system", Path("/usr/bin/gitferry"), settings, account=account)))
    return path


def test_the_accounts_commands_find_the_services_state(home: Path, tmp_path: Path, state: Path) -> None:
    environ = {"HOME": str(home)}
    settings = tmp_path / "config.yaml"
    found = agreed(environ, None, installed(tmp_path, settings=settings), state)
    assert found == environ | {"STATE_DIRECTORY": str(state), "GITFERRY_CONFIG": str(settings)}
    assert agreed(environ, settings, tmp_path / unit.NAME, state) == found


@pytest.mark.parametrize("chosen", ["GITFERRY_STATE_DIR", "STATE_DIRECTORY", "GITFERRY_CONFIG"])
def test_who_has_chosen_is_left_alone(home: Path, tmp_path: Path, state: Path, chosen: str) -> None:
    environ = {"HOME": str(home), chosen: "/somewhere"}
    assert agreed(environ, None, installed(tmp_path), state) == environ


def test_other_settings_are_another_gitferrys(home: Path, tmp_path: Path, state: Path) -> None:
    environ = {"HOME": str(home)}
    path = installed(tmp_path, settings=Path("/etc/gitferry/config.yaml"))
    assert agreed(environ, tmp_path / "mine.yaml", path, state) == environ


def test_others_than_the_account_are_left_alone(home: Path, tmp_path: Path, state: Path) -> None:
    environ = {"HOME": str(home)}
    assert agreed(environ, None, tmp_path / "none.service", state) == environ
    for name in ("daemon", "no-such-account"):
        (tmp_path / unit.NAME).unlink(missing_ok=True)
        assert agreed(environ, None, installed(tmp_path, name), state) == environ
    (tmp_path / unit.NAME).write_text(f"[Service]\nUser={ME}\n")
    assert agreed(environ, None, tmp_path / unit.NAME, state) == environ


def test_a_service_of_the_users_own_goes_first(home: Path, tmp_path: Path, state: Path) -> None:
    environ = {"HOME": str(home)}
    own = unit.place("user", environ)
    unit.write(own, unit.text(Service("user", Path("/usr/bin/gitferry"))))
    assert agreed(environ, None, installed(tmp_path), state) == environ
