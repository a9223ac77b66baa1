"""Of two tasks in review together the user takes the remote's side of one: what they edit then was made of that."""

from __future__ import annotations

import pytest

from gitferry.pushback.outcome import PushStatus
from gitferry.tests.pushback.adversary import both_have
from gitferry.tests.pushback.kit import Side, healthy
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
