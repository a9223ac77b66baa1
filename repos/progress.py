"""What every busy thread has in hand, and how long that may take: progress is a step that ends and another that begins.

Who keeps watch over the threads reads it. Times are seconds of `time.monotonic`, which stands still while the machine
sleeps (clock_gettime(2), CLOCK_MONOTONIC).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

#: Seconds that a thread may work between two programs that it starts: a scan or a merge of the largest batch, on a
#: slow disk, takes some of them.
OWN_WORK: Final = 900.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a thread does: what, since when, and for how many seconds it may."""

    what: str
    since: float
    limit: float


class _Hand:
    """What one thread has in hand. Only that thread writes it."""

    def __init__(self, step: Step) -> None:
        self.step = step


_mine: ContextVar[_Hand | None] = ContextVar("gitferry_hand", default=None)


class Hands:
    """The busy ones of some threads; whoever is in none of them is not watched."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._busy: set[_Hand] = set()
        self._mutex = threading.Lock()

    @contextmanager
    def busy(self, what: str, limit: float = OWN_WORK) -> Iterator[None]:
        """Be busy with `what` in this thread while the block runs, with steps in it where `limited` says so."""
        hand = _Hand(Step(what, self._clock(), limit))
        before = _mine.set(hand)
        with self._mutex:
            self._busy.add(hand)
        try:
            yield
        finally:
            with self._mutex:
                self._busy.discard(hand)
            _mine.reset(before)

    def watched(self, what: str, work: Callable[[], None]) -> Callable[[], None]:
        """Return `work` as a call that is busy with `what`."""

        def watched() -> None:
            with self.busy(what):
                work()

        return watched

    def steps(self) -> tuple[Step, ...]:
        """Return what is in hand at this moment."""
        with self._mutex:
            return tuple(hand.step for hand in self._busy)


@contextmanager
def limited(what: str, limit: float, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Take a step that ends within `limit` seconds by itself; after it, the thread's own work begins anew.

    Nothing where nobody watches this thread.
    """
    hand = _mine.get()
    if hand is None:
        yield
        return
    own = hand.step
    hand.step = Step(f"{own.what} ({what})", clock(), limit)
    try:
        yield
    finally:
        hand.step = Step(own.what, clock(), own.limit)
