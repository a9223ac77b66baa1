"""What is still being saved when it has waited for as long as it may: its task stays out once, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gitferry.repos.tasks import WHOLE

if TYPE_CHECKING:
    from gitferry.pushback.outcome import Outcome, Request


class Restless:
    """Told by task, since a program may write under a new name each time. Safe for threads."""

    def __init__(self) -> None:
        self._stayed: dict[str, frozenset[str]] = {}  # files that the last wish left out, and the tasks they are of
        self._goes: dict[str, frozenset[str]] = {}  # what it takes along although it does not rest
        self._mutex = threading.Lock()

    def stays(self, name: str, busy: frozenset[str]) -> frozenset[str]:
        """Return which of the paths that are being saved as a wish is made stay out of it."""
        with self._mutex:
            stayed = self._stayed.get(name, frozenset())
            self._goes[name] = stayed & {place for path in busy for place in _places(path)}
            self._stayed[name] = _beside(busy, self._goes[name])
            return self._stayed[name]

    def busy(self, name: str, busy: frozenset[str]) -> frozenset[str]:
        """Return which of the paths that are being saved as the wish is carried out stay out of it."""
        with self._mutex:
            return _beside(busy, self._goes.get(name, frozenset()))

    def heard(self, name: str, request: Request, outcome: Outcome) -> None:
        """Take note of the tasks that a crossing for the watcher left out."""
        places = {place for path in request.unsettled for place in _places(path)}
        with self._mutex:
            if name in self._stayed:
                self._stayed[name] |= {task.path for task in outcome.tasks} & places

    def forget(self, name: str) -> None:
        """Forget a repository."""
        with self._mutex:
            self._stayed.pop(name, None)
            self._goes.pop(name, None)


def _beside(paths: Iterable[str], places: frozenset[str]) -> frozenset[str]:
    return frozenset(path for path in paths if places.isdisjoint(_places(path)))


def _places(path: str) -> tuple[str, ...]:
    """Return a path, all directories above it, and the task that is the whole tree: where its task may lie."""
    return (path, *(str(parent) for parent in PurePosixPath(path).parents if parent.name), WHOLE)
