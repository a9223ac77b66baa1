"""Log lines: one a fact, in either form, without credentials."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.daemon import logs


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_carry_what_belongs_to_the_fact() -> None:
    stream = io.StringIO()
    logs.set_up("info", "json", stream)
    log = logging.getLogger("gitferry.test")
    log.debug("not this")
    log.info("pushed to %s", "https://me:hunter22@example.org/r.git", extra={"action": "push", "repository": "r"})
    line = json.loads(stream.getvalue())
    assert (line["level"], line["action"], line["repository"]) == ("info", "push", "r")
    assert line["at"].endswith("Z") and "hunter22" not in stream.getvalue()


def test_text_lines_show_the_exception_without_its_secret() -> None:
    stream = io.StringIO()
    logs.set_up("warning", "text", stream)
    try:
        raise ValueError("Authorization: Bearer abcdef0123456789abcdef")
    except ValueError:
        logging.getLogger("gitferry.test").exception("it failed")
    assert " ERROR it failed\n" in stream.getvalue() and "ValueError" in stream.getvalue()
    assert "abcdef0123456789" not in stream.getvalue()


def test_the_journal_is_told_the_level_of_every_line() -> None:
    stream = io.StringIO()
    logs.set_up("debug", "text", stream, journal=True)
    log = logging.getLogger("gitferry.test")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        log.log(level, "first\nsecond")
    assert stream.getvalue().splitlines() == [f"<{number}>{line}" for number in "76432" for line in ("first", "second")]


def test_the_journal_is_told_the_level_of_every_line_of_a_traceback() -> None:
    stream = io.StringIO()
    logs.set_up("info", "text", stream, journal=True)
    try:
        raise ValueError("no such thing")
    except ValueError:
        logging.getLogger("gitferry.test").exception("it failed")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "<3>it failed" and lines[-1].endswith("no such thing") and len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)


def test_json_stays_json_in_the_journal() -> None:
    stream = io.StringIO()
    logs.set_up("info", "json", stream, journal=True)
    logging.getLogger("gitferry.test").warning("two\nlines")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line.removeprefix("<4>"))["message"] == "two\nlines"


def test_the_journal_is_known_by_the_stream_itself(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as file:
        found = os.fstat(file.fileno())
        named = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert logs.to_journal(named, file.fileno())
        assert not logs.to_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"}, file.fileno())
        assert not logs.to_journal({}, file.fileno())
    closed = "import os; from gitferry.daemon.logs import to_journal; os.close(2); print(to_journal({}))"
    assert subprocess.check_output([sys.executable, "-c", closed], text=True) == "False\n"
