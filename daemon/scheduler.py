"""Pulls and reconciles by the clock: APScheduler with jobs that are rebuilt from the settings at every start.

A job only enqueues a request, so that one thread is enough for all of them. Sources: APScheduler 3.11's user guide.
"""

from __future__ import annotations

import logging
import random
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from gitferry.pushback.outcome import Request
from gitferry.repos.schedule import At, Every, Plan, first_delay, gap, lateness, pull_plan

if TYPE_CHECKING:
    from gitferry.config.model import Repository

log = logging.getLogger(__name__)

_AFTER_SLEEP: Final = 60.0  # seconds over which the pulls are spread that a sleeping machine missed
_RECONCILE_JITTER: Final = 0.1


class EveryTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no type information
    """An interval whose chance is ours: reproducible, and never a burst after a suspended machine woke up."""

    def __init__(self, plan: Every, chance: Callable[[], float]) -> None:
        self.plan = plan
        self._chance = chance

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return when to run next; the first run is spread."""
        if previous_fire_time is None:
            return now + timedelta(seconds=first_delay(self.plan, self._chance()))
        after = timedelta(seconds=gap(self.plan, self._chance()))
        due = previous_fire_time + after
        return due if due > now else now + after


class AtTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no type information
    """Cron lines, and a little later."""

    def __init__(self, plan: At, zone: tzinfo, chance: Callable[[], float]) -> None:
        self.plan = plan
        self._lines = OrTrigger([
            CronTrigger(
                minute=line.minute,
                hour=line.hour,
                day=line.day,
                month=line.month,
                day_of_week=line.weekday,
                timezone=zone,
            )
            for line in plan.lines
        ])  # fmt: skip
        self._chance = chance

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return when to run next; None where the lines name no date that comes."""
        # From now on, not from the previous run: what a sleeping machine missed is one run, not many. And past the
        # previous run's own instant, which the scheduler would ask about for ever.
        since = now if previous_fire_time is None else max(now, previous_fire_time) + timedelta(microseconds=1)
        begins: datetime | None = self._lines.get_next_fire_time(None, since)
        return None if begins is None else begins + timedelta(seconds=lateness(self.plan, self._chance()))


class PullScheduler:
    """An attendant of the roster: wishes for a crossing whenever a pull is due, and for a look at a whole tree.

    `wish`, and `reconcile` for such a look, are called from the one thread of the pool and must return at once.
    """

    def __init__(
        self,
        wish: Callable[[str, Request], None],
        reconcile: Callable[[str], None],
        *,
        chance: random.Random | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        """`chance` spreads and moves the runs; `zone` is what cron lines are read in, the machine's by default."""
        self._wish = wish
        self._look = reconcile
        self._chance = (chance or random.Random()).random  # noqa: S311 - chance, not a secret
        self._scheduler = _scheduler(zone)

    @property
    def zone(self) -> tzinfo:
        """The time zone that cron lines are read in."""
        zone: tzinfo = self._scheduler.timezone
        return zone

    def start(self) -> None:
        """Start running jobs."""
        self._scheduler.start()

    @property
    def alive(self) -> bool:
        """Whether jobs that are due are run."""
        thread = self._scheduler._thread  # there is no other way to ask APScheduler 3
        return thread is not None and thread.is_alive()

    def stop(self) -> None:
        """End all threads; a job that runs right now is waited for."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def put(self, repository: Repository) -> None:
        """Schedule a repository as its settings now say, in place of what was.

        What did not change goes on as scheduled, so that a reload of the settings moves no other run.
        """
        name, watch = repository.name, repository.watch
        self._place(_id("pull", name), pull_plan(repository.pull), self._pull, name)
        # The crossing at the start looks at the whole tree.
        again = Every(watch.reconcile, _RECONCILE_JITTER, soon=False) if watch.enabled else None
        self._place(_id("reconcile", name), again, self._reconcile, name)

    def drop(self, name: str) -> None:
        """Schedule nothing for `name` any longer; an unknown name is no error."""
        for kind in ("pull", "reconcile"):
            self._drop(_id(kind, name))

    def next_run(self, name: str) -> datetime | None:
        """Return when `name` is pulled next (UTC); None: never, or it is not known."""
        job = self._scheduler.get_job(_id("pull", name))
        due: datetime | None = None if job is None else getattr(job, "next_run_time", None)
        return None if due is None else due.astimezone(UTC)

    def _pull(self, name: str) -> None:
        self._wish(name, Request("schedule", fetch=True))

    def _reconcile(self, name: str) -> None:
        self._look(name)

    def _place(self, job_id: str, plan: Plan | None, call: Callable[[str], None], name: str) -> None:
        if plan is None:
            self._drop(job_id)
            return
        known = self._scheduler.get_job(job_id)
        if known is not None and known.trigger.plan == plan:
            return
        trigger = self._trigger(plan)
        first = trigger.get_next_fire_time(None, datetime.now(self.zone))
        self._scheduler.add_job(
            call, trigger, args=(name,), id=job_id, name=job_id, replace_existing=True, next_run_time=first
        )

    def _trigger(self, plan: Plan) -> EveryTrigger | AtTrigger:
        if isinstance(plan, At):
            return AtTrigger(plan, self.zone, self._chance)
        return EveryTrigger(plan, self._chance)

    def _drop(self, job_id: str) -> None:
        try:
            self._scheduler.remove_job(job_id)
        except JobLookupError:
            log.debug("no such job", extra={"action": "schedule", "job": job_id})

    def clock_set_back(self) -> None:
        """Schedule every job anew from the time that the clock tells now: it would wait for the old dates.

        None is moved later: where a clock is set again and again, nothing would ever be due.
        """
        now = datetime.now(self.zone)
        for job in self._scheduler.get_jobs():
            due = (getattr(job, "next_run_time", None), job.trigger.get_next_fire_time(None, now))
            self._move(job.id, min((each for each in due if each is not None), default=None))
        log.info("the clock was set back; all pulls are scheduled anew", extra={"action": "schedule"})

    def woke_up(self) -> None:
        """Run what the machine slept through, each once and not all at one moment."""
        now = datetime.now(self.zone)
        for job in self._scheduler.get_jobs():
            due = getattr(job, "next_run_time", None)
            if due is not None and due <= now:
                self._move(job.id, now + timedelta(seconds=self._chance() * _AFTER_SLEEP))
        self._scheduler.wakeup()

    def _move(self, job_id: str, due: datetime | None) -> None:
        with suppress(JobLookupError):  # its repository was taken out of the settings in this moment
            self._scheduler.modify_job(job_id, next_run_time=due)


def _scheduler(zone: tzinfo | None) -> BackgroundScheduler:
    """Return a scheduler in `zone`, or in the machine's zone; in UTC where the machine's own settings are broken."""
    options = {
        "jobstores": {"default": MemoryJobStore()},
        "executors": {"default": ThreadPoolExecutor(1)},
        # However late, once: a machine that slept for a night pulls when it wakes.
        "job_defaults": {"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    }
    if zone is not None:
        return BackgroundScheduler(timezone=zone, **options)
    with warnings.catch_warnings(record=True) as said:  # tzlocal's, about settings that contradict each other
        warnings.simplefilter("always")
        try:
            scheduler = BackgroundScheduler(**options)
        except (LookupError, ValueError) as failure:  # no such zone
            log.warning("the time zone is unknown, so that cron lines are read in UTC: %s", failure)
            scheduler = BackgroundScheduler(timezone=UTC, **options)
    for warning in said:
        log.warning("time zone: %s", warning.message)
    return scheduler


def _id(kind: str, name: str) -> str:
    return f"{kind} {name}"
