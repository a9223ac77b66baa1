"""Outcomes and task states as crossings make them, for the store's tests."""

from __future__ import annotations

from datetime import UTC, datetime

from gitferry.pushback.outcome import Outcome, PushStatus, State, TaskState

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


def outcome(repository: str = "tasks", **values: object) -> Outcome:
    """Return a healthy outcome, changed by `values`."""
    given: dict[str, object] = {"state": State.HEALTHY, "at": NOON, "branch": "main", "upstream": "origin/main"}
    return Outcome(repository=repository, **(given | values))  # type: ignore[arg-type]  # keyword names vary by test
