"""What a crossing came to, in words and as an exit code."""

from __future__ import annotations

from typing import Any

import pytest

from gitferry.daemon.cli.results import DONE, FAILED, IN_PART, exit_code, told


def result(**values: Any) -> dict[str, Any]:
    """Return a repository's result in which nothing was to do, changed by `values`."""
    return {
        "repository": "tasks",
        "state": "healthy",
        "waiting_for": None,
        "error": None,
        "hint": None,
        "operation": None,
        "commits": [],
        "tasks": [],
        "held": False,
        "notes": [],
    } | values


OF_A_TASK: dict[str, Any] = {"in_conflict": True, "warnings": []}


def task(status: str, reason: str | None = None) -> dict[str, Any]:
    """Return a task's row."""
    return {"name": "a", "action": None, "answered": None, "push_status": status, "reason": reason} | OF_A_TASK


def carried(name: str, action: str, answered: str | None = None) -> dict[str, Any]:
    """Return the row of a task that was carried; `answered` as its operation has it."""
    return {"name": name, "action": action, "answered": answered, "push_status": None, "reason": None} | OF_A_TASK


DID = {
    "operation": "op1",
    "commits": ["0123456789abcdef"],
    "tasks": [carried("a", "push"), carried("b", "pull"), carried("c", "push")],
}
HELD = result(
    state="conflict",
    waiting_for="an answer: both sides changed a",
    hint="see both sides",
    tasks=[task("conflict", "both changed it")],
)
WAITING = result(state="waiting", waiting_for="a rebase is under way", hint="finish it or `git rebase --abort`")
OFFLINE = result(state="failing", error="the remote does not answer", hint="look at the network")


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], DONE),
        ([result()], DONE),
        ([result(**DID)], DONE),
        ([result(state="paused")], DONE),
        ([result(tasks=[task("pending")])], DONE),
        ([result(tasks=[task("in_review", "yours is in review")])], DONE),
        ([HELD], IN_PART),
        ([WAITING], IN_PART),
        ([result(tasks=[task("failed", "too large")])], IN_PART),
        ([result(tasks=[task("awaiting_approval")])], IN_PART),
        ([OFFLINE], FAILED),
        ([OFFLINE, OFFLINE], FAILED),
        ([OFFLINE, result()], IN_PART),
        ([OFFLINE, HELD], IN_PART),
        ([OFFLINE | DID], IN_PART),
    ],
)
def test_exit_codes(results: list[dict[str, Any]], code: int) -> None:
    assert exit_code(results) == code


def test_what_was_done_is_told_with_its_operation() -> None:
    assert told(result(**DID)) == ["tasks: pushed a, c; pulled b as 01234567 (operation op1)"]


def test_a_task_in_review_is_named_with_where() -> None:
    reason = "both sides changed it; yours is in review at gitferry/here/a"
    named, ends = told(result(tasks=[task("in_review", reason)]))
    assert named == f"tasks: a: in review: {reason}" and "`gitferry conflicts a`" in ends
    assert told(result(operation="op1", tasks=[carried("a", "review")])) == ["tasks: sent a for review (operation op1)"]


def test_a_side_that_was_replaced_is_told_with_the_way_back() -> None:
    tasks = [carried("a", "push"), carried("b", "push", "local"), carried("c", "pull", "remote")]
    done, back = told(result(operation="op1", tasks=tasks))
    assert done == "tasks: pushed a; pushed yours: b; pulled theirs: c (operation op1)"
    assert "yours is kept with the operation" in back and "`gitferry undo op1`" in back
    merged = told(result(operation="op1", tasks=[carried("a", "merge", "merged")]))
    assert merged == ["tasks: merged a (operation op1)"], "nothing was replaced"


def test_nothing_to_do_is_told_too() -> None:
    assert told(result()) == ["tasks: nothing to do"]


def test_what_waits_is_told_with_its_reason_and_the_command_that_lets_it_go() -> None:
    reason = "2 of 3 tasks were deleted here: `gitferry push all` if that is meant"
    told_first, *_, lets_go = told(result(tasks=[task("pending", reason)] * 2))
    assert told_first == "tasks: nothing to do"
    assert f"tasks: 2 tasks pending: {reason}" in told(result(tasks=[task("pending", reason)] * 2))
    assert "`gitferry push task TASK`" in lets_go and "`gitferry push all`" in lets_go
    held = told(result(held=True, tasks=[task("pending", "waits for `gitferry push`")]))
    assert "`gitferry resume tasks`" in held[-1]
    staged = told(result(tasks=[task("pending", "you are staging it")]))
    assert staged[-1] == "tasks: 1 task pending: you are staging it", "no push lets that go"


def test_what_stayed_behind_is_named_with_its_reason() -> None:
    assert told(HELD) == ["tasks: a: conflict: both changed it", "  → see both sides"]
    assert told(WAITING) == ["tasks: waits: a rebase is under way", "  → finish it or `git rebase --abort`"]
    assert told(OFFLINE) == ["tasks: failed: the remote does not answer", "  → look at the network"]


def test_many_tasks_are_counted_not_listed() -> None:
    (line,) = told(result(**DID | {"tasks": [carried(f"t{number}", "pull") for number in range(20)]}))
    assert "t7 and 12 more" in line and "t8" not in line
