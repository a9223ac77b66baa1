"""What is still being saved when it has waited for as long as it may: its task stays out once, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitferry.repos.filters import above
from gitferry.repos.tasks import WHOLE

if TYPE_CHECKING:
    from gitferry.pushback.outcome import Outcome, Request


@dataclass(frozen=True, slots=True)
class _Wish:
    """What became of what was being saved when the watcher made its last wish."""

    stayed: frozenset[str] = frozenset()  # files that it left out, and the tasks they are of
    goes: frozenset[str] = frozenset()  # what it takes along although it does not rest


class Restless:
    """Told by task, since a program may write under a new name each time. Safe for threads."""

    def __init__(self) -> None:
        self._wishes: dict[str, _Wish] = {}  # the last of each repository
        self._mutex = threading.Lock()

    def stays(self, name: str, busy: frozenset[str]) -> frozenset[str]:
        """Return which of the paths that are being saved as a wish is made stay out of it."""
        with self._mutex:
            goes = self._last(name).stayed & {place for path in busy for place in _places(path)}
            wish = self._wishes[name] = _Wish(_beside(busy, goes), goes)
            return wish.stayed

    def busy(self, name: str, busy: frozenset[str]) -> frozenset[str]:
        """Return which of the paths that are being saved as the wish is carried out stay out of it."""
        with self._mutex:
            return _beside(busy, self._last(name).goes)

    def heard(self, name: str, request: Request, outcome: Outcome) -> None:
        """Take note of the tasks that a crossing for the watcher left out."""
        places = {place for path in request.unsettled for place in _places(path)}
        with self._mutex:
            if (wish := self._wishes.get(name)) is not None:
                left_out = {task.path for task in outcome.tasks} & places
                self._wishes[name] = replace(wish, stayed=wish.stayed | left_out)

    def forget(self, name: str) -> None:
        """Forget a repository."""
        with self._mutex:
            self._wishes.pop(name, None)

    def _last(self, name: str) -> _Wish:
        return self._wishes.get(name, _Wish())


def _beside(paths: Iterable[str], places: frozenset[str]) -> frozenset[str]:
    return frozenset(path for path in paths if places.isdisjoint(_places(path)))


def _places(path: str) -> tuple[str, ...]:
    """Return a path, all directories above it, and the task that is the whole tree: where its task may lie."""
    return (path, *(directory for directory in above(path) if directory), WHOLE)
