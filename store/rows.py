"""What goes into the store and what comes out of it, as plain values that no database session holds.

The protocols are what a crossing's outcome looks like from here; the store must not know the room that makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class TaskLike(Protocol):
    """One task's state, as a crossing or a survey tells it."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def push_status(self) -> str: ...
    @property
    def last_registry_sync(self) -> datetime | None: ...
    @property
    def commit(self) -> str | None: ...
    @property
    def pull_request_url(self) -> str | None: ...


class OutcomeLike(Protocol):
    """What a crossing came to."""

    @property
    def repository(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def branch(self) -> str | None: ...
    @property
    def head(self) -> str | None: ...
    @property
    def upstream(self) -> str | None: ...
    @property
    def ahead(self) -> int: ...
    @property
    def behind(self) -> int: ...
    @property
    def pending(self) -> int: ...
    @property
    def conflicts(self) -> int: ...
    @property
    def waiting_for(self) -> str | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def hint(self) -> str | None: ...
    @property
    def offline(self) -> bool: ...
    @property
    def tasks(self) -> Sequence[TaskLike]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class KnownPath:
    """Which directory a repository's root was when it was last seen, and of which remote: a replaced root differs."""

    path: str
    device: int
    inode: int
    url: str | None = None  # without a password; None: it has no remote, or none that could be read


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """A repository as its last crossing left it; `state` is `unknown` before the first one."""

    name: str
    state: str
    branch: str | None
    head: str | None
    upstream: str | None
    ahead: int
    behind: int
    pending: int
    conflicts: int
    waiting_for: str | None
    last_error: str | None
    hint: str | None
    offline: bool
    notes: tuple[str, ...]
    last_crossing_at: datetime | None
    known_path: KnownPath | None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task as it was last seen."""

    id: str
    repository: str
    name: str
    push_status: str
    last_registry_sync: datetime | None
    commit: str | None
    pull_request_url: str | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One record of the audit log, each text as it stands in the database."""

    sequence: int
    at: str
    action: str
    actor: str
    subject: str
    result: str
    detail: str
    key: str | None
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class SentPush:
    """A push that was begun and of which the audit log does not tell yet."""

    id: str
    repository: str
    remote: str
    branch: str
    commit: str
    expected: str | None  # what the branch was thought to be at
    at: datetime
