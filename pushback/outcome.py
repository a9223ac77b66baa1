"""What is asked of a crossing, and what it answers: values shared by the lanes, the API and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gitferry.repos.content import File


class PushStatus(StrEnum):
    """Where a task stands on its way back to the remote."""

    NOT_REQUIRED = "not_required"
    PENDING = "pending"
    AWAITING_APPROVAL = "awaiting_approval"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    COMPLETED = "completed"
    FAILED = "failed"
    CONFLICT = "conflict"


class Strategy(StrEnum):
    """What answers a task that both sides changed."""

    FAIL = "fail"  # nothing: it waits
    MERGE = "merge"  # both changes, where they merge cleanly
    TAKE_LOCAL = "take_local"
    TAKE_REMOTE = "take_remote"
    MANUAL = "manual"  # the merge is worked out and waits for a word
    CREATE_PR = "create_pr"  # ours goes to a review branch, theirs stays


class Take(StrEnum):
    """Which version a `resolve` takes."""

    LOCAL = "local"
    REMOTE = "remote"
    MERGED = "merged"
    GIVEN = "given"  # what a person made of the three versions


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer to one conflict, and the state of it that they had seen."""

    take: Take
    version: str  # of the conflict, as `conflicts` tells it; another one is not answered by this
    files: Mapping[str, File | None] = field(default_factory=dict)  # given: what differs from the local side


@dataclass(frozen=True, slots=True)
class Word:
    """A person's word on one change that needs approval, and the state of it that they had seen."""

    version: str  # of the task, as `push status` tells it; another one is not approved by this
    by: str
    granted: bool = True  # False: rejected


class State(StrEnum):
    """A repository's state after a crossing."""

    HEALTHY = "healthy"
    WAITING = "waiting"  # for something named: a rebase to end, another branch, an approval
    CONFLICT = "conflict"  # some tasks are held, everything else travels
    FAILING = "failing"  # the last crossing failed; it is tried again
    PAUSED = "paused"


class Lack(StrEnum):
    """What only a person can give to a crossing that could not sign in."""

    CREDENTIAL = "credential"  # the remote refused the one there is
    VAULT = "vault"  # it is locked


WATCH = "watch"  # the cause of what the watcher wishes


@dataclass(frozen=True, slots=True)
class Request:
    """One wish to cross. Wishes for one repository are coalesced with `merge`."""

    cause: str  # WATCH, "schedule", "start", "reconcile", "retry", "request", "undo", "survey"
    paths: frozenset[str] | None = None  # changed paths the watcher saw; None: look at the whole tree
    unsettled: frozenset[str] = frozenset()  # paths still being saved: their tasks stay out of this crossing
    fetch: bool = False  # ask the remote before planning
    push: bool = True  # False: `gitferry pull`, nothing goes out
    tasks: frozenset[str] = frozenset()  # task ids pushed by hand: pending, undone and guarded ones travel too
    all_tasks: bool = False  # `push all`
    message: str | None = None
    strategies: Mapping[str, Strategy] = field(default_factory=dict)  # by task id, instead of the repository's
    answers: Mapping[str, Answer] = field(default_factory=dict)  # by task id
    words: Mapping[str, Word] = field(default_factory=dict)  # by task id: approved, which pushes it too, or rejected
    by_hand: bool = False  # a person asked and waits for the answer: paused repositories cross too

    def agrees_with(self, other: Request) -> bool:
        """Return whether no task has one answer, word or strategy in this request and another in the other."""
        answers = all(other.answers.get(task, answer) == answer for task, answer in self.answers.items())
        words = all(other.words.get(task, word) == word for task, word in self.words.items())
        return (
            answers and words and all(other.strategies.get(task, one) == one for task, one in self.strategies.items())
        )

    def merge(self, other: Request) -> Request:
        """Return the one request that satisfies both. `other` was made later: its paths have rested by then."""
        unsettled = frozenset() if other.paths is None else self.unsettled - other.paths
        paths = None if self.paths is None or other.paths is None else self.paths | other.paths
        return Request(
            cause=self.cause if self.by_hand or not other.by_hand else other.cause,
            paths=paths,
            unsettled=unsettled | other.unsettled,
            fetch=self.fetch or other.fetch,
            push=self.push or other.push,
            tasks=self.tasks | other.tasks,
            all_tasks=self.all_tasks or other.all_tasks,
            message=self.message or other.message,
            strategies={**other.strategies, **self.strategies},
            answers={**other.answers, **self.answers},
            words={**other.words, **self.words},
            by_hand=self.by_hand or other.by_hand,
        )


@dataclass(frozen=True, slots=True)
class TaskState:
    """One task as `tasks`, `push status` and `conflicts` show it."""

    id: str
    repository: str
    name: str
    path: str
    kind: str  # directory | file | repository
    version: str | None
    push_status: PushStatus
    reason: str | None = None  # why it waits, failed or conflicts
    version_seen: str | None = None  # names what both sides hold, so that an Answer or a Word says what it was given to
    in_conflict: bool = False  # both sides changed it, and nobody has answered
    warnings: tuple[str, ...] = ()  # what a check found that stops nothing
    modified: bool = False  # differs from the upstream tip last seen
    local_modification_time: datetime | None = None
    last_registry_sync: datetime | None = None
    commit: str | None = None
    pull_request_url: str | None = None
    held_since: datetime | None = None  # in conflict: since when


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What one operation did to one task; `action` is pull, push, merge, review, restore or revert."""

    task: str  # id
    name: str
    path: str
    action: str
    files: tuple[str, ...] = ()
    answered: str | None = None  # which side it was given to, where both had changed it: local, remote, merged, given
    approved: str | None = None  # who approved it, where that was required
    excused: tuple[str, ...] = ()  # what a check found and its author excused


@dataclass(frozen=True, slots=True)
class Operation:
    """One crossing that did something, as `log` and `show` tell it."""

    id: str
    repository: str
    at: datetime
    cause: str
    kind: str  # sync | undo
    host: str
    user: str
    tasks: tuple[TaskChange, ...]
    commits: tuple[str, ...]  # pushed by this operation, oldest first
    head_before: str | None
    head_after: str | None
    upstream_before: str | None
    upstream_after: str | None
    undoable: bool
    undoes: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a crossing came to. Nothing in it needs the repository to be read again."""

    repository: str
    state: State
    at: datetime
    branch: str | None = None
    head: str | None = None
    upstream: str | None = None  # "origin/main"
    ahead: int = 0
    behind: int = 0
    pending: int = 0
    conflicts: int = 0
    waiting_for: str | None = None
    error: str | None = None
    hint: str | None = None
    retry: bool = False  # a passing failure (the network): try again with back-off
    offline: bool = False
    reached: bool = False  # the remote's host answered
    tasks: tuple[TaskState, ...] = ()  # only tasks whose status this crossing established
    operation: Operation | None = None
    at_remote: bool = False  # it failed at the remote: only a crossing that reaches it can tell that this is over
    lacks: Lack | None = None  # what its user has to give before it can go on
    seconds: float | None = field(default=None, compare=False)  # it took; None: nobody measured it
    notes: tuple[str, ...] = ()  # said once, e.g. "hooks exist and are skipped: pre-commit"

    @property
    def looked(self) -> bool:
        """Whether it came to look at files. Where it had to wait or failed before that, none of its paths was seen."""
        return self.branch is not None and self.state is not State.PAUSED
