"""One lane per repository: wishes come in from everywhere, crossings happen one at a time."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.daemon.alarms import Alarms
from gitferry.daemon.pool import Pool
from gitferry.pushback.outcome import Outcome, Request, State
from gitferry.repos.schedule import retry_delay

if TYPE_CHECKING:
    from pathlib import Path

    from gitferry.config.model import Repository

WATCH = "watch"

log = logging.getLogger(__name__)


class Stopping(GitferryError):
    """The daemon stops: what was asked was not begun."""

    def __init__(self) -> None:
        super().__init__("the daemon is stopping", "Ask again when it has started; edits are picked up at its start.")


class NoLane(GitferryError):
    """No repository of that name is looked after."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no repository is named {name!r}", "`gitferry status` lists the names.")


@dataclass(frozen=True, slots=True)
class Engine:
    """What the lanes drive; given from outside so that they know no git, no store and no files.

    `cross` does one crossing and answers for the repository's own troubles in its outcome.
    `host` names the remote's host (None: on this machine); it may read the repository's configuration.
    `crash` logs an exception nobody expected, keeps a report of it and says where.
    `heard` is told every outcome before those who wait for it.
    """

    cross: Callable[[Repository, Request], Outcome]
    host: Callable[[Repository], str | None]
    crash: Callable[[BaseException, str], Path | None]
    heard: Callable[[Repository, Request, Outcome], None]


@dataclass(slots=True)
class _Wish:
    request: Request
    answer: Future[Outcome] = field(default_factory=Future)


@dataclass(slots=True)
class _Lane:
    repository: Repository
    host: str | None = None
    host_known: bool = False
    waiting: list[_Wish] = field(default_factory=list)
    running: _Wish | None = None
    queued: bool = False
    closed: bool = False
    again: Request | None = None  # what a passing failure left undone
    attempts: int = 0
    offline: bool = False


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


