"""What the verbs stand on, in the daemon and in a process without one: roster, lanes, board, index and engine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.config.listing import first_of
from gitferry.config.not_yet import asked
from gitferry.config.paths import state_dir
from gitferry.daemon import crash, health, rows, safe
from gitferry.daemon.arrival import accept, clone_if_new, is_new_clone, require_there, take_in
from gitferry.daemon.attention import Attention, Standing
from gitferry.daemon.auditing import Auditing
from gitferry.daemon.board import Board, Known, from_outcome, from_row
from gitferry.daemon.clock_watch import since_boot
from gitferry.daemon.ferry import Ferry
from gitferry.daemon.lanes import Engine, Lanes
from gitferry.daemon.ledger import Ledger
from gitferry.daemon.parallel import in_parallel
from gitferry.daemon.probes import Probes
from gitferry.daemon.pushes import Pushes
from gitferry.daemon.remote_host import host_of, remote_url
from gitferry.daemon.roster import Roster
from gitferry.daemon.vitals import Vitals
from gitferry.pushback import answer
from gitferry.pushback.outcome import WATCH, Request, State
from gitferry.pushback.readiness import Waits
from gitferry.repos.observe import BEING_WRITTEN
from gitferry.security.redact import redact

if TYPE_CHECKING:
    from gitferry.config.model import Repository, Settings
    from gitferry.daemon.scheduler import PullScheduler
    from gitferry.daemon.watching import Watching
    from gitferry.pushback.operations import Travel
    from gitferry.pushback.outcome import Outcome, TaskState
    from gitferry.repos.state import Place

log = logging.getLogger(__name__)

#: Crossings that looked at the whole tree without anyone waiting for them: the index is made anew with them.
_REBUILDING = frozenset({"start", "reconcile"})

_NAMED = 5  # tasks that a log line names
_AFTER_PAUSE = 1.0  # seconds: the record keeps whole ones


class House:
    """Built once per process. `next_pull` and `watching` tell of a repository what only a daemon knows."""

    def __init__(self, settings: Path, environ: Mapping[str, str]) -> None:
        """Read the settings. Raises SettingsError."""
        self._environ = environ
        self.cancel = threading.Event()
        self.state_dir = state_dir(environ)
        self.board = Board()
        self.vitals = Vitals()
        self.ferry = Ferry(environ, self.cancel)
        self.roster = Roster(settings, environ, self._lanes)
        self.ledger = Ledger(self.roster.settings.database.url, had_vault=lambda: safe.was_made(environ))
        self.auditing = Auditing(self.ledger, self.state_dir, self.ferry.host, self._keep_audit)
        self.vault = safe.vault_over(self.ledger.open, environ, self.auditing)
        self.ferry.host = replace(self.ferry.host, logins=safe.logins(self.vault, self.vitals.vault_used))
        self.ferry.pushes = Pushes(self.auditing, self.ledger, self.vitals.pushed)
        self.roster.changed = partial(self.auditing.settings, self.roster.path)
        facts = Standing(self.roster, self.board, self.vitals, self.vault, self.ferry.host.clock)
        self.attention = Attention(facts, self.ledger, self.vault, environ, self.ferry.host.hostname)
        self.roster.read = self.attention.settings_changed
        self.probes = Probes(self)
        #: Why the routes for monitors are not served over TCP as the settings ask; None: they are, or need not be.
        self.tcp_fault: Callable[[], str | None] = lambda: None
        self._not_yet: tuple[Settings | None, tuple[str, ...]] = (None, ())
        self.next_pull: Callable[[str], datetime | None] = lambda name: None
        self.watching: Callable[[str], str | None] = lambda name: None
        self._heard_too: Callable[[str, Request, Outcome], None] = lambda name, request, outcome: None
        self._busy: Callable[[str, Request], frozenset[str] | None] = lambda name, request: frozenset()
        self.roster.attend(self)

    def attend(self, watching: Watching, pulls: PullScheduler) -> None:
        """Have every repository watched and pulled by the clock from now on; that begins their first crossings.

        What needs a person is looked for and told from now on, too.
        """
        self.watching = watching.state
        self.next_pull = pulls.next_run
        self._heard_too = watching.heard
        self._busy = watching.busy
        self.roster.attend(pulls)
        self.roster.attend(watching)
        self.attention.start()

    def put(self, repository: Repository) -> None:
        """Nothing is known of a repository that comes, and what is known of one that changes stays true."""

    def drop(self, name: str) -> None:
        """Forget a repository that was taken out of the settings; git keeps what it has."""
        self.board.forget(name)
        self.vitals.forget(name)
        self.ledger.forget(name)

    def close(self, *, finish: float = 4.0) -> bool:
        """Finish the crossings in hand and close the index; return whether they all ended in time."""
        self.attention.close()
        ended = self.roster.lanes.stop(self.cancel, finish=finish)
        self.ferry.close()
        self.ledger.close()
        return ended

    def remember(self) -> None:
        """Know from the index what the last process knew. Raises StoreError where there is none to be had."""
        self.ledger.open()
        self.auditing.settings_file(self.roster.path, None)
        for name, row in self.ledger.repositories().items():
            self.board.set(name, from_row(row))

    def heard(self, repository: Repository, request: Request, outcome: Outcome) -> None:
        """Take in an outcome: on the board, in the index, in the log."""
        before = self.board.get(repository.name)
        known = from_outcome(outcome, before)
        if before.last_crossing_at is None or before.url is None or request.all_tasks or outcome.state is State.PAUSED:
            known = self._marked(repository, known)
            self._wake(repository, known)
        self.board.set(repository.name, known)
        self.vitals.heard(outcome, since_boot())
        _log(outcome, before)
        self._heard_too(repository.name, request, outcome)
        self._look_again(repository, request, outcome)
        self.attention.heard(repository.name)
        whole = request.cause in _REBUILDING or not self.ledger.knows(repository.name)
        self.ledger.heard(outcome)
        if whole and outcome.error is None:
            self._rebuild(repository)

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know of the process itself, and of settings that are not acted on yet."""
        settings = self.roster.settings
        faults = (self.ledger.fault, self.auditing.fault, self.tcp_fault())
        if self._not_yet[0] is not settings:
            self._not_yet = (settings, tuple(each.said for each in asked(settings)))
        said = (*(each for each in (*faults, self.ledger.rescued) if each),)
        if self.ledger.fault is None:
            said += safe.notes(self.vault)
        return (*said, *self._not_yet[1])

    def row(self, repository: Repository) -> rows.Row:
        """Return the `status` row of one repository, from memory."""
        name = repository.name
        known, vital, watching = self.board.get(name), self.vitals.of(name, since_boot()), self.watching(name)
        thresholds = self.roster.settings.daemon.health
        return rows.repository(
            repository,
            known,
            next_pull_at=self.next_pull(name),
            watching=watching,
            condition=health.condition(known, vital, watching=watching, thresholds=thresholds),
            vital=vital,
            lag=health.lag(known, self.ferry.host.clock()),
        )

    def look(self, repositories: Sequence[Repository]) -> None:
        """Look at the repositories, read-only, and put on the board what a crossing would find.

        What only crossings know stays: when the last one was, and that it failed.
        """
        past = self.ledger.repositories()
        for repository, outcome in zip(repositories, in_parallel(self._glance, repositories), strict=True):
            name = repository.name
            before = self.board.get(name)
            if before.last_crossing_at is None and name in past:
                before = from_row(past[name])
            if isinstance(outcome, GitferryError):
                known = replace(before, state=State.FAILING.value, last_error=outcome.title, hint=outcome.hint)
            else:
                known = replace(from_outcome(outcome, before), last_crossing_at=before.last_crossing_at)
            if before.state == State.FAILING and known.state == State.HEALTHY:
                known = replace(known, state=before.state, last_error=before.last_error, hint=before.hint)
            known = self._marked(repository, known)
            self.board.set(name, known)
            self._wake(repository, known)

    def crash(self, error: BaseException, doing: str) -> Path | None:
        """Log an exception nobody expected and keep a report of it; None where that could not be written."""
        said, kind = "a fault of gitferry while %s (%s)", type(error).__name__
        try:
            report = crash.write(error, self.state_dir, doing)
        except OSError as failure:
            why = f"{said}; no report could be written: %s"
            log.error(why, doing, kind, failure, exc_info=error, extra={"action": "crash"})
            return None
        log.error(f"{said}; report in %s", doing, kind, report, extra={"action": "crash", "report": str(report)})
        return report

    def with_history(self, states: Sequence[TaskState]) -> list[TaskState]:
        """Return the states with when each last travelled; where the index was removed, as git tells it."""
        travels: dict[str, Travel] = {}
        for name in {state.repository for state in states}:
            if not self.ledger.knows(name):
                travels |= self.ferry.travels(self.roster.repository(name))
        return self.ledger.with_history(states, travels)

    def place(self, repository: Repository) -> Place:
        """Return where a repository lies. Raises what `repos.state.locate` raises."""
        return self.ferry.host.known.place(repository.path, self.ferry.host.environ)

    def accept(self, repository: Repository) -> None:
        """Take the working tree that is there now for the tracked one, whatever was there before."""
        accept(repository, self.ledger, self.ferry)

    def _keep_audit(self) -> int:
        return self.roster.settings.daemon.keep_audit

    def _marked(self, repository: Repository, known: Known) -> Known:
        """Return what is known, with what stands in the record beside the crossings: pause and held pushes."""
        try:
            record = self.ferry.record(repository)
            url = remote_url(repository, self._environ)
        except GitferryError:
            return known  # the outcome says why the repository cannot be read
        until = datetime.fromisoformat(record.paused_until) if record.paused and record.paused_until else None
        return replace(known, paused_until=until, pushes_held=record.pushes_held, url=redact(url) if url else None)

    def _wake(self, repository: Repository, known: Known) -> None:
        """Cross when a pause is over, also one that an earlier process was told of. The record keeps one that is."""
        if known.paused_until is None:
            return
        left = (known.paused_until - self.ferry.host.clock()).total_seconds()
        if left > 0 or known.state == State.PAUSED:
            self.roster.lanes.later(repository.name, left + _AFTER_PAUSE, Request("schedule", fetch=True))

    def _look_again(self, repository: Repository, request: Request, outcome: Outcome) -> None:
        """Cross once more when what was just saved has rested: before its watches were set, no event told of it."""
        if request.cause == WATCH or not repository.watch.enabled:
            return
        if any(task.reason is not None and BEING_WRITTEN in task.reason for task in outcome.tasks):
            rested = repository.watch.quiet + _AFTER_PAUSE
            self.roster.lanes.later(repository.name, rested, Request("schedule"))

    def _rebuild(self, repository: Repository) -> None:
        """Make the index of one repository anew: it may have been deleted, and tasks may be gone."""
        try:
            self.ledger.rebuild(repository.name, self.ferry.survey(repository), self.ferry.travels(repository))
        except GitferryError as error:
            log.warning("%s", error.title, extra={"action": "rebuild", "repository": repository.name})

    def _cross(self, repository: Repository, request: Request, lost: str | None) -> Outcome:
        """Cross, after cloning what was never here, and only in the tree that was tracked before."""
        try:
            clone_if_new(repository, self.ledger, self.ferry.host, lost)
            require_there(repository)
            take_in(repository, self.ledger, self.ferry)
        except Waits as waits:
            return answer.waiting(repository, self.ferry.host.clock(), waits)
        except GitferryError as error:
            return answer.failed(repository, self.ferry.host.clock(), error)
        if not request.by_hand:
            # A timer knows nothing of what is being saved at this moment, nor does a wish that waited for its turn.
            busy = self._busy(repository.name, request)
            if busy is not None:
                request = replace(request, unsettled=request.unsettled | busy)
            elif request.cause == WATCH:
                request = replace(request, cause="reconcile")  # which vouches for nothing
        return self.ferry.cross(repository, request, lost)

    def _glance(self, repository: Repository) -> Outcome:
        try:
            require_there(repository)
            is_new_clone(repository, self.ledger, self.ferry)
        except Waits as waits:
            return answer.waiting(repository, self.ferry.host.clock(), waits)
        return self.ferry.glance(repository)

    def _host(self, repository: Repository) -> str | None:
        url = remote_url(repository, self._environ)
        known = self.board.get(repository.name)
        if url and known.url not in (None, redact(url)):
            self.board.set(repository.name, replace(known, url=redact(url)))
        return host_of(url) if url else None

    def _stamp(self, repository: Repository) -> object:
        return self.ferry.host.known.settings_stamp(repository.path, self._environ)

    def _lanes(self, settings: Settings) -> Lanes:
        engine = Engine(cross=self._cross, host=self._host, crash=self.crash, heard=self.heard, stamp=self._stamp)
        return Lanes(engine, workers=settings.daemon.workers)


