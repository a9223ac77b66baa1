"""Names of review branches: git takes every one, and no two tasks share one."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.pushback.branch_names import host_branches, review_branch

ODD = [
    "",
    ".",
    "..",
    "-",
    "@",
    "@{u}",
    ".hidden",
    "-rf",
    "a..b",
    "a.lock",
    "a.lock.lock",
    "a/.lock",
    "ends.",
    "tasks/add two",
    "~^:?*[\\",
    "a\nb",
    "übung",
    "任务/加法",
    "x" * 300,
    ("x" * 59) + ".y",
    ("x" * 55) + ".lock.txt",
    "a\udcffb",
]


def accepted(name: str) -> bool:
    """What git says of a branch's name."""
    return (
        subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.parametrize("text", ODD)
def test_git_takes_a_name_made_of_anything(text: str) -> None:
    for name in (review_branch("here", text, ()), review_branch(text, "task", ()), review_branch(text, text, ())):
        assert accepted(name), name
        assert name.startswith("gitferry/") and name.count("/") == 2


@given(st.text(max_size=80), st.text(max_size=80))
def test_names_hold_nothing_that_a_ref_may_not(host: str, path: str) -> None:
    name = review_branch(host, path, ())
    parts = name.split("/")
    assert len(parts) == 3 and all(parts)
    assert all(not part.startswith((".", "-")) and not part.endswith((".", ".lock")) for part in parts)
    assert (
        ".." not in name
        and name.isascii()
        and name.replace("/", "").replace("-", "").replace(".", "").replace("_", "").isalnum()
    )
    assert name.startswith(host_branches(host))


def test_what_is_plain_stays_as_it_is() -> None:
    assert review_branch("box.example.org", "shared.md", ()) == "gitferry/box.example.org/shared.md"
    assert review_branch("box", "tasks/addition", ()) == "gitferry/box/tasks-addition"


def test_a_taken_name_gets_a_number() -> None:
    taken = ["gitferry/box/a", "gitferry/box/a-2", "gitferry/box/b/below"]
    assert review_branch("box", "a", taken) == "gitferry/box/a-3"
    assert review_branch("box", "b", taken) == "gitferry/box/b-2"
    assert review_branch("other", "a", taken) == "gitferry/other/a"
