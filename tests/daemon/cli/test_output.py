"""What is printed fits, is safe for a terminal, and is coloured only where that is wanted."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TextIO

import pytest

from gitferry.daemon.cli import output

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


class Terminal:
    """A real pseudo-terminal: a stream to print to, and what arrived at its other side."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        self.stream: TextIO = os.fdopen(slave, "w")

    def said(self) -> str:
        """Return all that was printed; the kernel hands it over in pieces."""
        self.stream.flush()
        arrived = b""
        while select.select([self._master], [], [], 0.1)[0]:
            arrived += os.read(self._master, 65536)
        return arrived.decode()

    def close(self) -> None:
        self.stream.close()
        os.close(self._master)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    with closing(Terminal()) as terminal:
        yield terminal


@pytest.mark.parametrize("name", ["short", "n" * 200, "日本語のタスク" * 20, "é" * 90])
def test_a_table_never_leaves_its_limit(name: str) -> None:
    why = "because " * 30
    lines = output.table(("TASK", "VERSION", "WHY"), [(name, "1.0", why), ("b", "2", "")], limit=80)
    assert all(output._columns(line) <= 80 for line in lines)
    assert "1.0" in lines[1] and ("…" in lines[1]) is (output._columns(name) > 71)
    assert " ".join(lines[2:-1]).split() == why.split(), "the last column goes on below, whole"
    assert lines[0].index("VERSION") == lines[-1].index("2")


def test_only_a_row_that_does_not_fit_goes_on_below() -> None:
    why = "because " * 30
    lines = output.table(("TASK", "WHY"), [("a", "staged"), ("b", why), ("c", "")], limit=80)
    assert lines[:3] == ["TASK  WHY", "a     staged", "b"] and lines[3].startswith("    because") and lines[-1] == "c"


def test_without_a_terminal_nothing_is_cut() -> None:
    name, why = "n" * 200, "because " * 30
    assert output.table(("TASK", "WHY"), [(name, why)])[1] == f"{name}  {why.rstrip()}"
    assert output.wrapped(why, indent="  ") == [f"  {why.rstrip()}"]


def test_a_command_is_not_broken() -> None:
    lines = output.wrapped("see `gitferry diff TASK --remote`, then go on", limit=30, indent="    ", first="  → ")
    assert lines == ["  → see", "    `gitferry diff TASK --remote`,", "    then go on"]


def test_a_last_column_that_stays_beside_the_others_makes_them_narrower() -> None:
    header, row = ("REPOSITORY", "STATE", "NEXT PULL"), ("a-very-long-name-of-a-repository", "healthy", "in 4 min")
    lines = output.table(header, [row], limit=40, beside=True)
    assert lines == ["REPOSITORY            STATE    NEXT PULL", "a-very-long-name-of…  healthy  in 4 min"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "over"),
        (0.4, "1 s left"),
        (90, "90 s left"),
        (121, "3 min left"),
        (7200, "2 h left"),
        (7100, "1 h 59 min left"),
        (90000, "1 d 1 h left"),
    ],
)
def test_what_is_left_of_a_time_is_never_told_too_short(seconds: float, said: str) -> None:
    until = (NOW + timedelta(seconds=seconds)).isoformat()
    assert output.remaining(until, NOW) == said


def test_colours_take_no_columns() -> None:
    assert output._columns("\x1b[31malert\x1b[0m") == 5


def test_a_table_that_fits_is_not_shortened() -> None:
    assert output.table(("A", "B"), [("one", "two"), ("three", "")]) == ["A      B", "one    two", "three"]


def test_what_a_file_name_could_do_to_a_terminal_is_taken_from_it() -> None:
    assert output.printable("a\x1b[31mred\x07\u202e\nb") == "a?[31mred???b"
    assert output.printable("a\nb\tc", lines=True) == "a\nb\tc"
    assert output.printable("caf\udce9 naïve 日本") == "caf\ufffd naïve 日本"


def test_json_is_readable_and_holds_bytes_that_are_no_text(capfd: pytest.CaptureFixture[str]) -> None:
    output.print_json({"tasks": ["naïve"]})
    assert "naïve" in capfd.readouterr().out
    output.print_json({"tasks": ["caf\udce9"]})
    assert json.loads(capfd.readouterr().out) == {"tasks": ["caf\udce9"]}


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        (None, "-"),
        ("2025-03-01T12:00:00Z", "now"),
        ("2025-03-01T11:59:30Z", "30 s ago"),
        ("2025-03-01T11:57:10Z", "2 min ago"),
        ("2025-03-01T09:00:00Z", "3 h ago"),
        ("2025-02-01T12:00:00Z", "28 d ago"),
        ("2025-03-01T12:05:00Z", "in 5 min"),
        ("2025-03-01T13:59:59.500Z", "in 2 h"),
    ],
)
def test_instants_are_told_from_now(instant: str | None, said: str) -> None:
    assert output.relative(instant, NOW) == said


def test_instants_are_shown_in_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert output.local("2025-03-01T12:00:00Z") == "2025-03-01 21:00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_colour_is_for_a_terminal_only(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert output.paint("x", "red") == "x"
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    assert output.paint("x", "red") == "\x1b[31mx\x1b[0m"
    coloured = output.table(("STATE",), [("conflict",)])[1]
    assert coloured.startswith("\x1b[31mconflict")
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.paint("x", "red") == "x"
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert output.paint("x", "red") == "x"


def test_progress_shows_after_a_second_and_erases_itself(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    with output.progress("waiting"):
        pass
    assert terminal.said() == ""
    with output.progress("waiting"):
        time.sleep(1.2)
    assert terminal.said() == "\rwaiting… 1 s\x1b[K\r\x1b[K"


def test_progress_is_silent_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with output.progress("waiting"):
        time.sleep(1.2)
    assert capfd.readouterr().err == ""


def test_messages_are_wrapped_on_a_terminal_and_nowhere_else(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "a title of several words that does not fit\nFILE:1:2: kept  as it is"
    monkeypatch.setenv("COLUMNS", "40")
    assert output.said(text, indent="  ", first="error: ") == f"error: {text}".splitlines()
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    found = output.said(text, indent="  ", first="error: ")
    assert found == ["error: a title of several words that", "  does not fit", "FILE:1:2: kept  as it is"]
