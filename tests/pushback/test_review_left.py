"""Of two tasks in review together the user takes the remote's side of one: what they edit then was made of that."""

from __future__ import annotations

import pytest

from gitferry.pushback.outcome import PushStatus
from gitferry.tests.pushback.adversary import both_have
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.reviewing import at_review
from gitferry.tests.repo import Repo

NOTES = "".join(f"note {number}\n" for number in range(20))
OURS, LATER = NOTES + "ours\n", NOTES + "an edit of theirs\n"


@pytest.fixture
def moved(here: Side, there: Side) -> Side:
    """A clone whose edit of a file that the remote has moved is in review, both names of it."""
    both_have(here, there, {"notes.md": NOTES})
    here.pushback["conflict_strategy"] = "create_pr"
    there.repo.path("notes.md").rename(there.repo.path("new.md"))
    healthy(there.sync())
    here.repo.write("notes.md", OURS)
    statuses = here.statuses(here.sync())
    assert statuses == {"notes.md": PushStatus.IN_REVIEW, "new.md": PushStatus.IN_REVIEW}
    return here


def remove_reviews(remote: Repo) -> None:
    """Delete all review branches at the remote."""
    for ref in remote.refs("refs/heads/gitferry/"):
        remote.git("update-ref", "-d", ref)


def test_an_edit_of_what_was_taken_does_not_undo_its_deletion(moved: Side, there: Side, remote: Repo) -> None:
    moved.repo.write("new.md", NOTES)  # theirs
    assert moved.statuses(moved.sync())["new.md"] is PushStatus.COMPLETED
    remove_reviews(remote)
    there.repo.path("new.md").rename(there.repo.path("notes.md"))
    healthy(there.sync())
    moved.repo.write("new.md", LATER)
    for _ in range(3):
        outcome = moved.sync()
        assert moved.task(outcome, "new.md").push_status is PushStatus.CONFLICT
        assert moved.task(outcome, "notes.md").push_status is PushStatus.PENDING, "there is no branch any more"
    assert "new.md" not in remote.tree("main")
    assert moved.repo.read("new.md") == LATER


def test_who_comes_back_to_their_side_is_in_review_again(moved: Side, remote: Repo) -> None:
    moved.repo.write("new.md", NOTES)
    moved.sync()
    moved.repo.delete("new.md")
    statuses = moved.statuses(moved.sync())
    assert statuses == {"notes.md": PushStatus.IN_REVIEW, "new.md": PushStatus.IN_REVIEW}
    (branch,) = (ref.removeprefix("refs/heads/") for ref in remote.refs("refs/heads/gitferry/"))
    remote.git("update-ref", "refs/heads/main", branch)
    healthy(moved.sync())
    assert remote.tree("main").get("new.md") is None
    assert moved.repo.read("notes.md") == OURS
    assert moved.repo.status() == ""


def test_the_other_task_lands_without_it(moved: Side, there: Side, remote: Repo) -> None:
    moved.repo.write("new.md", NOTES)
    moved.sync()
    there.repo.write("notes.md", OURS)
    healthy(there.sync())
    outcome = healthy(moved.sync())
    assert {status for status in moved.statuses(outcome).values()} <= {PushStatus.COMPLETED, PushStatus.NOT_REQUIRED}
    assert moved.repo.worktree().keys() >= {"notes.md", "new.md"}
    moved.repo.write("new.md", LATER)
    healthy(moved.sync())
    assert remote.tree("main")["new.md"] == LATER.encode()


def test_the_branch_does_not_show_any_longer_what_was_taken_back(here: Side, remote: Repo) -> None:
    here.repo.write("list.txt", NOTES)
    healthy(here.sync())
    here.pushback["branch_strategy"] = "feature_branch"
    here.repo.path("list.txt").rename(here.repo.path("moved.txt"))
    here.sync()
    here.repo.path("moved.txt").rename(here.repo.path("list.txt"))
    here.repo.write("list.txt", OURS)
    assert here.statuses(here.sync())["list.txt"] is PushStatus.IN_REVIEW
    (branch,) = remote.refs("refs/heads/gitferry/")
    assert "moved.txt" not in remote.tree(branch)
    assert remote.tree(branch)["list.txt"] == OURS.encode()


def test_giving_that_up_the_branch_takes_nothing_of_the_tracked_one_away(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"list.txt": NOTES})
    here.pushback["branch_strategy"] = "feature_branch"
    here.repo.path("list.txt").rename(here.repo.path("moved.txt"))
    here.sync()
    there.repo.write("moved.txt", "another one\n")
    healthy(there.sync())
    here.repo.path("moved.txt").rename(here.repo.path("list.txt"))
    here.repo.write("list.txt", OURS)
    assert here.statuses(here.sync())["list.txt"] is PushStatus.IN_REVIEW
    (branch,) = remote.refs("refs/heads/gitferry/")
    assert remote.tree(branch)["list.txt"] == OURS.encode()
    since = remote.commits(branch)[: -len(remote.commits("main"))]
    merged = [commit for commit in since if remote.tip("main") in remote.commits(commit)]
    assert all(remote.tree(commit).get("moved.txt") == b"another one\n" for commit in merged)


@pytest.fixture
def half_landed(here: Side, there: Side) -> Side:
    """A clone whose file's move is in review, of which somebody brought only the new name to the tracked branch."""
    both_have(here, there, {"list.txt": NOTES})
    here.pushback["branch_strategy"] = "feature_branch"
    here.repo.path("list.txt").rename(here.repo.path("moved.txt"))
    here.repo.write("moved.txt", OURS)
    here.sync()
    there.repo.write("moved.txt", OURS)
    healthy(there.sync())
    return here


@pytest.mark.parametrize("later", [OURS, f"{OURS}and more\n"])
def test_a_half_that_landed_is_not_taken_off_the_branch(
    half_landed: Side, there: Side, remote: Repo, later: str
) -> None:
    statuses = half_landed.statuses(half_landed.sync())
    assert statuses == {"list.txt": PushStatus.IN_REVIEW, "moved.txt": PushStatus.COMPLETED}
    there.repo.write("moved.txt", later)
    healthy(there.sync())
    half_landed.sync()
    half_landed.sync()
    (branch,) = remote.refs("refs/heads/gitferry/")
    assert remote.tree(branch).get("moved.txt") == OURS.encode(), "who rebases the branch would remove it from main"
    assert "list.txt" not in remote.tree(branch)


def test_what_a_reviewer_adds_to_a_half_that_landed_stays(half_landed: Side, there: Side, remote: Repo) -> None:
    (branch,) = remote.refs("refs/heads/gitferry/")
    at_review(there, "moved.txt", OURS + "a reviewer's\n", branch.removeprefix("refs/heads/"))
    half_landed.sync()
    half_landed.sync()
    assert remote.tree(branch)["moved.txt"].endswith(b"a reviewer's\n")
