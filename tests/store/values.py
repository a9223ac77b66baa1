"""Outcomes and task states as crossings make them, for the store's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gitferry.pushback.outcome import Operation, Outcome, PushStatus, State, TaskChange, TaskState

NOON = datetime(2025, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def task(name: str, repository: str = "tasks", status: PushStatus = PushStatus.PENDING) -> TaskState:
    """Return the state of a directory task; its id is made of both names."""
    return TaskState(
        id=f"{repository}-{name}",
        repository=repository,
        name=name,
        path=name,
        kind="directory",
        version="1.0",
        push_status=status,
    )


def operation(id: str, repository: str = "tasks", minutes: int = 0) -> Operation:
    """Return an operation that pushed two tasks, `minutes` after noon."""
    return Operation(
        id=id,
        repository=repository,
        at=NOON + timedelta(minutes=minutes),
        cause="watch",
        kind="sync",
        host="desk",
        user="ada",
        tasks=(
            TaskChange(f"{repository}-b", "b", "b", "push", ("b/metadata.json", "b/run.sh")),
            TaskChange(f"{repository}-a", "a", "a", "pull"),
        ),
        commits=("1" * 40,),
        head_before="0" * 40,
        head_after="1" * 40,
        upstream_before="0" * 40,
        upstream_after="1" * 40,
        undoable=True,
    )


def outcome(repository: str = "tasks", **values: object) -> Outcome:
    """Return a healthy outcome, changed by `values`."""
    given: dict[str, object] = {"state": State.HEALTHY, "at": NOON, "branch": "main", "upstream": "origin/main"}
    return Outcome(repository=repository, **(given | values))  # type: ignore[arg-type]  # keyword names vary by test
