"""The command line as tests run it: in this process, or as a process of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from gitferry.config.paths import settings_path
from gitferry.daemon.cli.main import main
from gitferry.daemon.client import connect
from gitferry.tests.repo import Repo

COMMAND = [sys.executable, "-c", "import sys; from gitferry.daemon.cli.main import main; sys.exit(main())"]


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object that was printed."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


class Gitferry(Protocol):
    """`gitferry("status", "--json")` runs the verb and returns how it ended."""

    def __call__(self, *arguments: str, code: int | None = 0) -> Said: ...


class Register(Protocol):
    """`register(tree, "auto_push: false")` makes a tree the repository `work`, under these push settings."""

    def __call__(self, tree: Repo, pushback: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Registered:
    """One registered working tree, its remote, and the command line."""

    tree: Repo
    remote: Repo
    run: Gitferry


#: For a test that a running daemon adds nothing to.
alone = pytest.mark.parametrize("register", ["alone"], indirect=True)


@pytest.fixture
def gitferry(capfd: pytest.CaptureFixture[str]) -> Gitferry:
    """Run a verb in this process; it must end with `code` unless that is None."""

    def run(*arguments: str, code: int | None = 0) -> Said:
        capfd.readouterr()
        ended = main(arguments)
        said = Said(ended, *capfd.readouterr())
        assert code is None or ended == code, said
        return said

    return run


@pytest.fixture
def settings() -> Path:
    """Where the settings file is in the test's home; it is not there yet."""
    return settings_path(None, os.environ)


@pytest.fixture
def no_repositories(settings: Path) -> Path:
    """The settings file, which names no repository."""
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("version: 1\nrepositories: []\n")
    return settings


@pytest.fixture
def tell(gitferry: Gitferry, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """`tell("secret\\n", "credentials", …)` runs a verb with that on standard input."""

    def run(given: str | bytes, *arguments: str, code: int | None = 0) -> Said:
        data = given if isinstance(given, bytes) else given.encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        return gitferry(*arguments, code=code)

    return run


@pytest.fixture
def daemon(settings: Path, tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Start `gitferry run` and return its process id once its socket answers; it is ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> int:
        log = tmp_path / "daemon.log"
        with log.open("wb") as output:
            process = subprocess.Popen([*COMMAND, "run"], stdout=output, stderr=output)
        started.append(process)
        give_up = time.monotonic() + 30
        while (client := connect(os.environ)) is None:  # its socket's file is there before it listens
            assert process.poll() is None and time.monotonic() < give_up, log.read_text()
            time.sleep(0.05)
        client.close()
        return process.pid

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.fixture(params=["alone", "daemon"])
def register(request: pytest.FixtureRequest, settings: Path, daemon: Callable[[], int]) -> Register:
    """Write the settings, and start a daemon where the test has one; a test that asks for this runs both ways."""

    def write(tree: Repo, pushback: str) -> None:
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(
            f"version: 1\ndefaults:\n  pushback: {{{pushback}}}\n  watch: {{quiet: 300ms}}\n"
            f"repositories:\n  - name: work\n    path: {tree.root}\n"
        )
        if request.param == "daemon":
            daemon()

    return write
