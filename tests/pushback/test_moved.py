"""Edits that a `git switch` took along to another branch that is synced too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo


@pytest.fixture
def here(remote: Repo, clone: Callable[..., Repo]) -> Side:
    """A clone with two branches that were both crossed, on main."""
    side = Side(clone("here"))
    side.repo.git("switch", "-qc", "side")
    side.repo.git("push", "-qu", "origin", "side")
    healthy(side.sync())
    side.repo.git("switch", "-q", "main")
    side.branch = "main"
    healthy(side.sync())
    return side


def switched(side: Side, branch: str) -> None:
    side.repo.git("switch", "-q", branch)
    side.branch = branch


def test_an_edit_that_waited_on_another_branch_waits_here(here: Side, remote: Repo) -> None:
    here.pushback["auto_push"] = False
    here.repo.write("README.md", "for main\n")
    assert here.task(here.sync(), "README.md").push_status == "pending"
    switched(here, "side")
    here.pushback["auto_push"] = True
    task = here.task(here.sync(), "README.md")
    assert task.push_status == "pending"
    assert "moved here from branch main" in (task.reason or "")
    here.sync()
    assert remote.tree("side") == remote.tree("main")
    healthy(here.sync(tasks=frozenset({task.id}), by_hand=True))
    assert remote.tree("side")["README.md"] == b"for main\n"


def test_a_checkout_of_the_branch_that_is_checked_out_moves_nothing(here: Side) -> None:
    here.pushback["auto_push"] = False
    here.repo.write("README.md", "for main\n")
    before = here.task(here.sync(), "README.md")
    here.repo.git("checkout", "-q", "main")
    assert here.task(here.sync(), "README.md").reason == before.reason


def test_edited_further_it_is_an_edit_of_this_branch(here: Side, remote: Repo) -> None:
    here.pushback["auto_push"] = False
    here.repo.write("README.md", "for main\n")
    here.sync()
    switched(here, "side")
    here.pushback["auto_push"] = True
    here.repo.write("README.md", "for side\n")
    healthy(here.sync())
    assert remote.tree("side")["README.md"] == b"for side\n"


def test_a_held_task_stays_held_on_its_way_through_another_branch(
    here: Side, remote: Repo, clone: Callable[..., Repo]
) -> None:
    other = Side(clone("other"))
    other.repo.write("README.md", "theirs\n")
    healthy(other.sync())
    here.repo.write("README.md", "ours\n")
    assert here.sync().state == "conflict"
    here.repo.git("branch", "-qf", "side", "main")
    here.repo.git("push", "-q", "origin", "main:side")
    switched(here, "side")
    before = remote.tree("side")
    here.pushback["conflict_strategy"] = "take_local"
    for _ in range(2):
        assert here.task(here.sync(), "README.md").push_status != "completed"
    here.pushback["conflict_strategy"] = "fail"
    assert remote.tree("side") == before
    assert here.repo.read("README.md") == "ours\n"
    switched(here, "main")
    assert here.sync().state == "conflict"
    assert (here.repo.read("README.md"), remote.tree("main")["README.md"]) == ("ours\n", b"theirs\n")


def test_there_and_back_it_is_what_it_was(here: Side, remote: Repo) -> None:
    here.pushback["auto_push"] = False
    here.repo.write("README.md", "for main\n")
    here.sync()
    switched(here, "side")
    here.sync()
    switched(here, "main")
    here.pushback["auto_push"] = True
    healthy(here.sync())
    assert remote.tree("main")["README.md"] == b"for main\n"
    assert remote.tree("side")["README.md"] != b"for main\n"
