"""When the daemon says that it lives: only while every thread makes progress, or is within its time."""

from __future__ import annotations

import pytest

from gitferry.daemon.heartbeat import Signs, beat_every, faults
from gitferry.repos.progress import Step

NOW = 10_000.0


def signs(*steps: Step, dead: tuple[str, ...] = (), turned: float = NOW) -> Signs:
    return Signs(steps, dead, turned)


def test_all_is_well() -> None:
    assert faults(signs(), NOW) == ()
    assert faults(signs(Step("the sync of a", NOW - 300, 900)), NOW) == ()


def test_a_long_transfer_is_no_fault_within_its_timeout() -> None:
    assert faults(signs(Step("the sync of a (git push)", NOW - 86_000, 86_400)), NOW) == ()


def test_a_worker_past_its_time_is_named() -> None:
    (said,) = faults(signs(Step("the sync of a", NOW - 1, 5), Step("the sync of b", NOW - 100, 5)), NOW)
    assert said == "the sync of b takes 100 s, and may take 5 s"


def test_the_dead_and_the_silent_are_named() -> None:
    assert faults(signs(dead=("the watcher",)), NOW) == ("the watcher ended by itself",)
    assert faults(signs(turned=NOW - 1), NOW) == ()
    assert faults(signs(turned=NOW - 90), NOW) == ("the control interface has not answered for 90 s",)


@pytest.mark.parametrize(
    ("environ", "every"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "7"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "\u0665"}, None),
    ],
)
def test_beats_come_twice_as_often_as_they_are_waited_for(environ: dict[str, str], every: float | None) -> None:
    assert beat_every(environ, 7) == every
