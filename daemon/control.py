"""The facade of every verb: the command line calls it in-process, the HTTP interface in the daemon."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gitferry.config.paths import settings_path
from gitferry.daemon import asked, audit_rows, pausing, rows, safe
from gitferry.daemon.adding import Adding
from gitferry.daemon.approving import require_approvable
from gitferry.daemon.crash import version
from gitferry.daemon.house import House
from gitferry.daemon.questions import Questions
from gitferry.daemon.resolving import OPEN, NotInConflict, answers_to, is_resolved
from gitferry.pushback.outcome import Request, Take
from gitferry.repos.tasks import task_id

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.probes import Probes
    from gitferry.pushback.outcome import TaskState
    from gitferry.repos.content import File

Row = rows.Row


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
                self._own = House(settings_path(self._named, self._environ), self._environ)
            return self._own

    @property
    def probes(self) -> Probes:
        """What monitors ask."""
        return self._house.probes

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
            "notifications": house.attention.told(),
        }

    def status(self, repository: str | None = None) -> Row:
        """Return the daemon's state and one row a repository.

        A daemon answers from memory and waits for no repository; without one each is looked at, read-only.
        """
        house = self._house
        chosen = self._questions.chosen(repository)
        if self._given is None:
            house.look(chosen)
        alerts = self.alerts(repository)["alerts"]
        return {"daemon": self.daemon(), "repositories": [house.row(each) for each in chosen], "alerts": alerts}

    def alerts(self, repository: str | None = None) -> Row:
        """Return what needs a person, the oldest first; what belongs to no repository is there in any case.

        A daemon notices it. Without one it is what the last daemon left open.
        """
        found = self._house.attention.alerts()
        return {"alerts": [row for row in found if repository is None or row["repository"] in (None, repository)]}

    def tasks(self, repository: str | None = None, modified: bool = False) -> Row:
        """Return one row a task; `modified`: only those that differ from the remote.

        Repositories that cannot be read are named under `unreadable`, and hide no other's tasks.
        """
        states, unreadable = self._questions.states(repository)
        shown = [rows.task(state) for state in states if state.modified or not modified]
        return {"tasks": shown, "unreadable": unreadable}

    def task(self, task: str) -> Row:
        """Return all that is known of one task."""
        state = self._questions.find([task])[0]
        return rows.push(state) | rows.task(state)

    def push_status(self, repository: str | None = None) -> Row:
        """Return how many tasks have each push status, and the tasks."""
        states, unreadable = self._questions.states(repository)
        return rows.push_status(states) | {"unreadable": unreadable}

    def conflicts(self, repository: str | None = None) -> Row:
        """Return one row a task that both sides changed, those in review too."""
        states, unreadable = self._questions.states(repository)
        waiting = [state for state in states if state.push_status in OPEN and state.in_conflict]
        concerned = [self._house.roster.repository(name) for name in dict.fromkeys(s.repository for s in waiting)]
        held, missing = self._questions.read(
            lambda each: [((each.name, found.unit), found) for found in self._house.ferry.held(each)],
            concerned,
            repository is None,
        )
        known = dict(held)
        return {
            "conflicts": [
                rows.conflict(state, self._strategy(state), known.get((state.repository, state.path)))
                for state in waiting
            ],
            "unreadable": [*unreadable, *missing],
        }

    def conflict(self, task: str) -> Row:
        """Return the row of one task that both sides changed, with all its versions. Raises NotInConflict."""
        state = self._questions.find([task])[0]
        found = self._house.ferry.versions(self._house.roster.repository(state.repository), state)
        if state.push_status not in OPEN or found is None:
            raise NotInConflict(state)
        row = rows.conflict(state, self._strategy(state), found.held)
        return {"conflicts": [row | rows.versions(found)]}

    def names(self) -> Row:
        """Return the names of repositories and tasks, for completion: from the index alone."""
        house = self._house
        repositories = [each.name for each in house.roster.settings.repositories]
        return {"repositories": repositories, "tasks": house.ledger.task_names()}

    def diff(self, task: str, remote: bool = False) -> Row:
        """Return a task's difference between base and working tree, or (`remote`) base and remote."""
        house = self._house
        state = self._questions.find([task])[0]
        text = house.ferry.diff(house.roster.repository(state.repository), state, remote=remote)
        return {"task": rows.named(state), "against": "remote" if remote else "local", "diff": text}

    def log(self, repository: str | None = None, limit: int | None = 50) -> Row:
        """Return operations, newest first; repositories that cannot be read are named under `unreadable`."""
        found, unreadable = self._questions.operations(repository)
        return {"operations": [rows.operation(done) for done in found[:limit]], "unreadable": unreadable}

    def show(self, op: str) -> Row:
        """Return one operation with its files; the beginning of its id is enough."""
        done = self._questions.operation(op)
        house = self._house
        text = house.ferry.operation_diff(house.roster.repository(done.repository), done)
        return {"operation": rows.operation(done, full=True), "diff": text}

    # The vault

    def vault(self) -> Row:
        """Return how the vault of this process stands."""
        return {"vault": safe.row(self._house.vault, self._environ)}

    def unlock(self, passphrase: str) -> Row:
        """Open the vault for as long as this process runs; what waited for it crosses. Raises WrongKey, NoVault."""
        self._house.vault.unlock(passphrase.encode())
        self.try_credential()
        return self.vault()

    def try_credential(self, name: str | None = None) -> Row:
        """Cross, where a daemon runs, what signs in with this credential of the vault, with any where none is named.

        It was given another secret, or can be opened now: what waits for that waits no longer.
        """
        roster, tried = self._house.roster, []
        for each in roster.settings.repositories:
            auth = each.auth
            if self._given is None or auth is None or auth.type != "credential" or name not in (None, auth.credential):
                continue
            roster.wish(each.name, Request("start", fetch=True))
            tried.append(each.name)
        return {"repositories": tried}

    def lock(self) -> Row:
        """Forget the vault's key."""
        self._house.vault.lock()
        return self.vault()

    # The audit log

    def audit(self, wanted: Mapping[str, str | None] | None = None, limit: int | None = 50) -> Row:
        """Return records of the audit log, newest first, and where the next ones begin (null: there are none).

        `wanted` may have action, repository, actor, since, until and cursor. Raises BadTime, BadCursor.
        """
        return audit_rows.records(self._house.auditing.log(), wanted or {}, limit, self._house.ferry.host.clock())

    def audit_verify(self) -> Row:
        """Return whether the audit log is as it was written, and what was done to it where it is not."""
        return audit_rows.verification(self._house.auditing.log().verify())

    def note_settings(self, keys: Sequence[str]) -> None:
        """Put on record that these keys of the settings file were changed, where no daemon does."""
        house = self._house
        house.auditing.settings_file(house.roster.path, keys)

    # Crossing

    def push(
        self,
        tasks: Sequence[str],
        all: bool = False,
        message: str | None = None,
        dry_run: bool = False,
        strategy: str | None = None,
    ) -> Row:
        """Push these tasks, or all that wait, and wait for the results; `dry_run` tells what would be pushed.

        `strategy` answers conflicts of the named tasks, this once, instead of their repository's.
        """
        house = self._house
        if all:
            wishes = {
                each.name: Request("request", all_tasks=True, message=message, by_hand=True)
                for each in house.roster.settings.repositories
            }
        else:
            wishes = asked.pushes(self._questions.find(tasks), message, strategy)
        if dry_run:
            wished = [house.roster.repository(name) for name in wishes]
            previews, unreadable = self._questions.read(
                lambda each: [house.ferry.preview(each, wishes[each.name])], wished, go_on=all
            )
            shown = [rows.preview(found) for found in previews]
            return {"dry_run": True, "previews": shown, "unreadable": unreadable}
        return self._cross(wishes)

    def approve(self, tasks: Sequence[str], granted: bool = True, version: str | None = None) -> Row:
        """Approve the changes of these tasks, which pushes them, or reject them; wait for the results.

        `version` is what a single task held as its author saw it (`push status`); another one by now is not approved.
        Raises NothingToApprove, ChangedSince.
        """
        house = self._house
        states = self._questions.find(tasks)
        for state in states:
            require_approvable(state, house.roster.repository(state.repository), version)
        wishes = asked.words(states, house.ferry.host.user, granted=granted)
        house.auditing.words(states, granted=granted)
        named = [{"id": each.id, "repository": each.repository, "name": each.name} for each in states]
        return {"tasks": named, "granted": granted} | self._cross(wishes)

    def prune(self, repository: str | None = None, dry_run: bool = False) -> Row:
        """Delete the review branches that are over at the remotes; `dry_run` names them."""
        house = self._house

        def pruned(each: Repository) -> list[Row]:
            found = house.ferry.finished_reviews(each) if dry_run else house.ferry.prune_reviews(each)
            return [rows.finished(each, one) for one in found]

        found, unreadable = self._questions.read(pruned, self._questions.chosen(repository), repository is None)
        return {"branches": found, "dry_run": dry_run, "unreadable": unreadable}

    def pull(self, repositories: Sequence[str] = ()) -> Row:
        """Take in what the remotes have and wait for the results; nothing is pushed."""
        return self._cross_all(repositories, Request("request", fetch=True, push=False, by_hand=True))

    def sync(self, repositories: Sequence[str] = ()) -> Row:
        """Cross in both directions and wait for the results."""
        return self._cross_all(repositories, Request("request", fetch=True, by_hand=True))

    def undo(self, op: str) -> Row:
        """Undo one operation."""
        house = self._house
        done = self._questions.operation(op)
        repository = house.roster.repository(done.repository)
        outcome = house.ferry.undo(repository, done.id)
        house.heard(repository, Request("request", by_hand=True), outcome)
        house.auditing.undo(repository.name, done.id, outcome)
        return {"results": [rows.result(outcome)]}

    def resolve(
        self, task: str, take: str, version: str | None = None, files: Mapping[str, File | None] | None = None
    ) -> Row:
        """Answer a conflict with one version and wait for the result.

        `take` is local, remote, merged, or given: then `files` has every file of the task that shall differ from the
        local side, None for one that goes. `version` is the conflict's as its author saw it; what is another one by
        now is not answered. Raises NotInConflict, NoCleanMerge, ChangedSince.
        """
        house = self._house
        state = self._questions.find([task])[0]
        repository = house.roster.repository(state.repository)
        found = answers_to(state, house.ferry.held(repository), Take(take), version, files or {})
        answers = {task_id(repository.name, path): answer for path, answer in found.items()}
        wish = Request("request", tasks=frozenset(answers), answers=answers, by_hand=True)
        done = house.roster.ask(repository.name, wish).result()
        resolved = is_resolved(state, done)
        house.auditing.resolution(state, take, resolved=resolved, outcome=done)
        return {
            "task": rows.named(state),
            "resolved": resolved,
            "results": [rows.result(done, held=house.board.get(repository.name).pushes_held)],
        }

    # Pausing

    def pause(self, repository: str | None = None, seconds: float | None = None) -> Row:
        """Cross no more by itself, for `seconds` or until `resume`; what cannot be paused is under `unreadable`."""
        return pausing.pause(self._house, repository, seconds)

    def resume(self, repository: str | None = None) -> Row:
        """Cross again, at once where a daemon runs; first pushes that were held are released.

        The working tree that is there now is taken for the tracked one. What cannot be resumed is under `unreadable`,
        and what was neither paused nor held under `idle` too.
        """
        return pausing.resume(self._house, repository, running=self._given is not None)

    # Adding

    def survey_for_add(self, path: str, branch: str | None = None, credential: str | None = None) -> Row:
        """Return what `add` shows of a working tree before it is registered. Changes nothing."""
        return Adding(self._house_or_none(), self._environ).survey(path, branch, credential)

    def hold(self, path: str, branch: str | None = None) -> Row:
        """Let first pushes of the working tree at `path` wait for `push all` or `resume`.

        `branch` is the one that will be kept in step, by default the one checked out.
        """
        return Adding(self._house_or_none(), self._environ).hold(path, branch, held=True)

    def release(self, path: str, branch: str | None = None) -> Row:
        """Undo `hold`."""
        return Adding(self._house_or_none(), self._environ).hold(path, branch, held=False)

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

    @property
    def _questions(self) -> Questions:
        return Questions(self._house)

    def _strategy(self, state: TaskState) -> str:
        return self._house.roster.repository(state.repository).pushback.conflict_strategy

    def _cross_all(self, repositories: Sequence[str], request: Request) -> Row:
        return self._cross({each.name: request for each in self._house.roster.chosen(repositories)})

    def _cross(self, wishes: Mapping[str, Request]) -> Row:
        """Have every wish served and return the results in their order."""
        house = self._house
        answers = [house.roster.ask(name, request) for name, request in wishes.items()]
        outcomes = [answer.result() for answer in answers]
        return {"results": [rows.result(each, held=house.board.get(each.repository).pushes_held) for each in outcomes]}

    def _house_or_none(self) -> House | None:
        """Return what the verbs stand on; None before there is a settings file: the first `add` makes one."""
        if self._given is None and self._own is None and not settings_path(self._named, self._environ).exists():
            return None
        return self._house
