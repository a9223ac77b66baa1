from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.config.cron import read_cron
from gitferry.config.model import Pull, Retry
from gitferry.repos import schedule
from gitferry.repos.schedule import At, Every

fractions = st.floats(0, 1, exclude_max=True)


def test_a_setting_means_an_interval_a_cron_line_or_nothing() -> None:
    assert schedule.pull_plan(Pull()) == Every(300.0, 0.1)
    assert schedule.pull_plan(Pull(at="0 3 * * *")) == At((read_cron("0 3 * * *"),), 0.1)
    assert schedule.pull_plan(Pull(enabled=False)) is None


def test_a_day_and_a_weekday_in_one_line_are_either_as_cron_has_it() -> None:
    plan = schedule.pull_plan(Pull(at="0 3 13 * fri"))
    assert isinstance(plan, At)
    assert plan.lines == (read_cron("0 3 13 * *"), read_cron("0 3 * * fri"))


@given(fractions, st.floats(1, 1e6))
def test_first_runs_are_spread_over_a_minute_or_the_interval(fraction: float, seconds: float) -> None:
    delay = schedule.first_delay(Every(seconds), fraction)
    assert 0 <= delay <= min(seconds, 60.0)


@given(fractions, st.floats(1, 1e6), st.floats(0, 1))
def test_a_run_is_moved_by_its_share_at_most(fraction: float, seconds: float, jitter: float) -> None:
    moved = schedule.gap(Every(seconds, jitter), fraction) - seconds
    assert abs(moved) <= seconds * jitter * (1 + 1e-9) + 1e-9
    assert 0 <= schedule.lateness(At((), jitter), fraction) < 60.0


def test_what_was_done_at_the_start_is_done_again_a_whole_gap_later() -> None:
    assert schedule.first_delay(Every(900.0, 0.1, soon=False), 0.0) == 810.0


def test_without_jitter_nothing_is_moved() -> None:
    assert schedule.gap(Every(300.0, 0.0), 0.9) == 300.0
    assert schedule.lateness(At((), 0.0), 0.9) == 0.0


def test_waits_double_up_to_the_longest() -> None:
    retry = Retry()
    waits = [schedule.retry_delay(retry, failures, 0.999999) for failures in range(1, 9)]
    assert waits == pytest.approx([5, 10, 20, 40, 80, 160, 240, 240], rel=1e-3)


def test_attempts_end_and_none_is_for_ever() -> None:
    assert schedule.retry_delay(Retry(attempts=3), 3, 0.5) is not None
    assert schedule.retry_delay(Retry(attempts=3), 4, 0.5) is None
    assert schedule.retry_delay(Retry(), 10**9, 0.5) == pytest.approx(240 * 0.75)


@given(st.integers(1, 10_000), fractions)
def test_no_client_comes_back_at_once_or_later_than_the_longest_wait(failures: int, fraction: float) -> None:
    wait = schedule.retry_delay(Retry(), failures, fraction)
    assert wait is not None
    assert 2.5 <= wait <= 240.0
