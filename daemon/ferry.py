"""The crossing engine as the lanes and the facade call it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from gitferry.daemon.pushes import Noted
from gitferry.daemon.reach import Reach
from gitferry.daemon.telling import without_secrets
from gitferry.pushback import crossing, operations, pause, preview, review_prune, survey, undo, versions
from gitferry.pushback.ground import opened
from gitferry.pushback.host import Host
from gitferry.repos.patch import patch
from gitferry.repos.ssh_connections import Connections
from gitferry.repos.tasks import task_id

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.pushes import Pushes
    from gitferry.pushback.operations import Travel
    from gitferry.pushback.outcome import Operation, Outcome, Request, TaskState
    from gitferry.pushback.preview import Preview
    from gitferry.pushback.review_prune import Finished
    from gitferry.pushback.versions import Held, Versions
    from gitferry.repos.record import Record


class Ferry:
    """Does and tells what is asked of one repository at a time; `cancel`, once set, ends long network calls.

    What crosses puts the repository's own troubles into its outcome; what only looks raises GitferryError.
    """

    def __init__(self, environ: Mapping[str, str], cancel: threading.Event) -> None:
        #: What every crossing of this process takes from outside.
        self.host = Host(environ=dict(environ), cancel=cancel, connections=Connections(environ))
        #: Who puts pushes on record; None: there are no settings yet, and nothing is pushed.
        self.pushes: Pushes | None = None

    def close(self) -> None:
        """Close what stays open between crossings: connections to remotes."""
        if self.host.connections is not None:
            self.host.connections.close()

    def cross(self, repository: Repository, request: Request, lost: str | None = None) -> Outcome:
        """Cross once. Where `lost` says why the remote's host is out of reach, it is not asked."""

        def cross(host: Host) -> Outcome:
            reach = Reach(host.transport, lost)
            outcome = crossing.cross(repository, request, host=replace(host, transport=reach))
            return replace(outcome, reached=reach.reached)

        return self._done(repository, cross)

    def undo(self, repository: Repository, op_id: str) -> Outcome:
        """Undo one operation. Raises NoSuchOperation."""
        return self._done(repository, lambda host: undo.undo(repository, op_id, host=host))

    def glance(self, repository: Repository) -> Outcome:
        """Return what a crossing would find; touches nothing."""
        return without_secrets(survey.glance(repository, host=self.host))

    def survey(self, repository: Repository) -> tuple[TaskState, ...]:
        """Return every task's state; touches nothing."""
        return survey.survey(repository, host=self.host)

    def diff(self, repository: Repository, state: TaskState, *, remote: bool) -> str:
        """Return what a task's own side made of its base, as git-diff(1) shows it."""
        return survey.diff(repository, [state.path], host=self.host, remote=remote)

    def preview(self, repository: Repository, request: Request) -> Preview:
        """Return what a push would do."""
        return preview.preview(repository, request, host=self.host)

    def log(self, repository: Repository) -> tuple[Operation, ...]:
        """Return the repository's operations, newest first, from its refs."""
        with opened(repository, self.host) as ground:
            # By the name that it has now: the refs tell the one that it had then.
            found = (entered.operation for entered in operations.read_all(ground.objects))
            return tuple(replace(done, repository=repository.name) for done in found)

    def travels(self, repository: Repository) -> dict[str, Travel]:
        """Return when each task that is in the log travelled last, by the task's id."""
        with opened(repository, self.host) as ground:
            found = operations.travels(ground.objects)
            return {task_id(repository.name, path): travel for path, travel in found.items()}

    def operation_diff(self, repository: Repository, operation: Operation) -> str:
        """Return what an operation made of the side it went to, as git-diff(1) shows it.

        For what was pushed that is the remote's side, for what was sent to review its branch, for all else the
        working tree's.
        """
        with opened(repository, self.host) as ground:
            entered = operations.find(ground.objects, operation.id)
            sides = {"push": (entered.upstream_before, entered.upstream_after)}
            for commit in operation.commits[-1:]:
                sides["review"] = (f"{commit}^", commit)
            files: dict[tuple[str, str], list[str]] = {}
            for change in entered.operation.tasks:
                side = sides.get(change.action, (entered.local_before, entered.local_after))
                files.setdefault(side, []).extend(change.files)
            return "".join(patch(ground.git, *side, names) for side, names in files.items() if names)

    def held(self, repository: Repository) -> tuple[Held, ...]:
        """Return the tasks that both sides changed; touches nothing."""
        return versions.held(repository, host=self.host)

    def versions(self, repository: Repository, state: TaskState) -> Versions | None:
        """Return all versions of one task that both sides changed, None where that is not so; touches nothing."""
        return versions.versions(repository, state.path, host=self.host)

    def finished_reviews(self, repository: Repository) -> tuple[Finished, ...]:
        """Return the review branches that are over; touches nothing."""
        return review_prune.finished(repository, host=self.host)

    def prune_reviews(self, repository: Repository) -> tuple[Finished, ...]:
        """Delete the review branches that are over at the remote."""
        with self._noted(repository) as noted:
            return review_prune.prune(repository, host=noted.host)

    def pause(self, repository: Repository, until: datetime | None) -> None:
        """Let nothing cross by itself until then; None: until `resume`."""
        pause.pause(repository, until, host=self.host)

    def resume(self, repository: Repository) -> None:
        """Let it cross again, first pushes that were held included."""
        pause.resume(repository, host=self.host)

    def hold(self, repository: Repository, *, held: bool) -> None:
        """Hold first pushes back, or release them."""
        pause.hold_pushes(repository, host=self.host, held=held)

    def record(self, repository: Repository) -> Record:
        """Return the record, which tells whether the repository is paused or its pushes are held."""
        return pause.wishes(repository, host=self.host)

    def _done(self, repository: Repository, act: Callable[[Host], Outcome]) -> Outcome:
        """Return what came of it, once its pushes are on record."""
        with self._noted(repository) as noted:
            outcome = act(noted.host)
            noted.operation = outcome.operation
        return without_secrets(outcome)

    def _noted(self, repository: Repository) -> AbstractContextManager[Noted]:
        if self.pushes is None:
            return nullcontext(Noted(self.host))
        return self.pushes.noted(repository, self.host)
