"""Wishes that become one: what is still being saved stays out, and what has rested since does not."""

from __future__ import annotations

from gitferry.pushback.crossing import cross
from gitferry.pushback.outcome import Request
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

SAVED = frozenset({"saved.md"})
BUSY, RESTED = Request("watch", paths=SAVED, unsettled=SAVED), Request("watch", paths=SAVED)


def test_what_has_rested_while_the_first_wish_waited_goes(here: Side, remote: Repo) -> None:
    here.repo.write("saved.md", "saved\n")
    healthy(cross(here.settings, BUSY.merge(RESTED), host=here.host))
    assert remote.tree("main")["saved.md"] == b"saved\n"


def test_only_a_later_wish_says_that_a_path_has_rested() -> None:
    assert RESTED.merge(BUSY).unsettled == SAVED
    assert BUSY.merge(Request("watch", paths=frozenset({"other.md"}))).unsettled == SAVED
    assert BUSY.merge(Request("watch")).unsettled == frozenset(), "all that is being saved is named with it"