class Lanes:
    """Lanes of different repositories run in parallel in a bounded pool, with a limit per remote host.

    What is wished during a crossing is kept for the next one; work in hand is never cancelled for it.
    """

    def __init__(self, engine: Engine, *, workers: int, per_host: int = 2) -> None:
        self._engine = engine
        self._pool = Pool(workers, per_host)
        self._alarms = Alarms()
        self._lanes: dict[str, _Lane] = {}
        self._mutex = threading.Lock()
        self._stopping = False

    def put(self, repository: Repository) -> None:
        """Look after `repository` from now on, or with these settings from its next crossing on."""
        with self._mutex:
            lane = self._lanes.get(repository.name)
            if lane is None:
                self._lanes[repository.name] = _Lane(repository)
                return
            lane.repository = repository
            lane.host_known = False
            lane.closed = False

    def drop(self, name: str) -> None:
        """Look after the repository no longer. A crossing in hand ends by itself; what waits is refused."""
        with self._mutex:
            lane = self._lanes.get(name)
            if lane is None:
                return
            lane.closed = True
            lane.again = None
            refused, lane.waiting = lane.waiting, []
            if lane.running is None:
                del self._lanes[name]
        self._alarms.clear(name)
        for wish in refused:
            wish.answer.set_exception(NoLane(name))

    def resize(self, workers: int) -> None:
        """Use `workers` threads from now on."""
        self._pool.resize(workers)

    def submit(self, name: str, request: Request) -> Future[Outcome]:
        """Wish for a crossing and return its answer to come, shared by all wishes it will serve.

        Raises NoLane, or Stopping. The answer may also be one of these, where it was not begun.
        """
        with self._mutex:
            if self._stopping:
                raise Stopping
            lane = self._lanes.get(name)
            if lane is None or lane.closed:
                raise NoLane(name)
            wish = self._wish(lane, request)
            self._queue(lane)
        return wish.answer

    def wish(self, name: str, request: Request) -> None:
        """Wish for a crossing that nobody waits for; nothing is wished of a repository that is gone."""
        with suppress(NoLane, Stopping):  # it was taken out of the settings, or all ends
            self.submit(name, request)

    def later(self, name: str, seconds: float, request: Request) -> None:
        """Wish for a crossing in so many seconds, instead of what was so wished for before."""
        due = time.monotonic() + max(0.0, seconds)
        self._alarms.set(("later", name), due, lambda: self.wish(name, request))

    def running(self) -> frozenset[str]:
        """Return the names of the repositories that are crossing now."""
        with self._mutex:
            return frozenset(name for name, lane in self._lanes.items() if lane.running is not None)

    def stop(self, cancel: threading.Event, *, finish: float = 5.0, then: float = 3.0) -> bool:
        """Begin nothing more, let the crossings in hand finish, and return whether all did.

        After `finish` seconds `cancel` is set, which ends long network calls; `then` seconds more are given to
        those who hear it.
        """
        with self._mutex:
            self._stopping = True
            refused = [wish for lane in self._lanes.values() for wish in lane.waiting]
            for lane in self._lanes.values():
                lane.waiting = []
                lane.again = None
        self._pool.stop()
        self._alarms.close()
        for wish in refused:
            wish.answer.set_exception(Stopping())
        if self._pool.wait_idle(finish):
            cancel.set()
            return True
        cancel.set()
        if self._pool.wait_idle(then):
            return True
        with self._mutex:
            deaf = [lane.running for lane in self._lanes.values() if lane.running is not None]
        for wish in deaf:
            _settle(wish.answer, error=Stopping())
        return False

    def _wish(self, lane: _Lane, request: Request) -> _Wish:
        for waiting in lane.waiting:
            if one_crossing(waiting.request, request):
                waiting.request = waiting.request.merge(request)
                return waiting
        wish = _Wish(request)
        if request.by_hand:
            lane.waiting.insert(sum(1 for waiting in lane.waiting if waiting.request.by_hand), wish)
        else:
            lane.waiting.append(wish)
        return wish

    def _queue(self, lane: _Lane) -> None:
        """Have the lane's next wish served; called with the mutex held."""
        if lane.queued or lane.running is not None or not lane.waiting:
            return
        lane.queued = True
        # The first piece of a lane's work only finds out the host, which reads the repository's configuration.
        self._pool.submit(
            lane.host if lane.host_known else None, lambda: self._serve(lane), first=lane.waiting[0].request.by_hand
        )

    def _serve(self, lane: _Lane) -> None:
        if not lane.host_known:
            host = self._host(lane.repository)
            with self._mutex:
                lane.host, lane.host_known, lane.queued = host, True, False
                if host is not None:
                    self._queue(lane)
                    return
        with self._mutex:
            lane.queued = False
            if not lane.waiting or self._stopping:
                return
            wish = lane.waiting.pop(0)
            lane.running = wish
            if lane.again is not None and one_crossing(wish.request, lane.again):
                wish.request = wish.request.merge(lane.again)
                lane.again = None
            repository = lane.repository
        outcome = self._cross(repository, wish.request)
        self._after(lane, wish.request, outcome)
        self._tell(repository, wish.request, outcome)
        with self._mutex:
            lane.running = None
            if lane.closed and not lane.waiting:
                self._lanes.pop(repository.name, None)
            elif not self._stopping:
                self._queue(lane)
        _settle(wish.answer, outcome)

    def _host(self, repository: Repository) -> str | None:
        try:
            return self._engine.host(repository)
        except GitferryError:
            return None  # the crossing will meet the same trouble and tell it
        except Exception as error:
            self._engine.crash(error, f"finding the host of {repository.name}")
            return None

    def _cross(self, repository: Repository, request: Request) -> Outcome:
        try:
            return self._engine.cross(repository, request)
        except GitferryError as error:
            log.warning("%s", error.title, extra={"action": "cross", "repository": repository.name})
            return _failing(repository, error.title, error.hint)
        except Exception as error:
            report = self._engine.crash(error, f"crossing {repository.name} ({request.cause})")
            return _failing(
                repository,
                f"a fault of gitferry stopped the crossing ({type(error).__name__})",
                f"It is tried again. Please report it with {report}." if report else "It is tried again.",
            )

    def _after(self, lane: _Lane, request: Request, outcome: Outcome) -> None:
        """Keep count of failures, say it once when the remote is lost and found, and plan the next try."""
        name = lane.repository.name
        if outcome.offline != lane.offline:
            lane.offline = outcome.offline
            if outcome.offline:
                log.warning("the remote of %s is out of reach", name, extra={"action": "offline", "repository": name})
            else:
                log.info("the remote of %s is back", name, extra={"action": "online", "repository": name})
        if not outcome.retry:
            lane.attempts = 0
            self._alarms.clear(name)
            with self._mutex:  # what failed need not wait any longer
                if lane.again is not None and not lane.closed and not self._stopping:
                    self._wish(lane, lane.again)
                lane.again = None
            return
        lane.attempts += 1
        chance = random.random()  # noqa: S311 - spreads load, guards nothing
        wait = retry_delay(lane.repository.retry, lane.attempts, chance)
        if wait is None:
            log.error(
                "%s failed %d times and is not tried again by itself",
                name,
                lane.attempts,
                extra={"action": "give_up", "repository": name, "attempts": lane.attempts},
            )
            return
        with self._mutex:
            if lane.closed or self._stopping:
                return
            # What a person allowed, they allowed for then: the later try is an automatic one.
            undone = Request(cause="retry", paths=request.paths, fetch=request.fetch, push=request.push)
            lane.again = undone if lane.again is None else lane.again.merge(undone)
        self._alarms.set(name, time.monotonic() + wait, lambda: self._try_again(name))

    def _try_again(self, name: str) -> None:
        with self._mutex:
            lane = self._lanes.get(name)
            if lane is None or lane.closed or self._stopping or lane.again is None:
                return
            request, lane.again = lane.again, None
            self._wish(lane, request)
            self._queue(lane)

    def _tell(self, repository: Repository, request: Request, outcome: Outcome) -> None:
        try:
            self._engine.heard(repository, request, outcome)
        except Exception as error:
            self._engine.crash(error, f"noting the outcome of {repository.name}")


def _settle(answer: Future[Outcome], outcome: Outcome | None = None, *, error: Exception | None = None) -> None:
    """Give the answer, unless the other side of a stop was first."""
    with suppress(InvalidStateError):
        if error is not None:
            answer.set_exception(error)
        elif outcome is not None:
            answer.set_result(outcome)


def _failing(repository: Repository, error: str, hint: str) -> Outcome:
    return Outcome(
        repository=repository.name,
        state=State.FAILING,
        at=datetime.now(UTC),
        error=error,
        hint=hint,
        retry=True,
    )
