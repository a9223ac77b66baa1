"""Commit messages say what a batch changes."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.pushback.message import TaskWords, Words, commit_words, literal, request_words, summary

TASKS = (TaskWords("a", "update", "1.0", "1.1", "tasks/a", ("tasks/a/x", "tasks/a/y")), TaskWords("b", "add", path="b"))


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
    words = commit_words("{{ summary }} on {{host}}\n\n{{ task_list }}\n{{ tsk }}", tasks, host="desk")
    assert words.text == "Update a, b and c on desk\n\n- update a 1.0 → 1.1\n- add b 2.0\n- update c\n{{ tsk }}\n"


def test_a_name_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    words = commit_words("{{ summary }}", [TaskWords("{{ host }}", "add")], host="desk")
    assert words.text == "Add {{ host }}\n"


def test_templates_are_jinja() -> None:
    template = """\
{{ summary }}

{% for task in tasks %}
* {{ task.verb }} {{ task.name }} in {{ task.path }} ({{ task.changes }}: {{ task.files|join(", ") }})
{% endfor %}
"""
    assert commit_words(template, TASKS, host="desk") == Words(
        "Update a and b\n\n* update a in tasks/a (2: tasks/a/x, tasks/a/y)\n* add b in b (0: )\n"
    )


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{ summary", "line 1: unexpected end of template"),
        ("{{ summary }}\n{{ 1 // 0 }}", "line 2: "),
        ("{{ summary.__class__ }}", "unsafe"),
        ("{{ 'x' * 10**9 }}", "65,536"),
        ("{% for i in range(10**8) %}x{% endfor %}", "1,000"),
        ("{{ task_list }}" * 9999, "65,536"),
        ("x" * 70_000, "65,536"),
    ],
)
def test_a_template_that_fails_loses_no_commit(template: str, fault: str) -> None:
    words = commit_words(template, TASKS, host="desk")
    assert words.text == "Update a and b\n\n- update a 1.0 → 1.1\n- add b\n"
    assert words.fault is not None and fault in words.fault
    body = request_words(template, TASKS, host="desk")
    assert body.text == "## Task changes\n\n- update a 1.0 → 1.1\n- add b\n"
    assert body.fault == words.fault


def test_a_list_that_is_too_long_for_any_message_leaves_the_summary() -> None:
    tasks = [TaskWords(str(number) + "x" * 4000, "add") for number in range(50)]
    words = commit_words("{{ summary }}\n\n{{ task_list }}", tasks, host="desk")
    assert words.text == summary(tasks) + "\n" and "65,536" in str(words.fault)


@pytest.mark.parametrize("template", ["{{ '' }}", "{# nothing #}", "\n \n", "{% if false %}x{% endif %}"])
def test_a_message_is_never_empty(template: str) -> None:
    assert commit_words(template, TASKS, host="desk") == Words("Update a and b\n")
    assert request_words(template, TASKS, host="desk") == Words("Update a and b\n")


def test_a_body_keeps_what_markdown_reads() -> None:
    assert request_words("\n\n    code  \n\n\n\nbreak  \nend \n\n", TASKS, host="desk").text == (
        "    code  \n\n\n\nbreak  \nend\n"
    )


def test_what_is_no_utf_8_is_replaced() -> None:
    odd = os.fsdecode(b"caf\xe9")
    for template in ("{{ summary }}", "{{ summary|trim }}", "{{ tasks[0].path }}"):
        text = commit_words(template, [TaskWords(odd, "add", path=odd)], host="desk").text
        assert text.endswith("caf\N{REPLACEMENT CHARACTER}\n")
        text.encode()
    assert (
        literal("a\0b\ud800\udc80")
        == "a" + "\N{REPLACEMENT CHARACTER}" * 1 + "b" + "\N{REPLACEMENT CHARACTER}" * 2 + "\n"
    )


def test_a_message_by_hand_is_no_template() -> None:
    assert literal("{{ summary }} {% if %} {# x #}") == "{{ summary }} {% if %} {# x #}\n"
    assert literal("") == literal(" \n\t\n") == ""


@given(st.text(st.sampled_from("ab #\n\n\t\r\v\f\u00a0é"), max_size=30))
def test_a_message_by_hand_is_tidied_as_git_does(text: str) -> None:
    git = subprocess.run(["git", "stripspace"], input=text.encode(), capture_output=True, check=True)
    assert literal(text).encode() == git.stdout
