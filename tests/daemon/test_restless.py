"""A task whose files never rest stays out of one crossing, and goes with the next, under whatever names it is saved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitferry.daemon.restless import Restless
from gitferry.pushback.outcome import Outcome, PushStatus, Request, State, TaskState

NONE = frozenset[str]()


def heard(restless: Restless, unsettled: frozenset[str], task: str) -> None:
    """Tell that a crossing for the watcher left a task out."""
    row = TaskState("0", "work", task, task, "directory", None, PushStatus.PENDING)
    fine = Outcome("work", State.HEALTHY, datetime(2026, 1, 1, tzinfo=UTC), branch="main")
    restless.heard("work", Request("watch", unsettled=unsettled), replace(fine, tasks=(row,)))


def test_a_file_that_never_rests_stays_out_every_other_time() -> None:
    restless, file = Restless(), frozenset({"notes.md"})
    assert [restless.stays("work", file) for _ in range(4)] == [file, NONE, file, NONE]


@pytest.mark.parametrize("task", ["tasks/a", "."])
def test_a_task_that_gets_a_new_file_every_second_does_too(task: str) -> None:
    restless, stayed = Restless(), []
    for number in range(4):
        busy = frozenset({f"tasks/a/deep/shot{number}"})
        stayed.append(restless.stays("work", busy) == busy)
        assert (restless.busy("work", frozenset({f"tasks/a/later{number}"})) == NONE) is not stayed[-1]
        heard(restless, busy if stayed[-1] else NONE, task)
    assert stayed == [True, False, True, False]


def test_another_task_that_is_saved_meanwhile_stays_out_by_itself() -> None:
    restless, first = Restless(), frozenset({"tasks/a/p"})
    restless.stays("work", first)
    heard(restless, first, "tasks/a")
    both = first | {"tasks/b/p", "tasks/a.md"}
    assert restless.stays("work", both) == {"tasks/b/p", "tasks/a.md"}
    assert restless.busy("work", both) == {"tasks/b/p", "tasks/a.md"}


def test_what_rested_in_between_must_rest_again() -> None:
    restless, file = Restless(), frozenset({"notes.md"})
    restless.stays("work", file)
    assert restless.stays("work", NONE) == NONE
    assert restless.busy("work", file) == file, "it was saved again as the wish waited for its turn"
    assert restless.stays("work", file) == file
    restless.forget("work")
    assert restless.stays("work", file) == file
