"""`gitferry doctor` as a user runs it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from gitferry.tests.daemon.cli.conftest import Gitferry


def test_doctor_goes_on_where_the_daemon_does_not(
    no_repositories: Path, daemon: Callable[[], int], gitferry: Gitferry
) -> None:
    stopped = daemon()
    os.kill(stopped, signal.SIGSTOP)
    try:
        said = gitferry("doctor", code=1)
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert "fail  daemon" in said.out and f"`kill -CONT {stopped}`" in " ".join(said.out.split())
    assert "ok    git" in said.out
