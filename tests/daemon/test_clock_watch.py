"""A wall clock that is set back and a machine that slept are noticed, each as what it is."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from gitferry.daemon.clock_watch import ClockWatch, Leads, leads, set_back, slept

HOUR = 3600.0


@pytest.mark.parametrize(
    ("before", "now", "is_back", "is_sleep"),
    [
        pytest.param(Leads(0, 0), Leads(-0.5, 0), False, False, id="a small step back"),
        pytest.param(Leads(0, 0), Leads(HOUR, 0), False, False, id="set forward"),
        pytest.param(Leads(0, 0), Leads(-HOUR, 0), True, False, id="set back"),
        pytest.param(Leads(0, 0), Leads(HOUR, HOUR), False, True, id="asleep"),
        pytest.param(Leads(0, 0), Leads(0, HOUR), True, True, id="asleep, and set back by as much"),
        pytest.param(Leads(9, 9), Leads(9, 9), False, False, id="nothing"),
    ],
)
def test_what_happened(before: Leads, now: Leads, is_back: bool, is_sleep: bool) -> None:
    assert (set_back(before, now), slept(before, now)) == (is_back, is_sleep)


def told(states: Sequence[Leads]) -> list[str]:
    """Return what a watch tells that sees these, one after the other."""
    seen, said = threading.Event(), list[str]()
    left = iter(states)

    def read() -> Leads:
        found = next(left, None)
        if found is None:
            seen.set()
        return found or states[-1]

    watch = ClockWatch(lambda: said.append("back"), lambda: said.append("awake"), read=read, look=0.005)
    watch.start()
    assert seen.wait(10)
    watch.stop()
    return said


def test_each_is_told_once() -> None:
    assert told([Leads(0, 0), Leads(-HOUR, 0), Leads(-HOUR, 0)]) == ["back"]
    assert told([Leads(0, 0), Leads(HOUR, HOUR), Leads(HOUR, HOUR)]) == ["awake"]
    assert told([Leads(0, 0), Leads(-1, 0), Leads(-2, 0.5)]) == []


def test_the_machines_clocks_are_read() -> None:
    before, now = leads(), leads()
    assert before.wall > HOUR, "seconds since 1970 are more than since the start"
    assert abs(now.since_boot - before.since_boot) < 1


def test_a_call_that_fails_does_not_end_the_looking(caplog: pytest.LogCaptureFixture) -> None:
    states = iter([Leads(0, 0), Leads(-HOUR, 0), Leads(HOUR, 2 * HOUR)])
    awake = threading.Event()

    def fail() -> None:
        raise LookupError("no such job")

    watch = ClockWatch(fail, awake.set, read=lambda: next(states, Leads(HOUR, 2 * HOUR)), look=0.005)
    watch.start()
    assert awake.wait(5)
    watch.stop()
    assert "no such job" in caplog.text
