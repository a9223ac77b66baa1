"""Where files are: contracts §1."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitferry.config import paths


def test_an_explicit_file_wins_over_the_environment(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "GITFERRY_CONFIG": "/elsewhere.yaml"}
    assert paths.settings_path(Path("given.yaml"), environ) == Path("given.yaml")
    assert paths.settings_path(None, environ) == Path("/elsewhere.yaml")


def test_the_users_file_wins_over_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system, own = tmp_path / "etc.yaml", tmp_path / ".config" / "gitferry" / "config.yaml"
    monkeypatch.setattr(paths, "SYSTEM_SETTINGS", system)
    environ = {"HOME": str(tmp_path)}
    assert paths.settings_path(None, environ) == own
    system.touch()
    assert paths.settings_path(None, environ) == system
    assert paths.settings_to_create(None, environ) == own
    own.parent.mkdir(parents=True)
    own.symlink_to("missing")
    assert paths.settings_path(None, environ) == own


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GITFERRY_STATE_DIR": "/a", "STATE_DIRECTORY": "/b"}, "/a"),
        ({"STATE_DIRECTORY": "/var/lib/gitferry:/var/lib/other"}, "/var/lib/gitferry"),
        ({"XDG_STATE_HOME": "/x"}, "/x/gitferry"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/gitferry"),
        ({"GITFERRY_STATE_DIR": "", "HOME": "/h"}, "/h/.local/state/gitferry"),
    ],
)
def test_state_directory(environ: dict[str, str], expected: str) -> None:
    assert paths.state_dir(environ) == Path(expected)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GITFERRY_RUNTIME_DIR": "/a", "RUNTIME_DIRECTORY": "/b", "HOME": "/h"}, "/a"),
        ({"RUNTIME_DIRECTORY": "/b", "XDG_RUNTIME_DIR": "/c", "HOME": "/h"}, "/b"),
        ({"XDG_RUNTIME_DIR": "/c", "HOME": "/h"}, "/c/gitferry"),
        ({"HOME": "/h"}, "/h/.local/state/gitferry/run"),
    ],
)
def test_runtime_directory(environ: dict[str, str], expected: str) -> None:
    assert paths.runtime_dir(environ) == Path(expected)
    assert paths.socket_to_bind(environ) == Path(expected, "gitferry.sock")


def test_a_client_tries_the_system_service_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "run"
    system.mkdir()
    monkeypatch.setattr(paths, "SYSTEM_RUNTIME", system)
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "user")}
    own = tmp_path / "user" / "gitferry" / "gitferry.sock"
    assert paths.socket_path(environ) == own
    (system / "gitferry.sock").touch()
    assert paths.socket_path(environ) == system / "gitferry.sock"
    assert paths.socket_path({**environ, "GITFERRY_RUNTIME_DIR": "/mine"}) == Path("/mine/gitferry.sock")
    own.parent.mkdir(parents=True)
    own.touch()
    assert paths.socket_path(environ) == own


def test_paths_are_expanded() -> None:
    home, directory = Path("/h"), Path("/etc/gitferry")
    assert paths.expand("~/a", home, directory) == Path("/h/a")
    assert paths.expand("~", home, directory) == Path("/h")
    assert paths.expand("a/b", home, directory) == Path("/etc/gitferry/a/b")
    assert paths.expand("/a", home, directory) == Path("/a")
    assert paths.expand("~root/a", home, directory) == Path("/root/a")
    for wrong in ("", " ", "a\0b", "~no-such-user-here/a"):
        with pytest.raises(ValueError):
            paths.expand(wrong, home, directory)


def test_trees_are_not_in_the_state_directory() -> None:
    environ = {"HOME": "/h"}
    assert paths.state_dir(environ) not in paths.trees_dir(environ).parents


def test_nothing_heavy_is_imported_for_paths_errors_and_verbs() -> None:
    code = (
        "import sys, gitferry.config.paths, gitferry.config.errors, gitferry.config.faults, gitferry.config.units,"
        "gitferry.daemon.cli.config, gitferry.daemon.cli.init;"
        "print([m for m in ('pydantic', 'yaml', 'ruamel') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
