"""Commit messages say what a batch changes."""

from __future__ import annotations

import pytest

from gitferry.pushback.message import TaskWords, commit_message, summary


@pytest.mark.parametrize(
    ("tasks", "line"),
    [
        ([TaskWords("a", "add")], "Add a"),
        ([TaskWords("a", "update"), TaskWords("b", "update")], "Update a and b"),
        ([TaskWords("a", "add"), TaskWords("b", "delete"), TaskWords("c", "add")], "Update a, b and c"),
        ([TaskWords(name, "delete") for name in "abcde"], "Delete a, b, c and 2 more"),
    ],
)
def test_the_summary_names_three_and_counts_the_rest(tasks: list[TaskWords], line: str) -> None:
    assert summary(tasks) == line


def test_the_template_is_filled_and_slips_show() -> None:
    tasks = [
        TaskWords("a", "update", "1.0", "1.1"),
        TaskWords("b", "add", None, "2.0"),
        TaskWords("c", "update", "3", "3"),
    ]
    text = commit_message("{{ summary }} on {{host}}\n\n{{ task_list }}\n{{ tsk }}", tasks, host="desk")
    assert text == "Update a, b and c on desk\n\n- update a 1.0 → 1.1\n- add b 2.0\n- update c\n{{ tsk }}\n"


def test_a_name_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert commit_message("{{ summary }}", [TaskWords("{{ host }}", "add")], host="desk") == "Add {{ host }}\n"
