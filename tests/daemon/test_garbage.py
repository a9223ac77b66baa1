"""Python's looks for garbage: seldom in a verb, as usual in a daemon, and in either it goes."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

CYCLES = """
import gc, weakref
from gitferry.daemon.garbage import look_as_usual, look_seldom

class Cycle:
    def __init__(self):
        self.self = self

usual = gc.get_threshold()
look_seldom()
{begun}
seen = weakref.ref(Cycle())
kept = []
while seen() is not None and len(kept) < {most}:
    kept.append([])
print(seen() is None, gc.get_threshold() == usual, gc.get_freeze_count() > 1000)
"""


@pytest.mark.parametrize(
    ("begun", "most", "expected"),
    [("", 1_000, "False False False"), ("", 300_000, "True False False"), ("look_as_usual()", 1_000, "True True True")],
)
def test_a_cycle_goes_sooner_or_later(begun: str, most: int, expected: str) -> None:
    code = CYCLES.format(begun=begun, most=most)
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == expected


def test_importing_it_changes_nothing() -> None:
    code = "import gc; before = gc.get_threshold(); import gitferry.daemon.garbage; print(before == gc.get_threshold())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "True"
    assert gc.isenabled()
