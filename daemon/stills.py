"""Which repositories are as they were when a look at the whole tree found nothing to do: those need no such look."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gitferry.pushback.outcome import State

if TYPE_CHECKING:
    from gitferry.pushback.outcome import Outcome, Request
    from gitferry.repos.stillness import Stillness

#: Looks in a row that may be left out: what no look at files tells (a file that a setting includes) is found by then.
MOST_LEFT_OUT: Final = 7


@dataclass(slots=True)
class _Still:
    seen: Stillness
    left_out: int = 0


class Stills:
    """Safe for threads."""

    def __init__(self) -> None:
        self._known: dict[str, _Still] = {}
        self._looking: dict[str, Stillness] = {}
        self._mutex = threading.Lock()

    def needless(self, name: str, now: Stillness | None, now_ns: int) -> bool:
        """Return whether a look at the whole tree may be left out; otherwise it begins now. `now` is what stands there.

        `now_ns` is the wall clock's time in nanoseconds, as files' times are.
        """
        with self._mutex:
            known = self._known.get(name)
            if known is not None and now is not None and known.seen == now and known.left_out < MOST_LEFT_OUT:
                known.left_out += 1
                return True
            self._known.pop(name, None)
            self._looking.pop(name, None)
            if now is not None and now.settled(now_ns):
                self._looking[name] = now
            return False

    def heard(self, name: str, request: Request, outcome: Outcome) -> None:
        """Take note of a crossing: one that looked at everything and found all in order makes the repository known."""
        idle = outcome.state is State.HEALTHY and outcome.operation is None and not outcome.pending
        with self._mutex:
            if not idle:
                self.forget(name)
            elif request.cause == "reconcile" and name in self._looking:
                self._known[name] = _Still(self._looking.pop(name))

    def forget(self, name: str) -> None:
        """Know nothing of a repository."""
        self._known.pop(name, None)
        self._looking.pop(name, None)