def _log(outcome: Outcome, before: Known) -> None:
    """Say what was carried, and once each what is wrong or right again. The lanes tell of the network."""
    facts = {"repository": outcome.repository, "state": outcome.state.value}
    if outcome.operation is not None:
        done = outcome.operation
        carried = first_of([f"{change.action} {change.name}" for change in done.tasks], _NAMED)
        log.info("%s: %s", outcome.repository, carried, extra=facts | {"action": done.kind, "operation": done.id})
    for note in set(outcome.notes) - set(before.notes):
        log.info("%s: %s", outcome.repository, note, extra=facts | {"action": "note"})
    said = outcome.error or outcome.waiting_for
    if (outcome.state.value, said) == (before.state, before.last_error or before.waiting_for) or outcome.offline:
        return
    if outcome.error is not None:
        log.warning("%s: %s", outcome.repository, outcome.error, extra=facts | {"action": "failing"})
    elif said is not None and outcome.state is State.CONFLICT:
        log.warning(
            "%s has a conflict and waits for %s", outcome.repository, said, extra=facts | {"action": "conflict"}
        )
    elif said is not None:
        log.info("%s waits: %s", outcome.repository, said, extra=facts | {"action": "waiting"})
    elif before.state not in ("unknown", outcome.state.value):
        log.info("%s: nothing stands in its way any more", outcome.repository, extra=facts | {"action": "state"})
