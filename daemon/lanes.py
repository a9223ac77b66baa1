"""One lane per repository: wishes come in from everywhere, crossings happen one at a time."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.daemon.alarms import Alarms
from gitferry.daemon.lane import Lane, Load, Wish, failing, one_crossing, settle, undone
from gitferry.daemon.outages import Outages
from gitferry.daemon.pool import Pool
from gitferry.pushback.outcome import Outcome, Request
from gitferry.repos.progress import Hands
from gitferry.repos.schedule import retry_delay

if TYPE_CHECKING:
    from pathlib import Path

    from gitferry.config.model import Repository

_LATER = 60.0  # seconds until somebody else is asked to try a host, where nothing is heard of whose turn it was

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

    `cross` does one crossing and answers for the repository's own troubles in its outcome. Its third argument says
    why the remote's host is not to be asked, None where it is.
    `host` names the remote's host (None: on this machine); it may read the repository's configuration.
    `stamp` gives a value that is another one once git's settings changed by which that host is known. It must be quick.
    `crash` logs an exception nobody expected, keeps a report of it and says where.
    `heard` is told every outcome before those who wait for it.
    """

    cross: Callable[[Repository, Request, str | None], Outcome]
    host: Callable[[Repository], str | None]
    crash: Callable[[BaseException, str], Path | None]
    heard: Callable[[Repository, Request, Outcome], None]
    stamp: Callable[[Repository], object] = lambda repository: None


