"""What `git stash` leaves of a change, its new files, is no edit of the change that it put away."""

from __future__ import annotations

import pytest

from gitferry.pushback.outcome import Outcome
from gitferry.tests.pushback.adversary import TASK, both_have
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.reviewing import branches
from gitferry.tests.repo import Repo

STRATEGIES = ["fail", "take_local", "take_remote", "merge", "create_pr"]
MINE, NEW = "mine\n", "t/new"


@pytest.fixture(params=STRATEGIES)
def changed(here: Side, there: Side, request: pytest.FixtureRequest) -> Side:
    """A clone with an edit of a task's file, and a new file in it."""
    both_have(here, there)
    here.pushback["conflict_strategy"] = request.param
    here.repo.write_all({"t/p": MINE, NEW: MINE})
    return here


def lands(side: Side, remote: Repo, outcome: Outcome) -> None:
    """Assert that the change stands on both sides, whole, and the stash where it was."""
    healthy(outcome)
    assert {path: remote.tree("main")[path].decode() for path in (*TASK, NEW)} == {**TASK, "t/p": MINE, NEW: MINE}
    assert side.repo.worktree() == remote.tree("main")
    assert side.repo.git("show", "stash@{0}:t/p") + "\n" == MINE


@pytest.mark.parametrize("how", ["merge", "squash"])
def test_after_a_review_that_landed(changed: Side, there: Side, remote: Repo, how: str) -> None:
    changed.pushback["branch_strategy"] = "feature_branch"
    healthy(changed.sync())
    (branch,) = branches(remote)
    changed.repo.git("stash")
    assert changed.repo.exists(NEW)
    there.repo.fetch()
    there.repo.git("merge", "-q", f"--{how}" if how == "squash" else "--no-ff", f"origin/{branch}")
    there.repo.commit("landed", allow_empty=True)
    there.repo.push("-q")
    lands(changed, remote, changed.sync())
    assert set(branches(remote)) == {branch}


def test_after_a_push_that_arrived_and_whose_crossing_died(changed: Side, remote: Repo) -> None:
    assert killed_at(changed, "push.acked_before_db") is None
    changed.repo.git("stash")
    lands(changed, remote, changed.sync())


def test_what_was_set_back_by_hand_is_an_edit(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    here.repo.write_all({"t/p": MINE, NEW: MINE})
    assert killed_at(here, "push.acked_before_db") is None
    here.repo.write("t/p", TASK["t/p"])
    healthy(here.sync())
    assert remote.tree("main")["t/p"].decode() == TASK["t/p"]
