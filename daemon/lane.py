"""One repository's lane: what is wished of it, what it crosses for now, and what a failure left undone."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gitferry.pushback.outcome import WATCH, Outcome, Request, State

if TYPE_CHECKING:
    from gitferry.config.model import Repository


@dataclass(slots=True)
class Wish:
    """A crossing that is wished for, and its answer to come."""

    request: Request
    answer: Future[Outcome] = field(default_factory=Future)


@dataclass(slots=True)
class Lane:
    """Everything about one repository's crossings; to be touched with the lanes' mutex held."""

    repository: Repository
    host: str | None = None
    host_known: bool = False
    stamp: object = None  # of the git settings by which the host is known
    waiting: list[Wish] = field(default_factory=list)
    running: Wish | None = None
    queued: bool = False
    closed: bool = False
    again: Request | None = None  # what a passing failure left undone
    attempts: int = 0

    @property
    def name(self) -> str:
        """The repository's name."""
        return self.repository.name

    @property
    def place(self) -> str:
        """What is out of reach when its remote is."""
        return self.host or f"the remote of {self.name}"


@dataclass(frozen=True, slots=True)
class Load:
    """What the lanes have to do at this moment."""

    waiting: int  # wishes that no crossing serves yet
    busy: int  # threads that work
    workers: int  # threads that are wanted
    lost: int  # hosts out of reach


def one_crossing(first: Request, second: Request) -> bool:
    """Return whether one crossing can serve both wishes truthfully.

    A person's wish is not mixed with an automatic one: it may reach further (a paused repository,
    tasks that wait) or less far (`pull` sends nothing), and two messages need two commits, two answers for one
    task two crossings. The watcher's is kept apart as well: it vouches that its paths are quiet, which nobody does
    for a whole tree.
    """
    by_watch = (first.cause == WATCH, second.cause == WATCH)
    alike = first.by_hand == second.by_hand and first.message == second.message and by_watch[0] == by_watch[1]
    return alike and first.agrees_with(second)


def undone(request: Request, before: Request | None) -> Request:
    """Return what is to be tried again; what a person allowed, they allowed for then: the later try is automatic."""
    undone = Request(cause="retry", paths=request.paths, fetch=request.fetch, push=request.push)
    return undone if before is None else before.merge(undone)


def settle(answer: Future[Outcome], outcome: Outcome | None = None, *, error: Exception | None = None) -> None:
    """Give the answer, unless the other side of a stop was first."""
    with suppress(InvalidStateError):
        if error is not None:
            answer.set_exception(error)
        elif outcome is not None:
            answer.set_result(outcome)


def failing(repository: Repository, error: str, hint: str) -> Outcome:
    """Return the outcome of a crossing that told none itself; it is tried again."""
    return Outcome(
        repository=repository.name,
        state=State.FAILING,
        at=datetime.now(UTC),
        error=error,
        hint=hint,
        retry=True,
    )
