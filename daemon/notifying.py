"""Tells whoever the settings name of what needs a person: one thread, one outbox a target, kept over restarts."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from gitferry.config.errors import GitferryError
from gitferry.daemon.alerts import EVENTS, Alert
from gitferry.daemon.clock_watch import since_boot
from gitferry.daemon.notification import Message, NotDelivered
from gitferry.daemon.outbox import Batch, Outbox
from gitferry.security.redact import redact

if TYPE_CHECKING:
    from gitferry.config.model import Event, Notification
    from gitferry.store.alerts import StoredAlerts

log = logging.getLogger(__name__)

_LAST_SECONDS = 1.0  # that the thread is waited for at the end


class Way(Protocol):
    """How a target is reached."""

    @property
    def name(self) -> str: ...
    def send(self, message: Message, *, at: float, environ: Mapping[str, str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Target:
    """Who is told, of which events. `key` is the same after a restart, and tells nothing of the address."""

    key: str
    events: frozenset[Event]
    way: Way


def target_of(wanted: Notification, secret: Callable[[str], str]) -> Target:
    """Return the target of an entry of the settings; `secret` gives what the vault keeps under a name."""
    from gitferry.daemon.desktop import Desktop
    from gitferry.daemon.webhook import Webhook

    if wanted.type == "desktop":
        return Target("desktop", frozenset(wanted.events), Desktop())
    key = hashlib.sha256(f"webhook {wanted.url}".encode()).hexdigest()[:32]
    given, name = wanted.secret, wanted.credential

    def read() -> str | None:
        return secret(name) if name is not None else None if given is None else given.get_secret_value()

    return Target(key, frozenset(wanted.events), Webhook(wanted.url, read))


@dataclass(slots=True)
class _Telling:
    """How it stands with one target."""

    target: Target
    outbox: Outbox
    fault: str | None = None
    hint: str = ""


class Notifying:
    """`set` says who is told, `news` what is open. What cannot be kept in `stored` is not sent: it would be twice."""

    def __init__(
        self,
        stored: Callable[[], StoredAlerts],
        environ: Mapping[str, str],
        *,
        host: str,
        clock: Callable[[], float] = since_boot,
    ) -> None:
        """`host` is what messages call this machine; `clock` gives seconds and is set by nobody."""
        self._clock = clock
        self._started = False
        self._stored = stored
        self._environ = environ
        self._host = host
        self._targets: tuple[Target, ...] = ()
        self._alerts: tuple[Alert, ...] | None = None  # None: nobody looked yet
        self._telling: dict[str, _Telling] = {}
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._hurry = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send, in a thread of its own as soon as there is somebody to be told."""
        with self._mutex:
            self._started = True
            self._staff()

    def set(self, targets: tuple[Target, ...]) -> None:
        """Tell these from now on."""
        with self._mutex:
            self._targets = tuple({each.key: each for each in targets}.values())
            self._staff()
        self._wake.set()

    def news(self, alerts: tuple[Alert, ...]) -> None:
        """Take note of what is open."""
        with self._mutex:
            self._alerts = alerts
        self._wake.set()

    def hurry(self) -> None:
        """Try soon what did not get through: the network is back."""
        self._hurry = True
        self._wake.set()

    def close(self) -> None:
        """Send nothing more; what was not sent is sent by the next start."""
        self._ended.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_LAST_SECONDS)

    def standing(self) -> list[dict[str, str | None]]:
        """Return a row a target: who it is, and why the last message did not get through, with a remedy."""
        with self._mutex:
            targets, telling = self._targets, dict(self._telling)
        rows: list[dict[str, str | None]] = []
        for each in targets:
            known = telling.get(each.key)
            fault, hint = (known.fault, known.hint) if known else (None, "")
            rows.append({"to": each.way.name, "fault": fault, "hint": hint or None})
        return rows

    def look(self) -> float | None:
        """Send what is due; return after how many seconds to look again, None: when something changes."""
        with self._mutex:
            targets, alerts = self._targets, self._alerts
        if alerts is None:
            return None
        hurry, self._hurry = self._hurry, False
        waits = [self._safely(each, alerts, hurry=hurry) for each in targets]
        return min((each for each in waits if each is not None), default=None)

    def _staff(self) -> None:
        if self._started and self._targets and self._thread is None and not self._ended.is_set():
            self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(self.look())
            self._wake.clear()

    def _safely(self, target: Target, alerts: tuple[Alert, ...], *, hurry: bool) -> float | None:
        try:
            return self._serve(target, alerts, hurry=hurry)
        except Exception:
            log.exception("telling %s failed", target.way.name, extra={"action": "notify"})
            return 60.0

    def _serve(self, target: Target, alerts: tuple[Alert, ...], *, hurry: bool) -> float | None:
        """Send what is due to one target; return after how many seconds to look again."""
        try:
            telling = self._known(target)
        except GitferryError as error:
            log.debug("what %s was told cannot be read: %s", target.way.name, error, extra={"action": "notify"})
            return 60.0
        telling.target = target
        now = self._clock()
        if hurry:
            telling.outbox.hurry(now)
        wanted = {each.id: each for each in alerts if EVENTS.get(each.kind) in target.events}
        batch = telling.outbox.due(tuple(wanted), now)
        if batch is not None and not self._ended.is_set():
            self._send(telling, batch, tuple(wanted[each] for each in batch.alerts))
        return telling.outbox.wait(tuple(wanted), self._clock())

    def _known(self, target: Target) -> _Telling:
        known = self._telling.get(target.key)
        if known is None:
            notices = self._stored().notices(target.key)
            begun = sorted({each.message for each in notices if not each.ended})
            batch = None
            if begun:
                batch = Batch(begun[0], tuple(each.alert for each in notices if each.message == begun[0]))
            told = (each.alert for each in notices if each.ended)
            known = _Telling(target, Outbox(lambda: f"msg_{uuid.uuid4().hex}", told=told, begun=batch))
            with self._mutex:
                self._telling[target.key] = known
        return known

    def _send(self, telling: _Telling, batch: Batch, alerts: tuple[Alert, ...]) -> None:
        way, outbox = telling.target.way, telling.outbox
        message = Message(batch.message, datetime.now(UTC), self._host, alerts)
        try:
            self._stored().begin(telling.target.key, batch.message, batch.alerts)
            way.send(message, at=time.time(), environ=self._environ)
        except GitferryError as error:
            passing = not isinstance(error, NotDelivered) or error.passing
            again = passing and outbox.failed(self._clock(), random.random())  # noqa: S311 - spreads load
            self._failed(telling, error, again=again)
            if again:
                return
        else:
            if telling.fault is not None:
                log.info("%s is told again", way.name, extra={"action": "notify"})
            telling.fault, telling.hint = None, ""
            log.info(
                "%s was told: %s", way.name, message.summary(), extra={"action": "notify", "message_id": message.id}
            )
        outbox.ended(self._clock())
        try:
            self._stored().end(telling.target.key, batch.message)
        except GitferryError as error:
            log.warning("that %s was told could not be kept: %s", way.name, error, extra={"action": "notify"})

    def _failed(self, telling: _Telling, error: GitferryError, *, again: bool) -> None:
        fault = redact(error.title)
        if telling.fault is None or not again:
            end = "it is tried again" if again else "it is not tried again"
            log.warning("%s cannot be told: %s; %s", telling.target.way.name, fault, end, extra={"action": "notify"})
        telling.fault, telling.hint = fault, error.hint
