"""`gitferry status --watch` in a real terminal, where there is none, and while daemons come and go."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gitferry.daemon.cli.watched_status import picture
from gitferry.tests.daemon.cli.conftest import COMMAND

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A command in a terminal of 80 columns and 24 lines, and all that it wrote there."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        self.master, slave = pty.openpty()
        self.resize(24, 80)
        self.mode = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=os.environ | {"TERM": "xterm"} | environ,
            start_new_session=True,
        )
        self.slave = slave
        self.text = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, words: str, seconds: float = 30.0) -> str:
        """Read until `words` are written, and return what was written since the last time."""
        begun, end = len(self.text), time.monotonic() + seconds
        while words not in self.text[begun:]:
            assert time.monotonic() < end, self.text
            if select.select([self.master], [], [], 0.2)[0]:
                self.text += self.decoder.decode(os.read(self.master, 65536))
        return self.text[begun:]

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)

    def rest(self) -> str:
        while select.select([self.master], [], [], 0.2)[0]:
            self.text += self.decoder.decode(os.read(self.master, 65536))
        return self.text


@contextmanager
def terminal(*arguments: str, **environ: str) -> Iterator[Terminal]:
    found = Terminal(*arguments, **environ)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait()
        os.close(found.slave)
        os.close(found.master)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_the_terminal_is_as_it_was_however_it_ends(no_repositories: Path, number: int, code: int) -> None:
    with terminal("status", "--watch") as shown:
        assert ENTER in shown.until("q ends")
        shown.until("No repositories yet")
        assert shown.end(number) == code
        assert LEAVE in shown.rest() and shown.text.count(ENTER) == 1
        assert termios.tcgetattr(shown.slave) == shown.mode


@pytest.mark.parametrize("exported", [{}, {"COLUMNS": "80", "LINES": "24"}])
def test_q_ends_it_and_a_new_size_is_seen(no_repositories: Path, exported: dict[str, str]) -> None:
    with terminal("status", "--watch", NO_COLOR="1", **exported) as shown:
        shown.until("q ends")
        shown.resize(5, 50)
        os.killpg(shown.process.pid, signal.SIGWINCH)
        while not re.search(r"gitferry status {19}[0-9:]{8}  q ends", shown.text):
            shown.until("q ends")  # one of the old size may have been on its way, or a part of one
        assert not COLOUR.search(shown.text)
        os.write(shown.master, b"q")
        assert shown.process.wait(20) == 0


def test_a_daemon_that_comes_and_goes_is_noticed(no_repositories: Path, daemon: Callable[[], int]) -> None:
    with terminal("status", "--watch", NO_COLOR="1") as shown:
        shown.until("The daemon is not running")
        pid = daemon()
        shown.until("The daemon is running")
        os.kill(pid, signal.SIGSTOP)
        try:
            assert "The daemon is running" in shown.until(f"`kill -CONT {pid}`") + shown.until("The daemon is running")
        finally:
            os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGTERM)
        shown.until("The daemon is not running")


def test_a_log_that_is_asked_for_is_not_written_into_the_picture(
    no_repositories: Path, daemon: Callable[[], int]
) -> None:
    pid = daemon()
    with terminal("-v", "status", "--watch") as shown:
        shown.until(f"asked the daemon (process {pid}): GET /api/v1/status")
        shown.until(f"asked the daemon (process {pid}): GET /api/v1/status")
        assert ENTER not in shown.text


def test_a_fault_of_the_settings_meanwhile_is_shown(no_repositories: Path) -> None:
    with terminal("status", "--watch", NO_COLOR="1") as shown:
        shown.until("No repositories yet")
        no_repositories.write_text("version: 1\nrepositorys: []\n")
        shown.until("no news: ")
        assert "repositorys" in shown.text + shown.rest()
        no_repositories.write_text("version: 1\nrepositories: []\n")
        while "no news" in (seen := shown.until("No repositories yet")):
            pass
        assert "q ends" in seen


@pytest.mark.parametrize("json", [False, True])
def test_without_a_terminal_it_is_printed_line_by_line(no_repositories: Path, json: bool) -> None:
    words = [*COMMAND, "status", "--watch", *(["--json"] if json else [])]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen: list[str] = []
        while sum("running" in line for line in seen) < 2:
            seen.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert "\x1b" not in "".join(seen)
        assert not json or all(line.startswith("{") for line in seen)


def test_a_terminal_that_cannot_move_its_cursor_is_none(no_repositories: Path) -> None:
    with terminal("status", "--watch", TERM="dumb") as shown:
        shown.until("No repositories yet")
        shown.until("No repositories yet")
        assert shown.end(signal.SIGINT) == 130
        assert "\x1b" not in shown.rest()


def test_a_first_look_that_fails_is_told_as_ever(settings: Path) -> None:
    with terminal("status", "--watch") as shown:
        assert shown.process.wait(20) == 1
        assert ENTER not in shown.rest() and "error:" in shown.text


def lines(answer: Mapping[str, Any], few: bool) -> list[str]:
    shown: Sequence[str] = answer["few"] if few else answer["all"]
    return list(shown)


@pytest.mark.parametrize(
    ("height", "expected"),
    [
        (24, ["a", "b", "c", "d", "e"]),
        (5, ["a", "2 are healthy"]),
        (2, ["… 2 more lines: `gitferry status` shows all"]),
    ],
)
def test_what_does_not_fit_is_left_out_the_healthy_first(height: int, expected: list[str]) -> None:
    answer = {"all": ["a", "b", "c", "d", "e"], "few": ["a", "2 are healthy"]}
    head, *shown = picture(answer, [], datetime(2025, 1, 1, 12), lines, height)
    assert shown == expected and len(shown) < height
    assert "gitferry status" in head and "12:00:00  q ends" in head
