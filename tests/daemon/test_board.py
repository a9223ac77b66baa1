"""What is known of a repository after an outcome, and how `status` tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gitferry.config.model import Health as Thresholds
from gitferry.config.model import Repository
from gitferry.daemon import health, rows
from gitferry.daemon.board import Known, from_outcome
from gitferry.daemon.cli.status import _reasons
from gitferry.daemon.vitals import Vital
from gitferry.pushback.outcome import Outcome, PushStatus, State, TaskState

AT = datetime(2026, 1, 2, tzinfo=UTC)


def told(*tasks: TaskState) -> list[str]:
    known = from_outcome(Outcome("work", State.HEALTHY, AT, head="0" * 40, tasks=tasks), Known())
    settings = Repository(name="work", path=Path("/nowhere"))
    condition = health.condition(known, Vital(), watching=None, thresholds=Thresholds())
    return _reasons(
        rows.repository(settings, known, next_pull_at=None, watching=None, condition=condition, vital=Vital(), lag=None)
    )


def task(status: PushStatus, reason: str | None, url: str | None = None) -> TaskState:
    return TaskState("1", "work", "a", "a", "file", None, status, reason, pull_request_url=url, in_conflict=True)


def test_a_task_in_review_is_told_with_what_is_known_of_the_review() -> None:
    reason = "yours is in review at gitferry/here/a"
    first, *next_step = told(task(PushStatus.IN_REVIEW, reason))
    assert first == f"work: a: in review: {reason}"
    assert "`gitferry conflicts a`" in " ".join(next_step)
    url = "https://git.example.org/team/tasks/pulls/3"
    assert told(task(PushStatus.IN_REVIEW, reason, url))[0] == f"work: a: in review: {url}"
    assert told(task(PushStatus.IN_REVIEW, None))[0] == "work: a: in review"
    assert told(task(PushStatus.COMPLETED, None)) == []
