"""Notices what happens to time: a wall clock that was set back, and a machine that was asleep.

Source: clock_gettime(2): CLOCK_MONOTONIC stands still while the machine sleeps, CLOCK_BOOTTIME does not.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

log = logging.getLogger(__name__)

#: A wall clock that is set back this far would keep intervals from ending for as long. A sleep this long is one.
STEP: Final = 5.0
_LOOK: Final = 5.0  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Leads:
    """How far, in seconds, two clocks are ahead of one that stands still while the machine sleeps."""

    wall: float
    since_boot: float


def since_boot() -> float:
    """Return seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def leads() -> Leads:
    """Return how far they are ahead now."""
    still = time.monotonic()
    return Leads(time.time() - still, time.clock_gettime(time.CLOCK_BOOTTIME) - still)


def set_back(before: Leads, now: Leads) -> bool:
    """Whether the wall clock was set back between two looks, sleep apart."""
    return now.wall - now.since_boot < before.wall - before.since_boot - STEP


def slept(before: Leads, now: Leads) -> bool:
    """Whether the machine slept between two looks."""
    return now.since_boot > before.since_boot + STEP


class ClockWatch:
    """Looks every few seconds, and calls `on_set_back` and `on_wake` from its own thread."""

    def __init__(
        self,
        on_set_back: Callable[[], None],
        on_wake: Callable[[], None],
        *,
        read: Callable[[], Leads] = leads,
        look: float = _LOOK,
    ) -> None:
        self._on_set_back = on_set_back
        self._on_wake = on_wake
        self._read = read
        self._look = look
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gitferry-clock", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it looks."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        before = self._read()
        while not self._ended.wait(self._look):
            now = self._read()
            if set_back(before, now):
                _call(self._on_set_back)
            if slept(before, now):
                _call(self._on_wake)
            before = now


def _call(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:
        log.exception(
            "what follows from a clock that was set, or from a sleep, failed", extra={"action": "clock_watch"}
        )
