"""What the main thread tells the service manager at every turn: that the daemon lives, and how things stand."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gitferry.daemon import heartbeat, status_text
from gitferry.security.redact import redact

if TYPE_CHECKING:
    from gitferry.config.model import Settings
    from gitferry.daemon.board import Board
    from gitferry.daemon.notify import ServiceManager
    from gitferry.daemon.roster import Roster

log = logging.getLogger(__name__)


class Standing:
    """How the repositories stand, in one line. It is asked twice a second, and made anew where something changed."""

    def __init__(self, board: Board, roster: Roster) -> None:
        self._board = board
        self._roster = roster
        self._seen: tuple[int, Settings, str | None] | None = None
        self._text = ""

    def text(self) -> str:
        """Return the line, without secrets."""
        settings, fault = self._roster.settings, self._roster.settings_error
        seen = self._board.changes, settings, fault
        if seen != self._seen:
            known = [self._board.get(each.name) for each in settings.repositories]
            self._text = status_text.text(known, None if fault is None else redact(fault))
            self._seen = seen
        return self._text


class Pulse:
    """Has the service manager hear that the daemon lives, and says once in the log why it will not."""

    def __init__(
        self, manager: ServiceManager, status: Callable[[], str], signs: Callable[[], heartbeat.Signs]
    ) -> None:
        self.manager = manager
        self._status = status
        self._signs = signs
        self._said: tuple[str, ...] = ()

    def ready(self) -> None:
        """Say that all is up, or that the new settings are in force, and how things stand."""
        self.manager.ready(self._status())

    def go_on(self) -> None:
        """Say how things stand where that is news, and beat, where every thread makes progress."""
        self.manager.status(self._status())
        found = heartbeat.faults(self._signs(), time.monotonic())
        if not found:
            self.manager.beat()
        elif not self._said:
            log.error("this daemon hangs: %s", "; ".join(found), extra={"action": "hangs"})
        self._said = found
