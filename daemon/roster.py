"""The repositories that are looked after: by which settings, in which lanes, watched and scheduled by whom."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gitferry.config.errors import GitferryError
from gitferry.config.load import load

if TYPE_CHECKING:
    from gitferry.config.model import Repository, Settings
    from gitferry.daemon.lanes import Lanes
    from gitferry.pushback.outcome import Outcome, Request

log = logging.getLogger(__name__)


class UnknownRepository(GitferryError):
    """No repository of that name is in the settings."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        near = get_close_matches(name, known, n=1)
        hint = (
            f"Did you mean {near[0]}?"
            if near
            else f"Known: {', '.join(known)}."
            if known
            else "`gitferry add` adds one."
        )
        super().__init__(f"no repository is named {name!r}", hint)


class Attendant(Protocol):
    """Somebody who goes on to do something for each repository: watch it, pull it by the clock."""

    def put(self, repository: Repository) -> None:
        """Attend to `repository` from now on, or by these settings from now on."""

    def drop(self, name: str) -> None:
        """Attend to it no longer."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reading of the settings changed: names, in the order of the file."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def difference(old: tuple[Repository, ...], new: tuple[Repository, ...]) -> Changes:
    """Return which repositories came, changed and went; one that was not touched is in none of the three."""
    before = {each.name: each for each in old}
    after = {each.name: each for each in new}
    return Changes(
        added=tuple(name for name in after if name not in before),
        changed=tuple(name for name, each in after.items() if name in before and before[name] != each),
        removed=tuple(name for name in before if name not in after),
    )


class Roster:
    """Keeps the last settings that were good, and starts, changes and stops only what differs in the next.

    `applied` is told the old and the new settings for what belongs to no repository, `changed` for the record, and
    `read` that the file was read again, whatever came of it.
    """

    def __init__(self, path: Path, environ: Mapping[str, str], lanes: Callable[[Settings], Lanes]) -> None:
        """Read the settings at `path`. Raises SettingsError: at first there are no good ones to keep."""
        self.path = path
        self._environ = environ
        self.settings = load(path, environ)
        self.settings_error: str | None = None
        self.lanes = lanes(self.settings)
        self.applied: Callable[[Settings, Settings], None] = lambda old, new: None
        self.changed: Callable[[Settings, Settings], None] = lambda old, new: None
        self.read: Callable[[], None] = lambda: None
        self._attendants: list[Attendant] = []
        self._reading = threading.Lock()
        for repository in self.settings.repositories:
            self.lanes.put(repository)

    def attend(self, attendant: Attendant) -> None:
        """Have `attendant` told of every repository there is and comes, changes and goes."""
        with self._reading:
            self._attendants.append(attendant)
            for repository in self.settings.repositories:
                _tell(attendant, repository)

    def repository(self, name: str) -> Repository:
        """Return a repository's settings. Raises UnknownRepository."""
        found = next((each for each in self.settings.repositories if each.name == name), None)
        if found is None:
            raise UnknownRepository(name, tuple(each.name for each in self.settings.repositories))
        return found

    def chosen(self, names: Sequence[str]) -> tuple[Repository, ...]:
        """Return the named repositories, all of them where none is named. Raises UnknownRepository."""
        return tuple(self.repository(name) for name in dict.fromkeys(names)) or self.settings.repositories

    def ask(self, name: str, request: Request) -> Future[Outcome]:
        """Wish for a crossing and return its answer to come. Raises NoLane or Stopping."""
        return self.lanes.submit(name, request)

    def wish(self, name: str, request: Request) -> None:
        """Wish for a crossing that nobody waits for."""
        self.lanes.wish(name, request)

    def reload(self) -> Changes:
        """Read the settings again; of unreadable ones keep nothing but the reason, in `settings_error`."""
        try:
            return self._reload()
        finally:
            self.read()

    def _reload(self) -> Changes:
        with self._reading:
            try:
                settings = load(self.path, self._environ)
            except GitferryError as error:
                if self.settings_error != str(error):
                    log.error(
                        "the settings cannot be used, the last good ones stay in force: %s",
                        error.title,
                        extra={"action": "settings_refused", "settings": str(self.path)},
                    )
                self.settings_error = str(error)
                return Changes()
            self.settings_error = None
            changes = difference(self.settings.repositories, settings.repositories)
            self._apply(settings, changes)
            return changes

    def _apply(self, settings: Settings, changes: Changes) -> None:
        for name in changes.removed:
            for attendant in self._attendants:
                attendant.drop(name)
            self.lanes.drop(name)
        self.lanes.resize(settings.daemon.workers)
        old, self.settings = self.settings, settings
        self.applied(old, settings)
        self.changed(old, settings)
        for name in (*changes.added, *changes.changed):
            repository = self.repository(name)
            self.lanes.put(repository)
            for attendant in self._attendants:
                _tell(attendant, repository)
        for what in ("added", "changed", "removed"):
            for name in getattr(changes, what):
                log.info("%s was %s", name, what, extra={"action": f"repository_{what}", "repository": name})


def _tell(attendant: Attendant, repository: Repository) -> None:
    try:
        attendant.put(repository)
    except GitferryError as error:
        # One repository that cannot be watched or scheduled must not keep the others from it.
        log.warning("%s: %s", repository.name, error.title, extra={"action": "attend", "repository": repository.name})
