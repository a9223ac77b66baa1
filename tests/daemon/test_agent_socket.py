"""A daemon that systemd started finds the user's ssh agent where the user's manager knows it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gitferry.daemon.agent_socket import with_agent


@pytest.fixture
def agent(runtime_directory: Path) -> str:
    """A socket, and a `systemctl` whose user manager knows it."""
    path = runtime_directory / "agent"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    program = runtime_directory / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n[ "$1 $3" = "--user show-environment" ] && echo "A=b" && echo "SSH_AUTH_SOCK={path}"\n'
    )
    program.chmod(0o755)
    return str(path)


def started(runtime_directory: Path, **more: str) -> dict[str, str]:
    return {"PATH": f"{runtime_directory}/bin:{os.environ['PATH']}", "INVOCATION_ID": "1", **more}


def test_the_managers_agent_is_used(agent: str, runtime_directory: Path) -> None:
    assert with_agent(started(runtime_directory))["SSH_AUTH_SOCK"] == agent


@pytest.mark.parametrize("own", ["", "/elsewhere"])
def test_the_units_own_word_stands(agent: str, runtime_directory: Path, own: str) -> None:
    assert with_agent(started(runtime_directory, SSH_AUTH_SOCK=own))["SSH_AUTH_SOCK"] == own


def test_a_shell_and_an_agent_that_ended_change_nothing(agent: str, runtime_directory: Path) -> None:
    shell = {"PATH": f"{runtime_directory}/bin:{os.environ['PATH']}"}
    assert with_agent(shell) == shell
    Path(agent).unlink()
    assert "SSH_AUTH_SOCK" not in with_agent(started(runtime_directory))


def test_no_manager_is_no_agent(tmp_path: Path) -> None:
    assert with_agent({"PATH": str(tmp_path), "INVOCATION_ID": "1"}) == {"PATH": str(tmp_path), "INVOCATION_ID": "1"}
