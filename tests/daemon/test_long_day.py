"""Simulated hours of a workstation (eight in `make soak`): asleep at noon, on a train, its clock set back."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.base import BaseScheduler
from hypothesis import settings

from gitferry.config.model import Repository
from gitferry.daemon import alarms, lanes, scheduler
from gitferry.daemon.clock_watch import Leads, set_back, slept
from gitferry.daemon.lanes import Engine, Lanes
from gitferry.daemon.scheduler import PullScheduler
from gitferry.pushback.outcome import Outcome, Request, State

HOURS = (8 if settings().max_examples > 1000 else 2) * 3600
STEP = 5  # seconds of the simulation; as often as the clock is looked at
EVERY = 300.0
NAMES = [f"r{number}" for number in range(24)]


@dataclass
class Day:
    """The three clocks, the network, and what came of it all."""

    still: float = 1000.0  # CLOCK_MONOTONIC
    asleep: float = 0.0  # CLOCK_BOOTTIME's lead
    wall: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC)
    online: bool = True
    pulled: dict[str, list[float]] = field(default_factory=dict)  # by the clock that stands still
    tries: list[float] = field(default_factory=list)  # in vain
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def pass_by(self, seconds: float, *, awake: bool = True) -> None:
        """Let time pass."""
        self.wall += timedelta(seconds=seconds)
        if awake:
            self.still += seconds
        else:
            self.asleep += seconds

    def leads(self) -> Leads:
        """Return what the clock watch would read."""
        return Leads(self.wall.timestamp() - self.still, self.asleep)

    def cross(self, repository: Repository, request: Request, lost: str | None) -> Outcome:
        """Cross as the network allows."""
        offline = lost is not None or not self.online
        with self.mutex:
            if not offline:
                self.pulled.setdefault(repository.name, []).append(self.still)
            elif lost is None:
                self.tries.append(self.still)
        if offline:
            said = lost or "no route to host"
            return Outcome(repository.name, State.WAITING, self.wall, waiting_for=said, offline=True, retry=True)
        return Outcome(repository.name, State.HEALTHY, self.wall, reached=True)


class ByHand(BaseScheduler):  # type: ignore[misc]  # APScheduler 3 has no type information
    """APScheduler without its thread: the test says when it looks."""

    def wakeup(self) -> None:
        """Nobody sleeps."""

    def shutdown(self, wait: bool = True) -> None:
        """End."""
        super().shutdown(wait)


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Day:
    """The day, by whose clocks everything goes."""
    today = Day()

    class Now(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # plain ones, as the code has
            return today.wall.astimezone(tz)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Now)
    monkeypatch.setattr(scheduler, "datetime", Now)
    monkeypatch.setattr(scheduler, "BackgroundScheduler", ByHand)
    # A wish counts at the moment when it is due, however late a thread would come to it on a busy machine.
    monkeypatch.setattr(scheduler, "ThreadPoolExecutor", lambda threads: DebugExecutor())

    class Still:
        monotonic = staticmethod(lambda: today.still)

    monkeypatch.setattr(alarms, "time", Still)
    monkeypatch.setattr(lanes, "time", Still)
    return today


@pytest.fixture
def crossing(day: Day) -> Iterator[Lanes]:
    """Lanes of all repositories, at two hosts."""
    made = Lanes(
        Engine(
            cross=day.cross,
            host=lambda repository: f"host{int(repository.name[1:]) % 2}",
            crash=lambda error, doing: pytest.fail(f"{doing}: {error!r}"),
            heard=lambda repository, request, outcome: None,
        ),
        workers=4,
    )
    yield made
    assert made.stop(threading.Event())


def settle(crossing: Lanes) -> None:
    """Let everything that is due happen: timed calls, then crossings."""
    end = time.monotonic() + 20
    quiet = 0
    while quiet < 2:
        with crossing._alarms._changed:
            crossing._alarms._changed.notify_all()
        time.sleep(0.0005)
        with crossing._mutex:
            busy = any(lane.running or lane.waiting for lane in crossing._lanes.values())
        quiet = 0 if busy else quiet + 1
        assert time.monotonic() < end


@pytest.mark.soak
def test_no_pull_is_missed_and_none_come_in_a_burst(day: Day, crossing: Lanes, seed: int) -> None:
    chance = random.Random(seed)
    wished: Counter[float] = Counter()

    def wish(name: str, request: Request) -> None:
        wished[day.still] += 1
        crossing.wish(name, request)

    pulls = PullScheduler(wish, lambda name: None, chance=chance, zone=UTC)
    for name in NAMES:
        values = {"name": name, "path": f"/{name}", "pull": {"every": "5m"}, "watch": {"enabled": False}}
        repository = Repository.model_validate(values)
        crossing.put(repository)
        pulls.put(repository)
    pulls.start()
    naps = sorted(chance.sample(range(600, HOURS, STEP), 4))
    tunnels = sorted(chance.sample(range(600, HOURS - 3600, STEP), 3))
    step_back = chance.randrange(600, HOURS)
    back_online, before, woken = 0.0, day.leads(), list[float]()
    for second in range(0, HOURS, STEP):
        day.pass_by(STEP)
        if naps and second >= naps[0]:
            day.pass_by(chance.uniform(60, 7200), awake=False)
            naps.pop(0)
        if tunnels and second >= max(tunnels[0], back_online + 600):
            tunnels.pop(0)
            day.online, back_online = False, second + chance.uniform(60, 2400)
        if not day.online and second >= back_online:
            day.online = True
            if chance.random() < 0.5:  # else only the tries find out
                crossing.hurry()
        if step_back <= second < step_back + STEP:
            day.wall -= timedelta(hours=3)
        now = day.leads()
        if set_back(before, now):
            pulls.clock_set_back()
        if slept(before, now):
            woken.append(day.still)
            pulls.woke_up()
            crossing.hurry()
        before = now
        pulls._scheduler._process_jobs()
        settle(crossing)
    pulls.stop()
    assert len(woken) == 4
    assert max(wished.values()) <= len(NAMES) // 3, "no burst"
    # Offline one of each host tries, at first every few seconds, then every two to four minutes.
    assert len(day.tries) < 3 * 2 * (12 + 2400 / 120)
    for name in NAMES:
        at = [1000.0, *day.pulled[name]]
        gaps = [after - earlier for earlier, after in itertools.pairwise(at)]
        # The longest: without network for 40 minutes, its last try 4 minutes before that ended, and then its pull.
        assert max(gaps) <= 2400 + 240 + EVERY * 1.2 + 60 + STEP
        assert sorted(gaps)[len(gaps) // 2] <= EVERY * 1.1 + STEP, "the usual one"
