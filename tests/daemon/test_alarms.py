"""Timed calls: in order, one per key, and none after the end."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from gitferry.daemon.alarms import Alarms


def test_calls_come_in_the_order_of_their_times() -> None:
    alarms, called, done = Alarms(), [], threading.Event()
    now = time.monotonic()
    alarms.set("last", now + 0.15, done.set)
    alarms.set("second", now + 0.1, lambda: called.append("second"))
    alarms.set("first", now + 0.05, lambda: called.append("first"))
    assert done.wait(5)
    assert called == ["first", "second"]
    assert time.monotonic() - now >= 0.15
    alarms.close()


def test_a_key_has_one_call_and_a_cleared_one_none() -> None:
    alarms, called, done = Alarms(), [], threading.Event()
    now = time.monotonic()
    alarms.set("key", now + 0.02, lambda: called.append("replaced"))
    alarms.set("key", now + 0.05, lambda: called.append("instead"))
    alarms.set("other", now + 0.02, lambda: called.append("cleared"))
    alarms.clear("other")
    alarms.set("done", now + 0.1, done.set)
    assert done.wait(5)
    assert called == ["instead"]
    alarms.close()


def test_calls_that_were_replaced_are_not_kept_until_they_would_have_been_due() -> None:
    alarms, called, done = Alarms(), [], threading.Event()
    for number in range(1000):
        alarms.set("key", time.monotonic() + 3600 - number, lambda: called.append("replaced"))
    assert len(alarms._heap) < 100
    alarms.set("key", time.monotonic() + 0.02, done.set)
    assert done.wait(5)
    assert not called
    alarms.close()


def test_a_failing_call_ends_no_other(caplog: pytest.LogCaptureFixture) -> None:
    alarms, done = Alarms(), threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        alarms.set("bad", time.monotonic(), fail)
        alarms.set("good", time.monotonic() + 0.05, done.set)
        assert done.wait(5)
    assert "ZeroDivisionError" in caplog.text
    alarms.set("late", time.monotonic() + 0.05, lambda: pytest.fail("called after the end"))
    alarms.close()
    time.sleep(0.1)
