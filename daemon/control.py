"""The facade of every verb: the command line calls it in-process, the HTTP interface in the daemon."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from gitferry.config.errors import GitferryError
from gitferry.daemon import address, rows
from gitferry.daemon.crash import version
from gitferry.daemon.ferry import Ferry
from gitferry.daemon.house import House
from gitferry.daemon.parallel import in_parallel
from gitferry.pushback.outcome import PushStatus, Request

if TYPE_CHECKING:
    from gitferry.config.model import Settings
    from gitferry.pushback.outcome import Operation, TaskState

Row = rows.Row
T = TypeVar("T")

_PUSHABLE = frozenset({PushStatus.PENDING, PushStatus.AWAITING_APPROVAL, PushStatus.FAILED})


class Control:
    """Every verb, as a method that returns what contracts §3 says, JSON-able. All raise GitferryError.

    `house` is the running daemon's; without one the verbs work in this process, in lanes of their own and under
    the same locks, by the settings that `settings` (what --config said) and `environ` lead to.
    """

    def __init__(
        self, settings: Path | None, environ: Mapping[str, str] | None = None, *, house: House | None = None
    ) -> None:
        self._named = settings
        self._environ = os.environ if environ is None else environ
        self._given = house
        self._own: House | None = None
        self._opening = threading.Lock()

    def close(self) -> None:
        """End what this facade began: a crossing in hand is finished first. A daemon's house stays."""
        with self._opening:
            own, self._own = self._own, None
        if own is not None:
            own.close(finish=2.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def _house(self) -> House:
        if self._given is not None:
            return self._given
        with self._opening:
            if self._own is None:
                from gitferry.config.paths import settings_path

                self._own = House(settings_path(self._named, self._environ), self._environ)
            return self._own

    # Looking

    def daemon(self) -> Row:
        """Return the daemon's own part of `status`."""
        house = self._house
        return {
            "running": self._given is not None,
            "version": version(),
            "settings_error": house.roster.settings_error,
            "pid": os.getpid() if self._given is not None else None,
            "settings_path": str(house.roster.path),
            "notes": list(house.notes()),
        }

    def status(self, repository: str | None = None) -> Row:
        """Return the daemon's state and one row a repository.

        A daemon answers from memory and waits for no repository; without one each is looked at, read-only.
        """
        house = self._house
        chosen = house.roster.chosen([repository] if repository is not None else [])
        if self._given is None:
            house.look(chosen)
        return {"daemon": self.daemon(), "repositories": [house.row(each) for each in chosen]}

    def tasks(self, repository: str | None = None, modified: bool = False) -> Row:
        """Return one row a task; `modified`: only those that differ from the remote.

        Repositories that cannot be read are named under `unreadable`, and hide no other's tasks.
        """
        states, unreadable = self._states(repository)
        shown = [rows.task(state) for state in states if state.modified or not modified]
        return {"tasks": shown, "unreadable": unreadable}

    def task(self, task: str) -> Row:
        """Return all that is known of one task."""
        state = self._find([task])[0]
        return rows.push(state) | rows.task(state)

    def push_status(self, repository: str | None = None) -> Row:
        """Return how many tasks have each push status, and the tasks."""
        states, unreadable = self._states(repository)
        return rows.push_status(states) | {"unreadable": unreadable}

    def conflicts(self, repository: str | None = None) -> Row:
        """Return one row a held task."""
        states, unreadable = self._states(repository)
        held = [state for state in states if state.push_status is PushStatus.CONFLICT]
        strategy = {each.name: each.pushback.conflict_strategy for each in self._house.roster.settings.repositories}
        return {
            "conflicts": [rows.conflict(state, strategy[state.repository], self._theirs(state)) for state in held],
            "unreadable": unreadable,
        }

    def names(self) -> Row:
        """Return the names of repositories and tasks, for completion: from the index alone."""
        house = self._house
        repositories = [each.name for each in house.roster.settings.repositories]
        return {"repositories": repositories, "tasks": house.ledger.task_names()}

    def diff(self, task: str, remote: bool = False) -> Row:
        """Return a task's difference between base and working tree, or (`remote`) base and remote."""
        house = self._house
        state = self._find([task])[0]
        text = house.ferry.diff(house.roster.repository(state.repository), state, remote=remote)
        named = {"id": state.id, "repository": state.repository, "name": state.name, "path": state.path}
        return {"task": named, "against": "remote" if remote else "local", "diff": text}

    def log(self, repository: str | None = None, limit: int | None = 50) -> Row:
        """Return operations, newest first."""
        found = self._operations(repository)
        return {"operations": [rows.operation(done) for done in (found if limit is None else found[:limit])]}

    def show(self, op: str) -> Row:
        """Return one operation with its files; the beginning of its id is enough."""
        done = self._operation(op)
        house = self._house
        text = house.ferry.operation_diff(house.roster.repository(done.repository), done)
        return {"operation": rows.operation(done, full=True), "diff": text}

    # Crossing

    def push(self, tasks: Sequence[str], all: bool = False, message: str | None = None, dry_run: bool = False) -> Row:
        """Push these tasks, or all that wait, and wait for the results; `dry_run` tells what would be pushed."""
        house = self._house
        if all:
            wishes = {
                each.name: Request("request", all_tasks=True, message=message, by_hand=True)
                for each in house.roster.settings.repositories
            }
        else:
            wishes = {}
            for state in self._find(tasks):
                wish = Request("request", tasks=frozenset({state.id}), message=message, by_hand=True)
                wishes[state.repository] = wish.merge(wishes.get(state.repository, wish))
        if dry_run:
            previews = [house.ferry.preview(house.roster.repository(name), wish) for name, wish in wishes.items()]
            return {"dry_run": True, "previews": [rows.preview(found) for found in previews]}
        return self._cross(wishes)

    def pull(self, repositories: Sequence[str] = ()) -> Row:
        """Take in what the remotes have and wait for the results; nothing is pushed."""
        return self._cross_all(repositories, Request("request", fetch=True, push=False, by_hand=True))

    def sync(self, repositories: Sequence[str] = ()) -> Row:
        """Cross in both directions and wait for the results."""
        return self._cross_all(repositories, Request("request", fetch=True, by_hand=True))

    def undo(self, op: str) -> Row:
        """Undo one operation."""
        house = self._house
        done = self._operation(op)
        repository = house.roster.repository(done.repository)
        outcome = house.ferry.undo(repository, done.id)
        house.heard(repository, Request("request", by_hand=True), outcome)
        return {"results": [rows.result(outcome)]}

    # Pausing

    def pause(self, repository: str | None = None, seconds: float | None = None) -> Row:
        """Cross no more by itself, for `seconds` or until `resume`."""
        house = self._house
        until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        chosen = house.roster.chosen([repository] if repository is not None else [])
        for each in chosen:
            house.ferry.pause(each, until)
        house.look(chosen)
        return {"paused": [each.name for each in chosen], "until": rows.instant(until)}

    def resume(self, repository: str | None = None) -> Row:
        """Cross again, at once where a daemon runs; first pushes that were held are released."""
        house = self._house
        chosen = house.roster.chosen([repository] if repository is not None else [])
        for each in chosen:
            house.ferry.resume(each)
        house.look(chosen)
        if self._given is not None:
            for each in chosen:
                house.roster.ask(each.name, Request("request", fetch=True))
        return {"resumed": [each.name for each in chosen]}

    # Adding

    def survey_for_add(self, path: str, branch: str | None = None) -> Row:
        """Return what `add` shows of a working tree before it is registered. Changes nothing."""
        from gitferry.daemon.candidate import survey

        return survey(Path(path), branch, self._settings_or_none(), self._ferry())

    def hold(self, path: str) -> Row:
        """Let first pushes of the working tree at `path` wait for `push --all` or `resume`."""
        return self._hold(path, held=True)

    def release(self, path: str) -> Row:
        """Undo `hold`."""
        return self._hold(path, held=False)

    def reload(self) -> Row:
        """Read the settings again; a daemon starts, changes and stops only what differs."""
        roster = self._house.roster
        changes = roster.reload()
        return {
            "settings_error": roster.settings_error,
            "added": list(changes.added),
            "changed": list(changes.changed),
            "removed": list(changes.removed),
        }

    # What these are made of

    def _states(self, repository: str | None) -> tuple[list[TaskState], list[Row]]:
        """Return the states of all tasks, and which repositories could not be read; one asked for by name raises."""
        house = self._house
        chosen = house.roster.chosen([repository] if repository is not None else [])
        surveyed = in_parallel(house.ferry.survey, chosen)
        states: list[TaskState] = []
        unreadable: list[Row] = []
        for each, found in zip(chosen, surveyed, strict=True):
            if not isinstance(found, GitferryError):
                states.extend(found)
            elif repository is not None:
                raise found
            else:
                unreadable.append({"repository": each.name, "error": found.title, "hint": found.hint})
        return house.ledger.with_history(states), unreadable

    def _theirs(self, state: TaskState) -> tuple[str, str] | None:
        """Return the remote's commit that a held task is in conflict with, and its author; None where it is gone."""
        house = self._house
        try:
            return house.ferry.theirs(house.roster.repository(state.repository), state)
        except GitferryError:
            return None

    def _find(self, tasks: Sequence[str]) -> list[TaskState]:
        states, _ = self._states(None)
        roots = {each.name: str(each.path) for each in self._house.roster.settings.repositories}
        return [address.find(task, states, roots) for task in dict.fromkeys(tasks)]

    def _operations(self, repository: str | None) -> list[Operation]:
        house = self._house
        chosen = house.roster.chosen([repository] if repository is not None else [])
        found: list[Operation] = []
        for each in in_parallel(house.ferry.log, chosen):
            if not isinstance(each, GitferryError):
                found.extend(each)
            elif repository is not None:
                raise each
        return sorted(found, key=lambda done: (done.at, done.id), reverse=True)

    def _operation(self, op: str) -> Operation:
        found = [done for done in self._operations(None) if op and done.id.startswith(op)]
        exact = [done for done in found if done.id == op]
        if len(exact or found) > 1:
            raise address.AmbiguousOperation(op, [done.id for done in found])
        if not found:
            raise address.UnknownOperation(op)
        return (exact or found)[0]

    def _cross_all(self, repositories: Sequence[str], request: Request) -> Row:
        return self._cross({each.name: request for each in self._house.roster.chosen(list(repositories))})

    def _cross(self, wishes: Mapping[str, Request]) -> Row:
        """Have every wish served and return the results in their order."""
        house = self._house
        answers = [house.roster.ask(name, request) for name, request in wishes.items()]
        return {"results": [rows.result(answer.result()) for answer in answers]}

    def _hold(self, path: str, *, held: bool) -> Row:
        from gitferry.daemon.candidate import as_repository

        self._ferry().hold(as_repository(Path(path), self._settings_or_none()), held=held)
        return {"held": held}

    def _ferry(self) -> Ferry:
        """Return the engine; before there are settings, one that needs none."""
        if self._settings_or_none() is None:
            return Ferry(self._environ, threading.Event())
        return self._house.ferry

    def _settings_or_none(self) -> Settings | None:
        """Return the settings in force, None before there is a file: the first `add` makes one."""
        from gitferry.config.paths import settings_path

        if self._given is None and self._own is None and not settings_path(self._named, self._environ).exists():
            return None
        return self._house.roster.settings
