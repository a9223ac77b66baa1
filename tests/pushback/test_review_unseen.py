"""What stands on one review branch cannot be fetched: its tasks wait, and all else goes on."""

from __future__ import annotations

from typing import Any

import pytest

from gitferry.pushback.outcome import Answer, PushStatus, Take
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.reviewing import BASE, BRANCH, FILES, NAME, OFFERS, OTHER, OURS, branches
from gitferry.tests.pushback.test_hostile_trees import Forger
from gitferry.tests.repo import Repo


@pytest.fixture
def shared() -> dict[str, str]:
    return FILES


@pytest.fixture
def wishes() -> dict[str, Any]:
    return OFFERS


@pytest.fixture
def reviewed(b: Side) -> Side:
    """`b`, whose one edit is in review."""
    b.repo.write(NAME, OURS)
    healthy(b.sync())
    return b


def spoil(remote: Repo, branch: str = BRANCH) -> str:
    """Put a tree that git refuses on top of a branch; return where that is."""
    forger = Forger(remote)
    tree = forger.tree(("100644", ".git", forger.blob(b"x")), ("100644", NAME, forger.blob(b"theirs\n")))
    commit = remote.git("commit-tree", tree, "-p", branch, "-m", "Malformed")
    remote.git("update-ref", f"refs/heads/{branch}", commit)
    return commit


def test_the_others_go_on_and_the_reason_is_told(a: Side, reviewed: Side, remote: Repo) -> None:
    before, spoilt = remote.tip(BRANCH), spoil(remote)
    a.repo.write(OTHER, BASE + "theirs\n")
    healthy(a.sync())
    reviewed.repo.write(NAME, OURS + "more\n")
    reviewed.repo.write("new.md", "new\n")
    told = healthy(reviewed.sync())
    assert any(BRANCH in note for note in told.notes)
    for outcome in (told, healthy(reviewed.sync()), healthy(reviewed.sync(by_hand=True))):
        waits = reviewed.task(outcome, NAME)
        assert waits.push_status is PushStatus.PENDING
        assert BRANCH in (waits.reason or "") and "could not be fetched" in (waits.reason or "")
        assert reviewed.task(outcome, "new.md").push_status is PushStatus.IN_REVIEW
        assert (reviewed.repo.read(NAME), reviewed.repo.read(OTHER)) == (OURS + "more\n", BASE + "theirs\n")
        assert remote.tip(BRANCH) == spoilt
    assert remote.tree("gitferry/b/new.md")["new.md"] == b"new\n"
    remote.git("update-ref", f"refs/heads/{BRANCH}", before)
    assert reviewed.task(healthy(reviewed.sync()), NAME).push_status is PushStatus.IN_REVIEW
    assert remote.tree(BRANCH)[NAME].decode() == OURS + "more\n"


def test_it_is_tried_again_when_somebody_asks(reviewed: Side, remote: Repo) -> None:
    spoil(remote)
    assert reviewed.sync().notes
    assert not reviewed.sync().notes
    reviewed.repo.git("config", "fetch.fsck.hasDotgit", "ignore")
    assert "could not be fetched" in (reviewed.task(reviewed.sync(), NAME).reason or "")
    healthy(reviewed.sync(by_hand=True))
    assert reviewed.repo.read(NAME) == "theirs\n"


def test_a_push_of_which_nobody_knows_whether_it_arrived_holds_no_other_up(reviewed: Side, remote: Repo) -> None:
    reviewed.repo.write(NAME, OURS + "more\n")
    assert killed_at(reviewed, "review.sent") is None
    spoilt = spoil(remote)
    reviewed.repo.write("new.md", "new\n")
    for _ in range(2):
        outcome = reviewed.sync()
        assert reviewed.task(outcome, "new.md").push_status is PushStatus.IN_REVIEW
        assert (remote.tip(BRANCH), reviewed.repo.read(NAME)) == (spoilt, OURS + "more\n")


def test_a_conflict_there_is_answered_all_the_same(a: Side, b: Side, remote: Repo) -> None:
    b.pushback |= {"branch_strategy": "main", "conflict_strategy": "create_pr"}
    a.repo.write(NAME, BASE.replace("line 1\n", "theirs\n"))
    healthy(a.sync())
    b.repo.write(NAME, OURS)
    b.sync()
    spoilt = spoil(remote)
    b.repo.write(OTHER, BASE + "more\n")
    told = b.sync()
    assert told.error is None
    assert remote.tree("main")[OTHER].decode() == BASE + "more\n"
    held = b.task(told, NAME)
    healthy(b.sync(answers={held.id: Answer(Take.LOCAL, held.version_seen or "")}))
    assert remote.tree("main")[NAME].decode() == OURS
    assert branches(remote)[BRANCH] == spoilt
