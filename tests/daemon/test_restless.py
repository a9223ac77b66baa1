"""A task whose files never rest stays out of one crossing, and goes with the next, under whatever names it is saved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitferry.daemon.restless import Restless
from gitferry.pushback.outcome import Outcome, PushStatus, Request, State, TaskState

NONE = frozenset[str]()
FINE = Outcome("work", State.HEALTHY, datetime(2026, 1, 1, tzinfo=UTC), branch="main")
WATCH = Request("watch")


def heard(restless: Restless, *tasks: str, request: Request = WATCH, outcome: Outcome = FINE) -> None:
    """Tell of a crossing that looked at these tasks."""
    rows = (TaskState("0", "work", task, task, "directory", None, PushStatus.PENDING) for task in tasks)
    restless.heard("work", request, replace(outcome, tasks=tuple(rows)))


@pytest.mark.parametrize("wishes", [1, 2, 3])
def test_a_file_that_never_rests_stays_out_of_every_other_crossing(wishes: int) -> None:
    restless, file, stayed = Restless(), frozenset({"notes.md"}), []
    for _ in range(4):
        for _ in range(wishes):  # that one crossing serves
            restless.rested("work", file)
        stayed.append(restless.stays("work", file) == file)
        heard(restless, "notes.md")
    assert stayed == [True, False, True, False]


@pytest.mark.parametrize("task", ["tasks/a", "."])
def test_a_task_that_gets_a_new_file_every_second_does_too(task: str) -> None:
    restless, stayed = Restless(), []
    for number in range(4):
        restless.rested("work", frozenset({f"tasks/a/deep/shot{number}"}))
        later = frozenset({f"tasks/a/later{number}"})
        stayed.append(restless.stays("work", later) == later)
        restless.rested("work", frozenset({f"tasks/a/meanwhile{number}"}))
        heard(restless, task)
    assert stayed == [True, False, True, False]


def test_another_task_that_is_saved_meanwhile_stays_out_by_itself() -> None:
    restless, first = Restless(), frozenset({"tasks/a/p"})
    restless.stays("work", first)
    heard(restless, "tasks/a", "tasks/b")
    both = first | {"tasks/b/p", "tasks/a.md"}
    assert restless.stays("work", both) == {"tasks/b/p", "tasks/a.md"}


@pytest.mark.parametrize("during", [True, False])
def test_what_rested_in_between_must_rest_again(during: bool) -> None:
    restless, file = Restless(), frozenset({"notes.md"})
    restless.stays("work", file)
    if during:
        restless.rested("work", NONE)
    heard(restless, "notes.md")
    if not during:
        restless.rested("work", NONE)
    assert restless.stays("work", file) == file, "it was saved again as the wish waited for its turn"


def test_a_crossing_that_did_not_come_to_look_left_nothing_out() -> None:
    restless, file = Restless(), frozenset({"notes.md"})
    restless.stays("work", file)
    heard(restless, request=Request("schedule"))
    heard(restless, "notes.md")
    assert restless.stays("work", file) == NONE
    heard(restless, outcome=replace(FINE, branch=None))
    assert restless.stays("work", file) == NONE, "it takes along what the one that waited should have"
    restless.forget("work")
    assert restless.stays("work", file) == file
