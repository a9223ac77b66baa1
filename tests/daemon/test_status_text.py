"""The line that `systemctl status` shows."""

from __future__ import annotations

from gitferry.daemon.board import Known
from gitferry.daemon.status_text import text


def test_what_is_well_is_only_counted() -> None:
    assert text([], None) == "0 repositories"
    assert text([Known(state="healthy")], None) == "1 repository"


def test_what_waits_is_told() -> None:
    known = [Known(state="healthy")] * 9 + [
        Known(state="conflict", pending=1, conflicts=1),
        Known(state="failing", pending=1),
        Known(state="waiting"),
    ]
    assert text(known, None) == "12 repositories, 2 pending, 1 conflict, 1 failing, 1 waiting"


def test_faulty_settings_are_told_in_one_line() -> None:
    fault = "/x.yaml has 2 faults\n/x.yaml:3:1: no such key\n/x.yaml:4:1: nor that\n  correct the file"
    assert text([Known()], fault) == "1 repository; settings fault: /x.yaml:3:1: no such key"
    assert (
        text([Known()], "/x.yaml cannot be read\n  see why") == "1 repository; settings fault: /x.yaml cannot be read"
    )
    assert text([Known()], "") == "1 repository; settings fault: they cannot be read"
