"""Two or more clones that cross by the real engine: what the tests of pushback/ drive."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gitferry.config.model import Pushback, Repository, Tasks, Timeouts, Watch
from gitferry.pushback.crossing import cross
from gitferry.pushback.host import Host
from gitferry.pushback.outcome import Outcome, PushStatus, Request, TaskState
from gitferry.tests.repo import Repo


class Clock:
    """A clock that moves a second at each look, from a fixed day."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class Side:
    """One clone and the settings that its crossings run under."""

    repo: Repo
    name: str = "tasks"
    pushback: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, Any] = field(default_factory=dict)
    branch: str | None = None
    url: str | None = None
    clock: Clock = field(default_factory=Clock)
    trusted: bool = False

    @property
    def settings(self) -> Repository:
        """The settings as a file would give them."""
        return Repository(
            name=self.name,
            path=self.repo.root,
            branch=self.branch,
            url=self.url,
            trusted=self.trusted,
            pushback=Pushback(**{"conflict_strategy": "fail", **self.pushback}),
            tasks=Tasks(**self.tasks),
            timeouts=Timeouts(),
            watch=Watch(quiet=0),
        )

    @property
    def host(self) -> Host:
        """The host with this side's clock."""
        return Host(environ=dict(os.environ), clock=self.clock, hostname=self.repo.root.name, user="tester")

    def sync(self, **wishes: Any) -> Outcome:
        """Cross as `gitferry sync` does."""
        return cross(self.settings, Request(**{"cause": "request", "fetch": True, **wishes}), host=self.host)

    def save(self, *paths: str, **wishes: Any) -> Outcome:
        """Cross as the watcher asks for it after edits of `paths`."""
        return cross(self.settings, Request("watch", paths=frozenset(paths), **wishes), host=self.host)

    def task(self, outcome: Outcome, path: str) -> TaskState:
        """Return one task's state in an outcome."""
        return next(task for task in outcome.tasks if task.path == path)

    def statuses(self, outcome: Outcome) -> dict[str, PushStatus]:
        """Return every task's push status in an outcome."""
        return {task.path: task.push_status for task in outcome.tasks}


def healthy(outcome: Outcome) -> Outcome:
    """Assert that nothing waits, fails or conflicts."""
    assert outcome.state == "healthy", (outcome.state, outcome.waiting_for, outcome.error, outcome.hint, outcome.tasks)
    return outcome
