"""What needs a person: which kinds there are, when one is there, and what is new and what is over. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gitferry.pushback.outcome import Lack, PushStatus

if TYPE_CHECKING:
    from gitferry.config.model import Event
    from gitferry.config.model import Health as Thresholds
    from gitferry.daemon.board import Asking, Known
    from gitferry.daemon.vitals import Vital
    from gitferry.security.credential import Credential

#: Seconds after which a failure is no passing one.
LONG: Final = 3600.0


class Kind(StrEnum):
    """What needs a person. The names are those of the API and of webhooks."""

    FAILING = "failing"
    FAILING_LONG = "failing_long"
    CONFLICT = "conflict"
    CONFLICT_OLD = "conflict_old"
    APPROVAL = "approval"
    CREDENTIAL_REFUSED = "credential_refused"
    CREDENTIAL_EXPIRED = "credential_expired"
    CREDENTIAL_EXPIRING = "credential_expiring"
    VAULT_LOCKED = "vault_locked"
    SETTINGS = "settings"


#: Which of them a notification tells, by the event that its settings choose. The others are only shown.
EVENTS: Final[dict[Kind, Event]] = {
    Kind.FAILING_LONG: "failing",
    Kind.CONFLICT: "conflict",
    Kind.APPROVAL: "approval",
    Kind.CREDENTIAL_REFUSED: "credential",
    Kind.CREDENTIAL_EXPIRED: "credential",
    Kind.VAULT_LOCKED: "credential",
    Kind.SETTINGS: "settings",
}

#: `status` shows these with their repository anyhow; as alerts they are listed once they are old.
NO_ALERTS: Final = frozenset({Kind.CONFLICT})

_FAILURES: Final = frozenset({Kind.FAILING, Kind.FAILING_LONG})
_SIGN_IN: Final = frozenset({Kind.CREDENTIAL_REFUSED, Kind.VAULT_LOCKED})
_EXPIRY: Final = frozenset({Kind.CREDENTIAL_EXPIRED, Kind.CREDENTIAL_EXPIRING})

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that needs a person now. `subject` is the task or credential it is about, where it is about one."""

    kind: Kind
    repository: str
    subject: str
    said: str
    remedy: str
    since: datetime

    @property
    def key(self) -> Key:
        """What makes it the same concern at the next look."""
        return self.kind.value, self.repository, self.subject


@dataclass(frozen=True, slots=True)
class Alert:
    """A concern that was raised, and when."""

    id: str
    kind: Kind
    repository: str
    subject: str
    said: str
    remedy: str
    since: datetime
    raised: datetime

    @property
    def key(self) -> Key:
        """What makes it the same concern at the next look."""
        return self.kind.value, self.repository, self.subject


@dataclass(frozen=True, slots=True)
class Change:
    """What one look found: concerns that are new, and alerts that are over."""

    new: tuple[Concern, ...] = ()
    over: tuple[Alert, ...] = ()


def of_repository(
    name: str, known: Known, vital: Vital, *, thresholds: Thresholds, credential: str | None, now: datetime
) -> Iterator[Concern]:
    """Yield what of a repository needs a person; `credential` is the one of the vault that it signs in with."""
    hint = known.hint or f"`gitferry status {name}` tells more"
    since = now - timedelta(seconds=vital.failing_for or 0.0)
    if vital.failures >= thresholds.alert:
        said = f"it failed {thresholds.alert} times in a row: {vital.error}"
        yield Concern(Kind.FAILING, name, "", said, hint, since)
    if vital.failures and not known.offline and (vital.failing_for or 0.0) >= LONG:
        yield Concern(Kind.FAILING_LONG, name, "", f"it has been failing for an hour: {vital.error}", hint, since)
    if known.lacks is Lack.CREDENTIAL:
        rotate = f"`gitferry credentials rotate {credential}` takes a new one" if credential else hint
        said = f"the remote refuses {f'the credential {credential!r}' if credential else 'our credentials'}"
        yield Concern(Kind.CREDENTIAL_REFUSED, name, credential or "", said, rotate, now)
    if known.lacks is Lack.VAULT:
        said = "it waits for the vault, which is locked"
        yield Concern(Kind.VAULT_LOCKED, name, "", said, "`gitferry vault unlock`", now)
    for each in known.asking:
        yield from _of_task(name, each, thresholds.conflict_age, now)


def _of_task(name: str, task: Asking, conflict_age: float, now: datetime) -> Iterator[Concern]:
    since = task.since or now
    if task.status is PushStatus.AWAITING_APPROVAL:
        said, remedy = f"{task.name} waits for an approval", f"`gitferry push approve {task.name}`"
        yield Concern(Kind.APPROVAL, name, task.path, said, remedy, since)
        return
    remedy = f"`gitferry conflicts {task.name}` shows both sides, `gitferry resolve {task.name}` answers"
    yield Concern(Kind.CONFLICT, name, task.path, f"both sides changed {task.name}", remedy, since)
    if (now - since).total_seconds() >= conflict_age:
        said = f"the conflict in {task.name} has been waiting since {since:%Y-%m-%d} for an answer"
        yield Concern(Kind.CONFLICT_OLD, name, task.path, said, remedy, since)


def of_credentials(credentials: Iterable[Credential], now: datetime) -> Iterator[Concern]:
    """Yield the credentials of the vault that expired, or will soon."""
    for each in credentials:
        warning = each.warning(now)
        if warning is None or each.expires is None or each.fault is not None:
            continue
        said, _, remedy = warning.partition(": ")
        kind = Kind.CREDENTIAL_EXPIRED if each.expires <= now else Kind.CREDENTIAL_EXPIRING
        yield Concern(kind, "", each.name, f"the credential {each.name!r} {said}", remedy, now)


def of_settings(error: str | None, now: datetime) -> Iterator[Concern]:
    """Yield that the settings file cannot be used; `error` says why."""
    if error is not None:
        first = error.splitlines()[0]
        said = f"the settings have a fault, and the last good ones are used: {first}"
        yield Concern(Kind.SETTINGS, "", "", said, "`gitferry config validate` names all faults", now)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look judged: these repositories, and beside them credentials and settings or not.

    `gone` tells whether a repository is no longer looked after; `standing` what is known of one.
    """

    repositories: Collection[str]
    credentials: bool
    settings: bool
    gone: Callable[[str], bool]
    standing: Callable[[str], tuple[Known, Vital]]


def difference(alerts: Iterable[Alert], concerns: Iterable[Concern], look: Look) -> Change:
    """Return what is new and what is over. An alert of which the look cannot tell stays.

    After a start nothing is known of a repository until it crossed, and of its failures only once it works.
    """
    raised = {each.key: each for each in alerts}
    there = {each.key: each for each in concerns}
    return Change(
        new=tuple(each for key, each in there.items() if key not in raised),
        over=tuple(each for key, each in raised.items() if key not in there and _judged(each, look)),
    )


def _judged(alert: Alert, look: Look) -> bool:
    if alert.kind in _EXPIRY:
        return look.credentials
    if alert.kind is Kind.SETTINGS:
        return look.settings
    return look.gone(alert.repository) or (
        alert.repository in look.repositories and _told(alert.kind, *look.standing(alert.repository))
    )


def _told(kind: Kind, known: Known, vital: Vital) -> bool:
    """Return whether what is known of a repository can tell that such an alert is over."""
    if kind in _FAILURES:
        return vital.seen and known.looked and not known.offline and vital.failures == 0
    if kind in _SIGN_IN:
        return known.reached and known.lacks is None
    return vital.seen and known.looked
