"""What is known of every repository without looking: the last outcome of each, from memory."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from gitferry.pushback.outcome import Lack, PushStatus, State

if TYPE_CHECKING:
    from gitferry.pushback.outcome import Outcome, TaskState
    from gitferry.store.rows import RepositoryRow

_PENDING = (PushStatus.PENDING, PushStatus.FAILED, PushStatus.AWAITING_APPROVAL)
_ASKING = (PushStatus.CONFLICT, PushStatus.AWAITING_APPROVAL)
#: What is in review has left this machine.
_ARRIVED = (PushStatus.COMPLETED, PushStatus.NOT_REQUIRED, PushStatus.IN_REVIEW)


@dataclass(frozen=True, slots=True)
class InReview:
    """A task in review: where, and whether because both sides changed it."""

    task: str
    review: str
    in_conflict: bool


@dataclass(frozen=True, slots=True)
class Asking:
    """A task that waits for a person's word: in conflict, or for an approval."""

    path: str
    name: str
    status: PushStatus
    since: datetime | None  # of a conflict


@dataclass(frozen=True, slots=True)
class Known:
    """One repository as its last crossing left it; `state` is `unknown` before the first one."""

    state: str = "unknown"
    url: str | None = None
    branch: str | None = None
    head: str | None = None
    upstream: str | None = None
    ahead: int = 0
    behind: int = 0
    pending: int = 0
    conflicts: int = 0
    waiting_for: str | None = None
    last_error: str | None = None
    hint: str | None = None
    offline: bool = False
    notes: tuple[str, ...] = ()
    last_crossing_at: datetime | None = None
    paused_until: datetime | None = None
    pushes_held: bool = False
    pending_for: tuple[tuple[str, int], ...] = ()  # why tasks wait, and how many for each reason
    in_review: tuple[InReview, ...] = ()
    refused: int = 0  # tasks that failed
    asking: tuple[Asking, ...] = ()
    unpushed_since: datetime | None = None  # when the oldest edit was made that has not left
    lacks: Lack | None = None
    looked: bool = False  # this process looked at its tasks
    reached: bool = False  # this process reached its remote


def from_outcome(outcome: Outcome, before: Known) -> Known:
    """Return what is known after `outcome`. What an outcome that came to no look does not say stays as it was."""
    if outcome.head is not None and outcome.state is not State.PAUSED:
        before = replace(
            before,
            looked=True,
            ahead=outcome.ahead,
            behind=outcome.behind,
            pending=outcome.pending,
            conflicts=outcome.conflicts,
            pending_for=tuple(
                Counter(task.reason for task in outcome.tasks if task.reason and task.push_status in _PENDING).items()
            ),
            in_review=tuple(
                InReview(task.name, task.pull_request_url or task.reason or "", task.in_conflict)
                for task in outcome.tasks
                if task.push_status is PushStatus.IN_REVIEW
            ),
            refused=sum(task.push_status is PushStatus.FAILED for task in outcome.tasks),
            asking=tuple(
                Asking(task.path, task.name, task.push_status, task.held_since)
                for task in outcome.tasks
                if task.push_status in _ASKING
            ),
            unpushed_since=min(filter(None, map(_unpushed_since, outcome.tasks)), default=None),
        )
    return replace(
        before,
        state=outcome.state.value,
        branch=outcome.branch or before.branch,
        head=outcome.head or before.head,
        upstream=outcome.upstream or before.upstream,
        waiting_for=outcome.waiting_for,
        last_error=outcome.error,
        hint=outcome.hint,
        offline=outcome.offline,
        # A crossing that asks no remote does not tell whether this one would let it in by now.
        lacks=outcome.lacks or (None if outcome.reached else before.lacks),
        reached=outcome.reached or before.reached,
        notes=outcome.notes,
        last_crossing_at=outcome.at,
    )


def _unpushed_since(task: TaskState) -> datetime | None:
    return None if task.push_status in _ARRIVED else task.local_modification_time


def from_row(row: RepositoryRow) -> Known:
    """Return what the store remembers of a repository."""
    return Known(
        state=row.state,
        branch=row.branch,
        head=row.head,
        upstream=row.upstream,
        ahead=row.ahead,
        behind=row.behind,
        pending=row.pending,
        conflicts=row.conflicts,
        waiting_for=row.waiting_for,
        last_error=row.last_error,
        hint=row.hint,
        offline=row.offline,
        notes=row.notes,
        last_crossing_at=row.last_crossing_at,
    )


class Board:
    """Known by name, safe to read and write from any thread."""

    def __init__(self) -> None:
        self.changes = 0  # how often anything was set: who shows it all need not look again before
        self._known: dict[str, Known] = {}
        self._mutex = threading.Lock()

    def get(self, name: str) -> Known:
        """Return what is known of a repository, possibly nothing."""
        with self._mutex:
            return self._known.get(name, Known())

    def set(self, name: str, known: Known) -> None:
        """Know this of a repository from now on."""
        with self._mutex:
            self._known[name] = known
            self.changes += 1

    def forget(self, name: str) -> None:
        """Know nothing of a repository any more."""
        with self._mutex:
            self._known.pop(name, None)
            self.changes += 1
