"""A look at the whole tree is left out only while nothing changed since one that found all well, not for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitferry.daemon.stills import MOST_LEFT_OUT, Stills
from gitferry.pushback.outcome import Outcome, Request, State
from gitferry.repos.stillness import Stillness

SEEN = Stillness(b"one", 0)
OTHER = Stillness(b"two", 0)
LATER = 10_000_000_000
RECONCILE = Request("reconcile")
FINE = Outcome("a", State.HEALTHY, datetime(2026, 1, 1, tzinfo=UTC))


def looked(stills: Stills, seen: Stillness | None = SEEN, outcome: Outcome = FINE) -> None:
    """Let a look begin and end."""
    assert not stills.needless("a", seen, LATER)
    stills.heard("a", RECONCILE, outcome)


def test_the_next_look_is_needless_while_nothing_changed() -> None:
    stills = Stills()
    looked(stills)
    assert stills.needless("a", SEEN, LATER)
    assert not stills.needless("a", OTHER, LATER)
    assert not stills.needless("a", SEEN, LATER), "what is there now was not looked at"


def test_not_for_ever() -> None:
    stills = Stills()
    looked(stills)
    assert [stills.needless("a", SEEN, LATER) for _ in range(MOST_LEFT_OUT + 1)] == [True] * MOST_LEFT_OUT + [False]


@pytest.mark.parametrize(
    "outcome",
    [
        replace(FINE, pending=1),
        replace(FINE, state=State.CONFLICT),
        replace(FINE, state=State.WAITING),
        replace(FINE, state=State.FAILING, error="no"),
        replace(FINE, state=State.PAUSED),
    ],
)
def test_what_waits_is_looked_at_again(outcome: Outcome) -> None:
    stills = Stills()
    looked(stills, outcome=outcome)
    assert not stills.needless("a", SEEN, LATER)


def test_another_crossing_is_no_look_and_one_that_fails_ends_it() -> None:
    stills = Stills()
    assert not stills.needless("a", SEEN, LATER)
    stills.heard("a", Request("watch"), FINE)
    assert not stills.needless("a", SEEN, LATER)
    stills.heard("a", RECONCILE, FINE)
    assert stills.needless("a", SEEN, LATER)
    stills.heard("a", Request("schedule"), replace(FINE, state=State.FAILING))
    assert not stills.needless("a", SEEN, LATER)


def test_what_cannot_be_told_or_changed_just_now_is_looked_at() -> None:
    stills = Stills()
    looked(stills, None)
    assert not stills.needless("a", None, LATER)
    fresh = Stillness(b"one", LATER - 1)
    assert not stills.needless("a", fresh, LATER)
    stills.heard("a", RECONCILE, FINE)
    assert not stills.needless("a", fresh, LATER * 2)


def test_one_that_goes_is_forgotten() -> None:
    stills = Stills()
    looked(stills)
    stills.forget("a")
    assert not stills.needless("a", SEEN, LATER)
