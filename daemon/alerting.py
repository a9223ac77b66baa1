"""Looks for what needs a person, raises each alert once and ends it once, and keeps them over restarts."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from gitferry.config.errors import GitferryError
from gitferry.daemon.alerts import (
    NO_ALERTS,
    Alert,
    Concern,
    Kind,
    Look,
    difference,
    of_credentials,
    of_repository,
    of_settings,
)

if TYPE_CHECKING:
    from gitferry.config.model import Settings
    from gitferry.daemon.board import Known
    from gitferry.daemon.vitals import Vital
    from gitferry.security.credential import Credential
    from gitferry.store.alerts import AlertRow, StoredAlerts

log = logging.getLogger(__name__)

#: Seconds between two looks at what was crossed meanwhile, and between two looks at everything: time passes too.
SOON: Final = 1.0
WHOLE: Final = 60.0
_LAST_SECONDS: Final = 1.0  # that the thread is waited for at the end: a locked database must not hold up a stop


class Facts(Protocol):
    """What is known of everything; asked from the thread that looks, so that it must not wait for a crossing."""

    @property
    def settings(self) -> Settings: ...
    @property
    def settings_error(self) -> str | None: ...
    def standing(self, name: str) -> tuple[Known, Vital]: ...
    def credentials(self) -> Iterable[Credential]: ...
    def now(self) -> datetime: ...


_KINDS: Final = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class _Looked:
    look: Look
    concerns: tuple[Concern, ...]


class Alerting:
    """`news` is told all that is open, whenever that changed; it must return at once."""

    def __init__(
        self,
        facts: Facts,
        stored: Callable[[], StoredAlerts],
        *,
        news: Callable[[tuple[Alert, ...]], None] = lambda alerts: None,
    ) -> None:
        self._facts = facts
        self._stored = stored
        self._news = news
        self._alerts: dict[str, Alert] = {}
        self._owed: dict[str, Alert | None] = {}  # what is to be kept, None: forgotten
        self._open: tuple[Alert, ...] = ()
        self._loaded = False
        self._fault: str | None = None
        self._heard: set[str] = set()
        self._mutex = threading.Lock()
        self._looking = threading.Lock()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_SECONDS)

    def heard(self, name: str) -> None:
        """Have a repository looked at soon: it crossed."""
        with self._mutex:
            self._heard.add(name)
        self._wake.set()

    def hurry(self) -> None:
        """Look soon: the settings were read."""
        self._wake.set()

    def open(self) -> tuple[Alert, ...]:
        """Return what is open, the oldest first; where nothing looks, what was left open. Waits for no look."""
        if not self._thread.is_alive():
            with self._looking:
                if not self._loaded:
                    self._load()
                self._open = tuple(self._alerts.values())
        return self._open

    def look(self, names: Iterable[str] | None = None) -> None:
        """Look at these repositories, at everything where none are given; raise what is new and end what is over."""
        with self._looking:
            if not self._loaded:
                self._load()
            found = self._looked(names)
            change = difference(self._alerts.values(), found.concerns, found.look)
            new = tuple(_raised(each, self._facts.now()) for each in change.new)
            for each in new:
                self._alerts[each.id] = each
            for each in change.over:
                del self._alerts[each.id]
            self._keep(new, change.over)
            is_open = self._open = tuple(self._alerts.values())
        for each in new:
            _log(each, "alert")
        for each in change.over:
            _log(each, "alert_over")
        if new or change.over or names is None:
            self._news(is_open)

    def _looked(self, names: Iterable[str] | None) -> _Looked:
        facts, now = self._facts, self._facts.now()
        settings = facts.settings
        repositories = {each.name: each for each in settings.repositories}
        wanted = tuple(repositories) if names is None else tuple(name for name in names if name in repositories)
        concerns: list[Concern] = []
        for name in wanted:
            auth = repositories[name].auth
            credential = auth.credential if auth is not None and auth.type == "credential" else None
            known, vital = facts.standing(name)
            thresholds = settings.daemon.health
            concerns += of_repository(name, known, vital, thresholds=thresholds, credential=credential, now=now)
        credentials = names is None
        if names is None:
            try:
                concerns += of_credentials(facts.credentials(), now)
            except GitferryError as error:
                credentials = False
                self._say(error)
        concerns += of_settings(facts.settings_error, now)
        return _Looked(
            Look(wanted, credentials, True, lambda name: name not in repositories, facts.standing), tuple(concerns)
        )

    def _load(self) -> None:
        try:
            rows = self._stored().open()
        except GitferryError as error:
            self._say(error)
            return
        known = {each.key for each in self._alerts.values()}
        for row in rows:
            if (row.kind, row.repository, row.subject) not in known and row.kind in _KINDS:
                self._alerts[row.id] = _kept(row)
        self._loaded = True

    def _keep(self, new: Iterable[Alert], over: Iterable[Alert]) -> None:
        """Keep what changed, and what could not be kept before."""
        self._owed.update((each.id, each) for each in new)
        self._owed.update((each.id, None) for each in over)
        if not self._owed:
            return
        try:
            kept = [alert for alert in self._owed.values() if alert is not None]
            self._stored().change(kept, [id for id, alert in self._owed.items() if alert is None])
        except GitferryError as error:
            self._say(error)
        else:
            self._owed.clear()
            self._fault = None

    def _say(self, error: GitferryError) -> None:
        if self._fault != error.title:
            log.error("alerts cannot be kept: %s", error, extra={"action": "alert"})
        self._fault = error.title

    def _run(self) -> None:
        whole = time.monotonic()
        while not self._ended.is_set():
            due = time.monotonic() >= whole
            whole = time.monotonic() + WHOLE if due else whole
            try:
                self.look(None if due else self._taken())
            except Exception:
                log.exception("looking for what needs a person failed", extra={"action": "alert"})
            if self._wake.wait(max(0.0, whole - time.monotonic())):
                self._ended.wait(SOON)  # what comes within a moment is looked at together
                self._wake.clear()

    def _taken(self) -> frozenset[str]:
        with self._mutex:
            names, self._heard = frozenset(self._heard), set()
        return names


def _kept(row: AlertRow) -> Alert:
    return Alert(
        row.id, Kind(row.kind), row.repository, row.subject, row.said, row.remedy, since=row.since, raised=row.raised
    )


def _raised(concern: Concern, now: datetime) -> Alert:
    return Alert(
        id=uuid.uuid4().hex,
        kind=concern.kind,
        repository=concern.repository,
        subject=concern.subject,
        said=concern.said,
        remedy=concern.remedy,
        since=concern.since,
        raised=now,
    )


def _log(alert: Alert, action: str) -> None:
    if alert.kind in NO_ALERTS:
        return  # the crossing's own line tells it
    facts: Mapping[str, str] = {"action": action, "kind": alert.kind.value, "repository": alert.repository}
    if alert.kind is Kind.SETTINGS:
        if action == "alert_over":  # whoever read them has logged every fault
            log.info("the settings can be used again", extra=dict(facts))
        return
    where = f"{alert.repository}: " if alert.repository else ""
    if action == "alert_over":
        log.info("%sover: %s", where, alert.said, extra=dict(facts))
    else:
        log.warning("%s%s; %s", where, alert.said, alert.remedy, extra=dict(facts))
