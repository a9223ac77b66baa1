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
    def repository(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def version(self) -> str | None: ...
    @property
    def push_status(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def modified(self) -> bool: ...
    @property
    def local_modification_time(self) -> datetime | None: ...
    @property
    def last_registry_sync(self) -> datetime | None: ...
    @property
    def commit(self) -> str | None: ...
    @property
    def pull_request_url(self) -> str | None: ...


class TaskChangeLike(Protocol):
    """What one operation did to one task."""

    @property
    def task(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def files(self) -> tuple[str, ...]: ...


class OperationLike(Protocol):
    """One crossing that did something."""

    @property
    def id(self) -> str: ...
    @property
    def repository(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def cause(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def tasks(self) -> Sequence[TaskChangeLike]: ...
    @property
    def commits(self) -> tuple[str, ...]: ...
    @property
    def head_before(self) -> str | None: ...
    @property
    def head_after(self) -> str | None: ...
    @property
    def upstream_before(self) -> str | None: ...
    @property
    def upstream_after(self) -> str | None: ...
    @property
    def undoable(self) -> bool: ...
    @property
    def undoes(self) -> str | None: ...


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
    def operation(self) -> OperationLike | None: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class KnownPath:
    """Which directory a repository's root was when it was last seen: a vanished or replaced root differs."""

    path: str
    device: int
    inode: int


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
    first_branch: str | None  # the branch that was checked out when it was first seen
    known_path: KnownPath | None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task as it was last seen."""

    id: str
    repository: str
    name: str
    path: str
    kind: str
    version: str | None
    push_status: str
    reason: str | None
    modified: bool
    local_modification_time: datetime | None
    last_registry_sync: datetime | None
    commit: str | None
    pull_request_url: str | None


@dataclass(frozen=True, slots=True)
class OperationTaskRow:
    """What one operation did to one task."""

    task: str
    name: str
    path: str
    action: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation of the log."""

    id: str
    repository: str
    at: datetime
    cause: str
    kind: str
    host: str
    user: str
    tasks: tuple[OperationTaskRow, ...]
    commits: tuple[str, ...]
    head_before: str | None
    head_after: str | None
    upstream_before: str | None
    upstream_after: str | None
    undoable: bool
    undoes: str | None
