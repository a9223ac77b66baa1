"""Under `approval: required` nothing travels without a person's word on just that change; over real repositories."""

from __future__ import annotations

import pytest

from gitferry.pushback import operations
from gitferry.pushback.outcome import Answer, Outcome, PushStatus, State, Take, Word
from gitferry.repos.objects import Objects
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

NAME, OTHER = "notes.md", "other.md"
BASE = "".join(f"line {number}\n" for number in range(9))
OURS = BASE.replace("line 1\n", "ours\n")
LATER = OURS.replace("line 4\n", "later\n")


@pytest.fixture
def shared() -> dict[str, str]:
    return {NAME: BASE, OTHER: BASE}


@pytest.fixture
def wishes() -> dict[str, str]:
    return {"approval": "required", "conflict_strategy": "merge"}


def word(b: Side, outcome: Outcome, *, name: str = NAME, granted: bool = True, by: str = "ann") -> Outcome:
    """Say a word on a task as an outcome showed it."""
    state = b.task(outcome, name)
    assert state.version_seen is not None
    return b.sync(words={state.id: Word(state.version_seen, by, granted)}, by_hand=True)


def edited(b: Side, text: str = OURS, name: str = NAME) -> Outcome:
    b.repo.write(name, text)
    return b.sync()


def awaits(b: Side, outcome: Outcome, remote: Repo, name: str = NAME) -> None:
    assert b.task(outcome, name).push_status is PushStatus.AWAITING_APPROVAL
    assert remote.tree("main")[name] == BASE.encode()
    assert (outcome.pending, outcome.state) == (1, State.HEALTHY)


def test_a_change_awaits_approval_and_goes_with_it(b: Side, remote: Repo) -> None:
    outcome = edited(b)
    awaits(b, outcome, remote)
    awaits(b, b.sync(), remote)
    outcome = healthy(word(b, outcome))
    assert b.task(outcome, NAME).push_status is PushStatus.COMPLETED
    assert remote.tree("main")[NAME] == OURS.encode()


def test_who_approved_is_recorded_in_git(b: Side) -> None:
    done = word(b, edited(b)).operation
    assert done is not None
    objects = Objects(b.repo.root / ".git")
    try:
        (change,) = operations.find(objects, done.id).operation.tasks
    finally:
        objects.close()
    assert (change.path, change.approved) == (NAME, "ann")


def test_a_push_by_hand_is_no_approval(b: Side, remote: Repo) -> None:
    outcome = edited(b)
    awaits(b, b.sync(tasks=frozenset({b.task(outcome, NAME).id}), by_hand=True), remote)
    awaits(b, b.sync(all_tasks=True, by_hand=True), remote)


def test_only_what_was_approved_goes(b: Side, remote: Repo) -> None:
    b.repo.write(OTHER, OURS)
    outcome = word(b, edited(b))
    assert remote.changed("main") == [NAME]
    assert b.task(outcome, OTHER).push_status is PushStatus.AWAITING_APPROVAL


def test_an_edit_after_the_look_is_not_approved(b: Side, remote: Repo) -> None:
    seen = edited(b)
    b.repo.write(NAME, LATER)
    awaits(b, word(b, seen), remote)
    awaits(b, b.sync(), remote)


def test_an_edit_after_the_approval_needs_another(b: Side, remote: Repo) -> None:
    word(b, edited(b))
    outcome = edited(b, LATER)
    assert b.task(outcome, NAME).push_status is PushStatus.AWAITING_APPROVAL
    assert remote.tree("main")[NAME] == OURS.encode()


def test_what_was_approved_offline_goes_later(b: Side, remote: Repo) -> None:
    seen = edited(b)
    away = remote.root.with_name("away.git")
    remote.root.rename(away)
    assert word(b, seen).error is not None
    away.rename(remote.root)
    # The remote was not reached, so nothing was planned: it is asked for again.
    awaits(b, b.sync(), remote)
    hook = remote.hook("pre-receive", "exit 1")
    assert word(b, seen).error is not None
    hook.unlink()
    healthy(b.sync())
    assert remote.tree("main")[NAME] == OURS.encode()


def test_rejected_it_stays_until_it_is_edited(b: Side, remote: Repo) -> None:
    outcome = word(b, edited(b), granted=False)
    for _ in range(2):
        state = b.task(outcome, NAME)
        assert state.push_status is PushStatus.FAILED and "rejected by ann" in (state.reason or "")
        assert b.repo.read(NAME) == OURS
        outcome = b.sync()
    awaits(b, edited(b, LATER), remote)


def test_a_rejection_can_be_taken_back(b: Side, remote: Repo) -> None:
    healthy(word(b, word(b, edited(b), granted=False)))
    assert remote.tree("main")[NAME] == OURS.encode()


def test_the_users_own_commits_await_it_too(b: Side, remote: Repo) -> None:
    b.repo.write(NAME, OURS)
    own = b.repo.commit("By hand")
    outcome = b.sync()
    awaits(b, outcome, remote)
    healthy(word(b, outcome))
    assert remote.tip("main") == own


def test_what_the_remote_changes_meanwhile_is_a_conflict_until_a_word(a: Side, b: Side, remote: Repo) -> None:
    edited(b)
    a.repo.write(NAME, BASE.replace("line 7\n", "theirs\n"))
    healthy(a.sync())
    outcome = b.sync()
    assert b.task(outcome, NAME).push_status is PushStatus.CONFLICT
    assert b.repo.read(NAME) == OURS
    healthy(word(b, outcome))
    assert remote.tree("main")[NAME] == OURS.replace("line 7\n", "theirs\n").encode()


def test_an_answer_to_a_conflict_is_no_approval(a: Side, b: Side, remote: Repo) -> None:
    edited(b)
    theirs = BASE.replace("line 1\n", "theirs\n")
    a.repo.write(NAME, theirs)
    healthy(a.sync())
    state = b.task(b.sync(), NAME)
    assert state.version_seen is not None
    answers = {state.id: Answer(Take.LOCAL, state.version_seen)}
    outcome = b.sync(answers=answers, by_hand=True)
    assert "approve" in (b.task(outcome, NAME).reason or "")
    assert remote.tree("main")[NAME] == theirs.encode()
    said = {state.id: Word(state.version_seen, "ann")}
    healthy(b.sync(answers=answers, words=said, by_hand=True))
    assert remote.tree("main")[NAME] == OURS.encode()


def test_a_review_branch_awaits_it_as_well(b: Side, remote: Repo) -> None:
    b.pushback["branch_strategy"] = "feature_branch"
    outcome = edited(b)
    awaits(b, outcome, remote)
    outcome = healthy(word(b, outcome))
    assert b.task(outcome, NAME).push_status is PushStatus.IN_REVIEW
    assert b.task(b.sync(), NAME).push_status is PushStatus.IN_REVIEW
    assert remote.tree("main")[NAME] == BASE.encode()
