"""Calls that are due at a time: one thread for all of them, on the clock that no one can move."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Hashable

log = logging.getLogger(__name__)

_REPLACED = 64  # calls that were replaced and are still kept: one that is due in a month may be replaced at every save


class Alarms:
    """Each key has at most one call pending. Calls run in the alarm thread and must be short.

    Times are seconds of `time.monotonic`, so that setting the system's clock neither delays nor hurries any.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Hashable]] = []
        self._calls: dict[Hashable, tuple[int, Callable[[], None]]] = {}
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._thread.start()

    def set(self, key: Hashable, due: float, call: Callable[[], None]) -> None:
        """Call `call` at `due`, instead of what was pending for `key`."""
        with self._changed:
            number = next(self._numbers)
            self._calls[key] = (number, call)
            heapq.heappush(self._heap, (due, number, key))
            if len(self._heap) > 2 * len(self._calls) + _REPLACED:
                self._heap = [each for each in self._heap if self._pending(each)]
                heapq.heapify(self._heap)
            self._changed.notify()

    def clear(self, key: Hashable) -> None:
        """Forget what is pending for `key`."""
        with self._changed:
            self._calls.pop(key, None)

    def alive(self) -> bool:
        """Whether calls that are due are made."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Forget everything and end the thread; a call that is running is waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def _due(self) -> Callable[[], None] | None:
        while not self._closed:
            if not self._heap:
                self._changed.wait()
                continue
            due, _, key = first = self._heap[0]
            if not self._pending(first):
                heapq.heappop(self._heap)
                continue
            left = due - time.monotonic()
            if left > 0:
                self._changed.wait(left)
                continue
            heapq.heappop(self._heap)
            return self._calls.pop(key)[1]
        return None

    def _pending(self, entry: tuple[float, int, Hashable]) -> bool:
        current = self._calls.get(entry[2])
        return current is not None and current[0] == entry[1]

    def _run(self) -> None:
        while True:
            with self._changed:
                call = self._due()
            if call is None:
                return
            try:
                call()
            except Exception:
                log.exception("a timed call failed", extra={"action": "alarm"})
