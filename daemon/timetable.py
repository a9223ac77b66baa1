"""Wishes that come by the clock: pulls, and the periodic look at the whole tree."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.daemon.scheduler import PullScheduler
from gitferry.pushback.outcome import Request

if TYPE_CHECKING:
    from gitferry.config.model import Repository

log = logging.getLogger(__name__)


class Timetable:
    """An attendant of the roster. `wish` and `refresh` (called before each look at a whole tree) must only enqueue."""

    def __init__(self, wish: Callable[[str, Request], object], refresh: Callable[[str], None]) -> None:
        self._wish = wish
        self._refresh = refresh
        self._scheduler = PullScheduler(self._pull, self._reconcile)
        self._scheduler.start()

    def put(self, repository: Repository) -> None:
        """Pull `repository` as its settings now say."""
        watch = repository.watch
        self._scheduler.set(repository.name, repository.pull, watch.reconcile if watch.enabled else None)

    def drop(self, name: str) -> None:
        """Pull it no longer."""
        self._scheduler.remove(name)

    def next_pull(self, name: str) -> datetime | None:
        """Return when `name` is pulled next, None for never."""
        return self._scheduler.next_run(name)

    def close(self) -> None:
        """End the timetable."""
        self._scheduler.stop()

    def _pull(self, name: str) -> None:
        self._ask(name, Request("schedule", fetch=True))

    def _reconcile(self, name: str) -> None:
        self._refresh(name)
        self._ask(name, Request("reconcile"))

    def _ask(self, name: str, request: Request) -> None:
        try:
            self._wish(name, request)
        except GitferryError:  # NoLane, Stopping: it was taken out of the settings, or all ends
            log.debug("%s asked for nothing any more", name, extra={"action": "timetable", "repository": name})
