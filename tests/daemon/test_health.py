"""How well a repository is said to be, for all that can be known of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitferry.config.model import Health as Thresholds
from gitferry.daemon.board import Known, from_outcome
from gitferry.daemon.cli import status
from gitferry.daemon.health import Health, condition, lag
from gitferry.daemon.vitals import Vital
from gitferry.pushback.outcome import Outcome, PushStatus, State, TaskState

AT = datetime(2026, 1, 2, tzinfo=UTC)
HEALTHY, DEGRADED, FAILING, WAITING, PAUSED = Health


def failed(times: int) -> Vital:
    return Vital(failures=times, seen=True)


@pytest.mark.parametrize(
    ("known", "vital", "watching", "health", "why"),
    [
        (Known(), Vital(), None, WAITING, "its first crossing"),
        (Known(state="healthy"), Vital(), "all", HEALTHY, None),
        (Known(state="healthy"), Vital(), "off: edits go out with each pull", HEALTHY, None),
        (Known(state="healthy"), Vital(), "being set up", HEALTHY, None),
        (Known(state="healthy"), Vital(), "not watched: no such directory", DEGRADED, "not watched: no such directory"),
        (Known(state="waiting", waiting_for="a rebase"), failed(9), "all", WAITING, "a rebase"),
        (Known(state="waiting", waiting_for="no network", offline=True), failed(9), "all", WAITING, "no network"),
        (Known(state="paused", waiting_for="paused"), failed(9), "all", PAUSED, "paused"),
        (Known(state="failing", last_error="no"), failed(1), "all", DEGRADED, "no"),
        (Known(state="failing", last_error="no"), failed(2), "all", DEGRADED, "no"),
        (Known(state="failing", last_error="no"), failed(3), "all", FAILING, "no"),
        (Known(state="failing", last_error="no"), Vital(), "all", FAILING, "no"),
        (Known(state="healthy"), Vital(failures=1, error="refused", seen=True), "all", DEGRADED, "refused"),
        (Known(state="healthy"), Vital(failures=3, error="refused", seen=True), "all", FAILING, "refused"),
        (Known(state="conflict", conflicts=1), Vital(), "all", DEGRADED, "1 task in conflict"),
        (Known(state="healthy", refused=2), Vital(), "all", DEGRADED, "2 tasks failed"),
        (Known(state="healthy"), Vital(9, 0.1), "all", HEALTHY, None),
        (Known(state="healthy"), Vital(10, 0.9), "all", HEALTHY, None),
        (Known(state="healthy"), Vital(10, 0.8), "all", DEGRADED, "80% of its crossings in 24 hours succeeded"),
    ],
)
def test_the_condition(known: Known, vital: Vital, watching: str | None, health: Health, why: str | None) -> None:
    found = condition(known, vital, watching=watching, thresholds=Thresholds())
    assert (found.health, found.why) == (health, why)


def test_the_threshold_is_a_setting() -> None:
    known = Known(state="failing", last_error="no")
    assert condition(known, failed(1), watching="all", thresholds=Thresholds(unhealthy=1)).health is FAILING


def task(status: PushStatus, minutes: int | None) -> TaskState:
    at = None if minutes is None else AT - timedelta(minutes=minutes)
    return TaskState("1", "a", "a", "a", "file", None, status, local_modification_time=at)


@pytest.mark.parametrize(
    ("tasks", "seconds"),
    [
        ((), None),
        ((task(PushStatus.PENDING, 2), task(PushStatus.CONFLICT, 5), task(PushStatus.FAILED, 1)), 300.0),
        ((task(PushStatus.IN_REVIEW, 9), task(PushStatus.COMPLETED, 9)), None),
        ((task(PushStatus.PENDING, None),), None),
        ((task(PushStatus.PENDING, -60),), 0.0),
    ],
)
def test_the_lag_is_that_of_the_oldest_edit_that_has_not_left(
    tasks: tuple[TaskState, ...], seconds: float | None
) -> None:
    known = from_outcome(Outcome("a", State.HEALTHY, AT, head="0" * 40, tasks=tasks), Known())
    assert lag(known, AT) == seconds


def row(**changes: Any) -> dict[str, Any]:
    figures = {"failures": 0, "crossings": 0, "success_rate": None, "duration_p50": None, "duration_p95": None}
    return {"state": "healthy", "health": "healthy", "lag_seconds": None} | figures | changes


def test_what_a_terminal_shows_of_it() -> None:
    assert status._word(row(health="degraded")) == "degraded"
    assert status._word(row(state="conflict", health="degraded")) == "conflict"
    assert status._word({"state": "healthy"}) == "healthy"
    assert status._vitals({"state": "healthy"}) == {}
    assert status._vitals(row()) == {"health": "healthy"}
    shown = status._vitals(
        row(health="failing", failures=4, crossings=288, success_rate=0.9861, duration_p50=0.25, duration_p95=93.0)
        | {"lag_seconds": 7500}
    )
    assert shown == {
        "health": "failing after 4 failures in a row",
        "24 hours": "288 crossings, 99% succeeded, half took 250 ms at most, 95 % 1.6 min",
        "lag": "2.1 h, the oldest edit that is not at the remote",
    }
    assert all(len(line) <= 66 + 13 for line in shown.values())
