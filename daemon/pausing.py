"""Pausing and resuming: nothing crosses by itself meanwhile, and what was held goes when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gitferry.daemon import rows
from gitferry.daemon.questions import Questions
from gitferry.pushback.outcome import Request

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.house import House


def pause(house: House, repository: str | None, seconds: float | None) -> rows.Row:
    """Let one repository or all cross no more by themselves; what cannot be paused is under `unreadable`."""
    until, questions = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds), Questions(house)

    def pause(each: Repository) -> list[Repository]:
        house.ferry.pause(each, until)
        house.auditing.paused(each.name, until)
        return [each]

    paused, unreadable = questions.read(pause, questions.chosen(repository), repository is None)
    house.look(paused)
    return {"paused": [each.name for each in paused], "until": rows.instant(until), "unreadable": unreadable}


def resume(house: House, repository: str | None, *, running: bool) -> rows.Row:
    """Let one or all cross again, at once where a daemon is `running`; what cannot be resumed is under `unreadable`.

    What was neither paused nor held is under `idle` too.
    """
    idle, questions = set[str](), Questions(house)

    def resume(each: Repository) -> list[Repository]:
        record = house.ferry.record(each)
        if not (record.is_paused(house.ferry.host.clock()) or record.pushes_held):
            idle.add(each.name)
        house.ferry.resume(each)
        house.auditing.resumed(each.name)
        house.accept(each)
        return [each]

    resumed, unreadable = questions.read(resume, questions.chosen(repository), repository is None)
    house.look(resumed)
    if running:
        for each in resumed:
            house.roster.wish(each.name, Request("request", fetch=True))
    return {"resumed": [each.name for each in resumed], "idle": sorted(idle), "unreadable": unreadable}
