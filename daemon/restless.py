"""What is still being saved when it has waited for as long as it may: its task stays out once, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gitferry.pushback.outcome import WATCH
from gitferry.repos.filters import above
from gitferry.repos.tasks import WHOLE

if TYPE_CHECKING:
    from gitferry.pushback.outcome import Outcome, Request


class Restless:
    """Told by task, since a program may write under a new name each time. Safe for threads.

    What counts is what a crossing left out, not a wish: of those, one crossing may serve many.
    """

    def __init__(self) -> None:
        self._left: dict[str, frozenset[str]] = {}  # tasks that the last crossing left out; none has rested since
        self._out: dict[str, frozenset[str]] = {}  # of the one under way: where what it leaves out may lie
        self._mutex = threading.Lock()

    def rested(self, name: str, busy: frozenset[str]) -> None:
        """Take note that all has rested but these paths, and what lies where they do."""
        places = _all_places(busy)
        with self._mutex:
            for known in (self._left, self._out):
                if name in known:
                    known[name] &= places

    def stays(self, name: str, busy: frozenset[str]) -> frozenset[str]:
        """Return which of the paths that are being saved as a crossing for the watcher begins stay out of it."""
        with self._mutex:
            left = self._left.get(name, frozenset())
            stays = frozenset(path for path in busy if left.isdisjoint(_places(path)))
            self._out[name] = _all_places(stays)
            return stays

    def heard(self, name: str, request: Request, outcome: Outcome) -> None:
        """Take note of the tasks that a crossing for the watcher left out."""
        if request.cause != WATCH or not outcome.looked:
            return
        with self._mutex:
            if name in self._out:
                self._left[name] = self._out.pop(name) & {task.path for task in outcome.tasks}

    def forget(self, name: str) -> None:
        """Forget a repository."""
        with self._mutex:
            self._left.pop(name, None)
            self._out.pop(name, None)


def _places(path: str) -> tuple[str, ...]:
    """Return a path, all directories above it, and the task that is the whole tree: where its task may lie."""
    return (path, *(directory for directory in above(path) if directory), WHOLE)


def _all_places(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(place for path in paths for place in _places(path))
