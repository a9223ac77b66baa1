"""Log lines: one a fact, in either form, without credentials."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

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
