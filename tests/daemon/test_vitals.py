"""What is counted of repositories: rates, percentiles and failures in a row, over a day and in little memory."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.daemon.vitals import BOUNDS, HOUR, TOTAL_BOUNDS, Hours, Result, Vital, Vitals, result_of
from gitferry.pushback.outcome import Outcome, State

AT = datetime(2026, 1, 2, tzinfo=UTC)
OK, FAILED, WAITING, OFFLINE = Result


@pytest.mark.parametrize(
    ("state", "offline", "result"),
    [
        (State.HEALTHY, False, OK),
        (State.CONFLICT, False, OK),
        (State.FAILING, False, FAILED),
        (State.WAITING, False, WAITING),
        (State.PAUSED, False, WAITING),
        (State.WAITING, True, OFFLINE),
    ],
)
def test_as_what_an_outcome_counts(state: State, offline: bool, result: Result) -> None:
    assert result_of(Outcome("a", state, AT, offline=offline)) is result


STATES = {OK: State.HEALTHY, FAILED: State.FAILING, WAITING: State.WAITING, OFFLINE: State.WAITING}


def outcome(
    name: str, result: Result, seconds: float | None = None, *, at_remote: bool = False, reached: bool = False
) -> Outcome:
    error = "no" if result is FAILED else None
    told = Outcome(name, STATES[result], AT, error=error, offline=result is OFFLINE, seconds=seconds)
    return replace(told, at_remote=at_remote, reached=reached)


def vitals(*results: Result, gap: float = 1.0) -> Vitals:
    made = Vitals()
    for number, result in enumerate(results):
        made.heard(outcome("a", result, None), number * gap)
    return made


@pytest.mark.parametrize(
    ("results", "failures", "rate"),
    [
        ((), 0, None),
        ((OK,), 0, 1.0),
        ((FAILED, FAILED), 2, 0.0),
        ((FAILED, OK), 0, 0.5),
        ((FAILED, OFFLINE, FAILED), 2, 0.0),
        ((FAILED, WAITING), 0, 0.0),
        ((OFFLINE, OFFLINE), 0, None),
        ((OK, OK, OK, FAILED), 1, 0.75),
    ],
)
def test_failures_in_a_row_and_the_rate(results: tuple[Result, ...], failures: int, rate: float | None) -> None:
    found = vitals(*results).of("a", 10.0)
    assert (found.failures, found.success_rate, found.crossings) == (failures, rate, len(results))


def test_since_when_it_fails() -> None:
    made = vitals(OK, FAILED, OFFLINE, FAILED, gap=100.0)
    assert made.of("a", 400.0).failing_for == 300.0
    made.heard(outcome("a", OK, 1.0), 500.0)
    assert made.of("a", 600.0).failing_for is None


def test_a_failure_at_the_remote_is_over_only_when_the_remote_was_reached() -> None:
    made = Vitals()
    for number in range(3):
        made.heard(outcome("a", FAILED, at_remote=True, reached=True), number)
    made.heard(outcome("a", OK), 3.0)
    found = made.of("a", 4.0)
    assert (found.failures, found.error, found.failing_for, found.success_rate) == (3, "no", 4.0, 0.25)
    assert made.standing("a", 4.0) == Vital(failures=3, error="no", failing_for=4.0, seen=True)
    made.heard(outcome("a", OK, reached=True), 5.0)
    assert made.standing("a", 6.0) == Vital(seen=True)


def test_what_is_older_than_a_day_is_not_told_and_still_counted() -> None:
    made = Vitals()
    made.heard(outcome("a", FAILED, 3.0), 0.0)
    made.heard(outcome("a", OK, 1.0), 23 * HOUR)
    assert made.of("a", 23 * HOUR).success_rate == 0.5
    later = made.of("a", 24 * HOUR)
    assert (later.success_rate, later.crossings) == (1.0, 1)
    assert later.duration_p95 == pytest.approx(1.0, rel=0.19)
    assert made.of("a", 1000 * HOUR).success_rate is None
    assert made.totals().crossings == (("a", "failed", 1), ("a", "ok", 1))


def test_what_is_forgotten() -> None:
    made = vitals(OK)
    made.pushed("a", "accepted")
    made.pushed("b", "refused")
    made.vault_used("done")
    made.forget("a")
    assert made.of("a", 1.0) == Vital()
    totals = made.totals()
    assert (totals.crossings, totals.pushes, totals.vault_uses) == ((), (("b", "refused", 1),), (("done", 1),))


def test_the_histogram_since_the_start() -> None:
    made = Vitals()
    for seconds in (0.001, 0.01, 2.0, 1000.0):
        made.heard(outcome("a", OK, seconds), 0.0)
    made.heard(outcome("a", OK, None), 0.0)
    totals = made.totals()
    assert sum(totals.durations) == 4 and totals.seconds == pytest.approx(1002.011)
    assert totals.durations[0] == 2 and totals.durations[-1] == 1
    assert totals.durations[TOTAL_BOUNDS.index(2.5)] == 1


@given(st.lists(st.floats(BOUNDS[0], BOUNDS[-1]), min_size=1, max_size=60), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_near_the_one_of_all_durations(durations: list[float], share: float) -> None:
    hours = Hours()
    for number, seconds in enumerate(durations):
        hours.add(OK, seconds, number * HOUR / 10)
    (found,) = hours.percentiles(len(durations) * HOUR / 10, [share])
    exact = sorted(durations)[max(1, math.ceil(len(durations) * share)) - 1]
    assert found == pytest.approx(exact, rel=0.2)


@given(st.lists(st.tuples(st.sampled_from(list(Result)), st.floats(0, 3 * HOUR)), max_size=60))
def test_the_counts_are_those_of_the_last_day(steps: list[tuple[Result, float]]) -> None:
    hours, now, kept = Hours(), 0.0, []
    for result, gap in steps:
        now += gap
        hours.add(result, 1.0, now)
        kept.append((result, now // HOUR))
    found = hours.results(now)
    assert found == {each: sum(r is each and h > now // HOUR - 24 for r, h in kept) for each in Result}


def test_500_repositories_for_a_day_take_a_few_megabytes() -> None:
    tracemalloc.start()
    made = Vitals()
    for hour in range(30):
        for name in range(500):
            made.heard(outcome(f"repository-{name}", OK, 0.1), hour * HOUR)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 4_000_000