class Lanes:
    """Lanes of different repositories run in parallel in a bounded pool, with a limit per remote host.

    What is wished during a crossing is kept for the next one; work in hand is never cancelled for it.
    """

    def __init__(self, engine: Engine, *, workers: int, per_host: int = 2) -> None:
        self._engine = engine
        self._alarms = Alarms()
        self._pool = Pool(workers, per_host, alarms=self._alarms)
        self._hands = Hands()
        self.steps = self._hands.steps  # what the workers have in hand
        self.alive = self._alarms.alive  # whether what is to be tried again later will be
        self._outages = Outages()
        self._lanes: dict[str, Lane] = {}
        self._mutex = threading.Lock()
        self._stopping = False

    def put(self, repository: Repository) -> None:
        """Look after `repository` from now on, or with these settings from its next crossing on."""
        with self._mutex:
            lane = self._lanes.get(repository.name)
            if lane is None:
                self._lanes[repository.name] = Lane(repository)
                return
            lane.repository = repository
            lane.host_known = False
            lane.closed = False
            self._outages.leave(repository.name)  # it may have moved to another host

    def drop(self, name: str) -> None:
        """Look after the repository no longer. A crossing in hand ends by itself; what waits is refused."""
        with self._mutex:
            lane = self._lanes.get(name)
            if lane is None:
                return
            lane.closed = True
            lane.again = None
            self._outages.leave(name)
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

    def load(self) -> Load:
        """Return how much there is to do, and to wait for."""
        busy, workers = self._pool.load()
        with self._mutex:
            waiting = sum(len(lane.waiting) for lane in self._lanes.values())
            return Load(waiting, busy, workers, len(self._outages.hosts()))

    def hurry(self) -> None:
        """Try again soon what waits for the network: it returned, or the machine was asleep."""
        with self._mutex:
            for place in self._outages.hosts():
                self._outages.start_over(place)
                self._turn(place, _soon())
            for name, lane in self._lanes.items():
                if lane.again is not None and self._outages.get(lane.place) is None:
                    self._alarms.set(name, _soon(), partial(self._try_again, name))

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
            settle(wish.answer, error=Stopping())
        return False

    def _wish(self, lane: Lane, request: Request) -> Wish:
        for waiting in lane.waiting:
            if one_crossing(waiting.request, request):
                waiting.request = waiting.request.merge(request)
                return waiting
        wish = Wish(request)
        if request.by_hand:
            lane.waiting.insert(sum(1 for waiting in lane.waiting if waiting.request.by_hand), wish)
        else:
            lane.waiting.append(wish)
        return wish

    def _queue(self, lane: Lane) -> None:
        """Have the lane's next wish served; called with the mutex held."""
        if lane.queued or lane.running is not None or not lane.waiting:
            return
        lane.queued = True
        # The first piece of a lane's work only finds out the host, which reads the repository's configuration.
        self._pool.submit(
            lane.host if lane.host_known else None,
            self._hands.watched(f"the sync of {lane.repository.name}", partial(self._serve, lane)),
            first=lane.waiting[0].request.by_hand,
        )

    def _serve(self, lane: Lane) -> None:
        if not lane.host_known or self._engine.stamp(lane.repository) != lane.stamp:  # `git remote set-url`
            repository, stamp = lane.repository, self._engine.stamp(lane.repository)
            host, known = self._host(repository)
            with self._mutex:
                lane.stamp = stamp
                if host != lane.host:
                    self._outages.leave(lane.name)  # it waits for the other one no longer
                lane.host, lane.host_known, lane.queued = host, known and lane.repository is repository, False
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
            repository, lost = lane.repository, self._lost(lane, wish.request)
        begun = time.monotonic()
        outcome = self._cross(repository, wish.request, lost)
        outcome = replace(outcome, seconds=time.monotonic() - begun)
        if outcome.offline:
            self._out_of_reach(lane, wish.request, outcome, tried=lost is None)
        else:
            self._in_reach(lane, outcome)
            self._after(lane, wish.request, outcome)
        self._tell(repository, wish.request, outcome)
        with self._mutex:
            lane.running = None
            if lane.closed and not lane.waiting:
                self._lanes.pop(repository.name, None)
            elif not self._stopping:
                self._queue(lane)
        settle(wish.answer, outcome)

    def _host(self, repository: Repository) -> tuple[str | None, bool]:
        """Return the remote's host, and whether that is known; where not, the next crossing asks again."""
        try:
            return self._engine.host(repository), True
        except GitferryError:
            return None, False  # the crossing will meet the same trouble and tell it
        except Exception as error:
            self._engine.crash(error, f"finding the host of {repository.name}")
            return None, False

    def _lost(self, lane: Lane, request: Request) -> str | None:
        """Return why a crossing is not to ask the remote's host; None where it may. Called with the mutex held.

        A person may always try, and of the others one for all.
        """
        outage = self._outages.get(lane.place)
        return None if outage is None or request.by_hand or outage.scout == lane.name else outage.said

    def _cross(self, repository: Repository, request: Request, lost: str | None) -> Outcome:
        try:
            return self._engine.cross(repository, request, lost)
        except GitferryError as error:
            log.warning("%s", error.title, extra={"action": "cross", "repository": repository.name})
            return failing(repository, error.title, error.hint)
        except Exception as error:
            report = self._engine.crash(error, f"crossing {repository.name} ({request.cause})")
            return failing(
                repository,
                f"a fault of gitferry stopped the crossing ({type(error).__name__})",
                f"It is tried again. Please report it with {report}." if report else "It is tried again.",
            )

    def _out_of_reach(self, lane: Lane, request: Request, outcome: Outcome, *, tried: bool) -> None:
        """Have the lane wait for its host, and say once that it is lost. Being offline is no failure: none is counted.

        `tried`: the host was asked, and not only taken for lost.
        """
        place, said, chance = lane.place, outcome.waiting_for or "", random.random()  # noqa: S311 - spreads load
        with self._mutex:
            if lane.closed or self._stopping:
                return
            left, outage = undone(request, lane.again), self._outages.get(place)
            if not tried and outage is None:  # it was found meanwhile
                lane.again = None
                self._wish(lane, left)
                return
            lane.again = left
            if not tried:
                self._outages.waits(place, lane.name)
                return
            news = self._outages.lost(place, lane.name, said)
            tries = outage.tries if outage is not None else 1
            wait = retry_delay(lane.repository.retry.model_copy(update={"attempts": 0}), tries, chance) or 0.0
            self._turn(place, time.monotonic() + wait)
        if news:
            log.warning("%s is out of reach: %s", place, said, extra={"action": "offline", "host": place})

    def _in_reach(self, lane: Lane, outcome: Outcome) -> None:
        """Wake all who wait for the host where it answered; where it was not asked, let the next of them try."""
        place = lane.place
        with self._mutex:
            outage = self._outages.get(place)
            if outage is None:
                return
            scouting = not outcome.reached and outage.scout == lane.name
            if scouting:
                outage.scout = None
            if outcome.reached:
                for name in self._outages.found(place):
                    self._resume(name)
                self._alarms.clear(("place", place))  # under the mutex: the host may be lost again in this moment
        if scouting:
            self._scout(place)
        if outcome.reached:
            log.info("%s is back", place, extra={"action": "online", "host": place})

    def _turn(self, place: str, due: float) -> None:
        """Have somebody try a host then, instead of when it was due before; called with the mutex held."""
        self._alarms.set(("place", place), due, partial(self._scout, place))

    def _scout(self, place: str) -> None:
        """Have one of those that wait for a host try it, unless one does; look again later, whatever comes of it.

        Whose turn it is may be dropped, changed or busy otherwise: no host stays lost because of one repository.
        """
        with self._mutex:
            outage = self._outages.get(place)
            if self._stopping or outage is None:
                return
            self._turn(place, time.monotonic() + _LATER)
            able = [name for name, lane in self._lanes.items() if lane.again is not None and lane.running is None]
            if outage.scout in self._lanes and outage.scout not in able:
                return
            name = self._outages.next_scout(place, able)
            if name is not None:
                self._resume(name)

    def _resume(self, name: str) -> None:
        """Wish for what a lane has left undone; called with the mutex held."""
        lane = self._lanes.get(name)
        if lane is None or lane.closed or self._stopping or lane.again is None:
            return
        request, lane.again = lane.again, None
        self._wish(lane, request)
        self._queue(lane)

    def _after(self, lane: Lane, request: Request, outcome: Outcome) -> None:
        """Keep count of failures and plan the next try."""
        name = lane.name
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
            lane.again = undone(request, lane.again)
        self._alarms.set(name, time.monotonic() + wait, partial(self._try_again, name))

    def _try_again(self, name: str) -> None:
        with self._mutex:
            self._resume(name)

    def _tell(self, repository: Repository, request: Request, outcome: Outcome) -> None:
        try:
            self._engine.heard(repository, request, outcome)
        except Exception as error:
            self._engine.crash(error, f"noting the outcome of {repository.name}")


def _soon() -> float:
    """Return an instant within a second from now, by chance: who was cut off together does not return together."""
    return time.monotonic() + random.random()  # noqa: S311 - spreads load, guards nothing
