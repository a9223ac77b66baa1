from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gitferry.config.cron import read_cron
from gitferry.config.model import Pull, Repository, Watch
from gitferry.daemon.scheduler import AtTrigger, EveryTrigger, PullScheduler
from gitferry.pushback.outcome import Request
from gitferry.repos.schedule import At, Every, alternatives

BERLIN = ZoneInfo("Europe/Berlin")


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.01)


def repository(name: str, pull: Pull | None = None, reconcile: float | None = None) -> Repository:
    watch = Watch(enabled=False) if reconcile is None else Watch(reconcile=reconcile)
    return Repository(name=name, path=Path("/srv") / name, pull=pull or Pull(), watch=watch)


def scheduler(wish: Callable[[str, Request], None], chance: random.Random | None = None) -> PullScheduler:
    return PullScheduler(wish, lambda name: None, chance=chance)


def nothing(name: str, request: Request) -> None:
    """A wish that nobody hears."""


def no_chance() -> float:
    return 0.0


def cron(line: str, jitter: float = 0.0, chance: Callable[[], float] = no_chance) -> AtTrigger:
    return AtTrigger(At(alternatives(read_cron(line)), jitter), BERLIN, chance)


def after(trigger: AtTrigger, now: datetime) -> datetime | None:
    return trigger.get_next_fire_time(None, now)


def local(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN)


def test_cron_lines_are_read_as_cron_reads_them() -> None:
    now = local(2025, 6, 10, 12, 0)  # a Tuesday
    assert after(cron("30 3 * * *"), now) == local(2025, 6, 11, 3, 30)
    assert after(cron("0 3 * * 0"), now) == local(2025, 6, 15, 3, 0)  # 0 is Sunday, not APScheduler's Monday
    assert after(cron("0 3 * * 1-5"), now) == local(2025, 6, 11, 3, 0)
    assert after(cron("0 3 13 * mon"), now) == local(2025, 6, 13, 3, 0)  # the 13th or a Monday
    assert after(cron("0 3 13 * wed"), now) == local(2025, 6, 11, 3, 0)
    assert after(cron("0 12 29 2 *"), now) == local(2028, 2, 29, 12, 0)


def test_a_cron_line_keeps_the_hour_of_the_wall_in_summer_and_winter() -> None:
    trigger = cron("0 6 * * *")
    before = after(trigger, local(2025, 10, 25, 7))  # clocks go back that night
    assert before is not None
    assert before.astimezone(BERLIN) == local(2025, 10, 26, 6)
    assert before.astimezone(UTC).hour == 5


def test_a_run_is_a_little_late_and_never_twice() -> None:
    trigger = cron("* * * * *", 1.0, random.Random(1).random)
    fired = after(trigger, local(2025, 6, 10, 12, 0))
    runs = []
    for _ in range(200):
        assert fired is not None
        runs.append(fired)
        fired = trigger.get_next_fire_time(fired, fired)
    minutes = [run.replace(second=0, microsecond=0) for run in runs]
    assert all(second - first == timedelta(minutes=1) for first, second in pairwise(minutes))
    exact = cron("0 3 * * *")
    three = local(2025, 6, 11, 3)
    assert exact.get_next_fire_time(three, three) == local(2025, 6, 12, 3)


def test_an_interval_goes_on_from_its_last_run_and_is_one_run_after_a_sleep() -> None:
    trigger = EveryTrigger(Every(300.0), no_chance)
    now = datetime(2025, 1, 1, tzinfo=UTC)
    assert trigger.get_next_fire_time(None, now) == now
    assert trigger.get_next_fire_time(now, now + timedelta(seconds=2)) == now + timedelta(seconds=300)
    woke = now + timedelta(hours=8)
    assert trigger.get_next_fire_time(now, woke) == woke + timedelta(seconds=300)


def test_the_same_chance_gives_the_same_first_runs() -> None:
    def firsts(seed: int) -> list[float]:
        began = datetime.now(UTC)
        pulls = scheduler(nothing, random.Random(seed))
        for number in range(20):
            pulls.put(repository(str(number)))
        runs = [pulls.next_run(str(number)) for number in range(20)]
        return [(run - began).total_seconds() for run in runs if run is not None]

    one, again, other = firsts(7), firsts(7), firsts(8)
    assert one == pytest.approx(again, abs=1.0)
    assert one != pytest.approx(other, abs=1.0)
    assert len(one) == 20
    assert all(0 <= delay <= 61 for delay in one)
    assert max(one) - min(one) > 20, "spread over the minute"


def test_pulls_and_reconciles_only_enqueue_in_one_thread() -> None:
    pulled: list[str] = []
    reconciled: list[str] = []
    threads: set[int] = set()

    def wish(name: str, request: Request) -> None:
        threads.add(threading.get_ident())
        assert request == Request("schedule", fetch=True)
        pulled.append(name)

    def reconcile(name: str) -> None:
        threads.add(threading.get_ident())
        reconciled.append(name)

    before = threading.active_count()
    pulls = PullScheduler(wish, reconcile, chance=random.Random(1))
    pulls.put(repository("a", Pull(every=1.0, jitter=0.0), 1.0))
    pulls.put(repository("b", Pull(every=1.0, jitter=0.0), 1.0))
    pulls.put(repository("never", Pull(enabled=False)))
    pulls.start()
    until(lambda: len(pulled) >= 4 and len(reconciled) >= 4)
    assert threading.active_count() == before + 2  # the scheduler and its pool of one
    pulls.stop()
    assert threading.active_count() == before
    assert {*pulled} == {*reconciled} == {"a", "b"}
    assert len(threads) == 1
    count = len(pulled)
    time.sleep(0.2)
    assert len(pulled) == count


def test_a_reload_moves_only_what_changed() -> None:
    pulls = scheduler(nothing)
    pulls.start()
    try:
        pulls.put(repository("same", Pull(), 900.0))
        pulls.put(repository("other", Pull(), 900.0))
        same, other = pulls.next_run("same"), pulls.next_run("other")
        pulls.put(repository("same", Pull(), 900.0))
        pulls.put(repository("other", Pull(at="0 3 1 1 *"), 900.0))
        assert pulls.next_run("same") == same
        moved = pulls.next_run("other")
        assert other is not None
        assert moved is not None
        assert moved - other > timedelta(0)
        assert moved.tzinfo is UTC
        assert (moved.astimezone(pulls.zone).month, moved.astimezone(pulls.zone).hour) == (1, 3)
        pulls.put(repository("other", Pull(enabled=False)))
        assert pulls.next_run("other") is None
        pulls.drop("same")
        pulls.drop("same")
        assert pulls.next_run("same") is None
        assert pulls.next_run("unknown") is None
    finally:
        pulls.stop()


def test_one_job_in_trouble_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    pulled: list[str] = []

    def wish(name: str, request: Request) -> None:
        if name == "bad":
            raise RuntimeError("no room")
        pulled.append(name)

    pulls = scheduler(wish)
    for name in ("bad", "good"):
        pulls.put(repository(name, Pull(every=1.0)))
    pulls.start()
    until(lambda: len(pulled) >= 2)
    pulls.stop()
    assert "no room" in caplog.text


def test_a_clock_set_back_delays_no_pull() -> None:
    pulled: list[str] = []
    pulls = scheduler(lambda name, request: pulled.append(name))
    pulls.put(repository("a", Pull(every=1.0, jitter=0.0)))
    job = pulls._scheduler.get_job("pull a")
    job.modify(next_run_time=datetime.now(UTC) + timedelta(hours=2))  # as if planned before the clock was set back
    pulls.start()
    pulls.clock_set_back()
    until(lambda: len(pulled) >= 1)
    pulls.stop()


def test_a_clock_that_is_set_back_again_and_again_delays_no_look() -> None:
    pulls = scheduler(nothing)
    pulls.put(repository("a", reconcile=600))
    job = pulls._scheduler.get_job("reconcile a")
    due = datetime.now(UTC) + timedelta(seconds=5)
    job.modify(next_run_time=due)
    pulls.start()
    try:
        pulls.clock_set_back()
        assert pulls._scheduler.get_job("reconcile a").next_run_time == due
    finally:
        pulls.stop()


@pytest.mark.parametrize(("zone", "read"), [("Nowhere/AtAll", "UTC"), ("Europe/Berlin", "Europe/Berlin")])
def test_the_machines_time_zone_is_taken_and_a_broken_one_is_utc(zone: str, read: str) -> None:
    program = "from gitferry.daemon.scheduler import PullScheduler; print(PullScheduler(print, print).zone)"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "TZ": zone, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.strip() == read
    assert ("cron lines are read in UTC" in ran.stderr) == (read == "UTC")


def test_it_says_whether_it_runs() -> None:
    pulls = PullScheduler(nothing, lambda name: None)
    pulls.start()
    running = pulls.alive
    pulls.stop()
    assert running and not pulls.alive


def test_one_that_goes_while_all_is_scheduled_anew_keeps_no_other_from_it() -> None:
    class Going(random.Random):
        def random(self) -> float:
            if going:
                pulls.drop(going.pop())
            return 0.5

    going: list[str] = []
    pulls = PullScheduler(nothing, lambda name: None, chance=Going())
    pulls.start()
    try:
        for name in ("a", "b"):
            pulls.put(repository(name, reconcile=600))
        going.append("a")
        pulls.clock_set_back()
        assert pulls.next_run("a") is None
        assert pulls.next_run("b") is not None
    finally:
        pulls.stop()
