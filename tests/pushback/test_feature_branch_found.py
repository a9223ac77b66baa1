"""What was found in review branches, each as the shortest history that shows it; real git."""

from __future__ import annotations

import pytest

from gitferry.pushback.outcome import PushStatus, Word
from gitferry.pushback.review_prune import prune
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.reviewing import BASE, BRANCH, FILES, FIXED, NAME, OFFERS, OTHER, OURS, at_review, branches
from gitferry.tests.repo import Repo


@pytest.fixture
def shared() -> dict[str, str]:
    return FILES


@pytest.fixture
def wishes() -> dict[str, str]:
    return OFFERS


@pytest.fixture
def reviewed(b: Side) -> Side:
    """`b`, whose one edit is in review."""
    b.repo.write(NAME, OURS)
    healthy(b.sync())
    return b


def landed(a: Side, how: str, branch: str = BRANCH) -> None:
    """Take the review branch into the tracked one, and leave it where it is."""
    a.repo.fetch()
    if how == "merged":
        a.repo.git("merge", "-q", "--no-ff", "-m", "merge", f"origin/{branch}")
    else:
        a.repo.git("merge", "-q", "--squash", f"origin/{branch}")
        a.repo.commit("Squashed")
    a.repo.push("-q")


@pytest.mark.parametrize("how", ["merged", "squashed"])
def test_a_fix_up_that_landed_before_it_came_here_is_not_reverted(
    a: Side, reviewed: Side, remote: Repo, how: str
) -> None:
    at_review(a, NAME, FIXED)
    landed(a, how)
    healthy(reviewed.sync())
    assert reviewed.repo.read(NAME) == FIXED
    assert set(branches(remote)) == {BRANCH}


@pytest.mark.parametrize("how", ["merged", "squashed"])
def test_nor_is_one_to_what_took_another_tasks_place(a: Side, b: Side, remote: Repo, how: str) -> None:
    b.pushback["conflict_strategy"] = "create_pr"
    b.repo.delete(OTHER)
    b.repo.write(f"{OTHER}/list.md", OURS)
    healthy(b.sync())
    (branch,) = branches(remote)
    at_review(a, f"{OTHER}/list.md", FIXED, branch)
    landed(a, how, branch)
    healthy(b.sync())
    assert b.repo.read(f"{OTHER}/list.md") == FIXED
    assert set(branches(remote)) == {branch}


@pytest.mark.parametrize("how", ["merged", "squashed"])
def test_nor_is_it_where_the_task_was_edited_on(a: Side, reviewed: Side, remote: Repo, how: str) -> None:
    at_review(a, NAME, FIXED)
    landed(a, how)
    reviewed.repo.write(NAME, OURS.replace("line 5\n", "and more\n"))
    healthy(reviewed.sync())
    both = FIXED.replace("line 5\n", "and more\n")
    assert reviewed.repo.read(NAME) == both == remote.tree(f"{BRANCH}-2")[NAME].decode()


def test_what_waits_for_a_fix_up_keeps_the_tracked_branchs_change(a: Side, reviewed: Side, remote: Repo) -> None:
    at_review(a, NAME, OURS.replace("ours\n", "better\n"))
    a.repo.write(NAME, BASE.replace("line 11\n", "theirs\n"))
    healthy(a.sync())
    mine = OURS.replace("ours\n", "mine\n")
    reviewed.repo.write(NAME, mine)
    outcome = reviewed.sync()
    assert "review branch" in (reviewed.task(outcome, NAME).reason or "")
    reviewed.repo.write(NAME, mine.replace("mine\n", "better\n"))  # by hand as the reviewer has it
    healthy(reviewed.sync())
    both = OURS.replace("ours\n", "better\n").replace("line 11\n", "theirs\n")
    assert reviewed.repo.read(NAME) == both == remote.tree(BRANCH)[NAME].decode()


def test_a_pull_sends_nothing_to_review(a: Side, reviewed: Side, remote: Repo) -> None:
    a.repo.write(NAME, BASE.replace("line 11\n", "theirs\n"))
    healthy(a.sync())
    sent = remote.tip(BRANCH)
    reviewed.sync(push=False)
    assert remote.tip(BRANCH) == sent
    reviewed.sync()
    assert remote.tree(BRANCH)[NAME] == OURS.replace("line 11\n", "theirs\n").encode()


def test_a_withdrawal_leaves_what_others_did_beside_it(a: Side, reviewed: Side, remote: Repo) -> None:
    added = BASE.replace("line 3\n", "a reviewer's\n")
    at_review(a, OTHER, added)
    healthy(reviewed.sync())
    reviewed.repo.write(NAME, BASE)
    healthy(reviewed.sync())
    assert remote.tree(BRANCH)[OTHER] == added.encode()
    assert remote.tree(BRANCH)[NAME] == BASE.encode()
    assert [each.kept for each in prune(reviewed.settings, host=reviewed.host)] == ["it has changes of others"]
    assert remote.tree(BRANCH)[OTHER] == added.encode()


def test_a_merge_of_an_approved_change_awaits_approval_too(a: Side, b: Side, remote: Repo) -> None:
    b.pushback["approval"] = "required"
    b.repo.write(NAME, OURS)
    state = b.task(b.sync(), NAME)
    assert state.version_seen is not None
    healthy(b.sync(words={state.id: Word(state.version_seen, "ann")}, by_hand=True))
    sent = remote.tip(BRANCH)
    a.repo.write(NAME, BASE.replace("line 11\n", "theirs\n"))
    healthy(a.sync())
    b.sync()
    assert remote.tip(BRANCH) == sent


PARTS = {"tasks/one/task.yaml": "name: one\n", "tasks/one/main.txt": BASE, "tasks/one/extra.txt": "extra\n"}


def moved(b: Side) -> None:
    """Rename a task, and edit it at its new place."""
    b.repo.path("tasks/one").rename(b.repo.path("tasks/two"))
    b.repo.write("tasks/two/main.txt", OURS)


def test_a_fix_up_of_a_moved_task_is_not_reverted(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write_all(PARTS)
    healthy(a.sync())
    healthy(b.sync())
    moved(b)
    healthy(b.sync())
    (branch,) = branches(remote)
    a.repo.fetch()
    a.repo.git("switch", "-q", "--detach", f"origin/{branch}")
    a.repo.write("tasks/two/main.txt", FIXED)
    fix = a.repo.commit("A reviewer's fix-up")
    a.repo.push("origin", f"HEAD:refs/heads/{branch}")
    healthy(b.sync())
    assert remote.tip(branch) == fix
    assert b.repo.read("tasks/two/main.txt") == FIXED


def test_a_moved_task_in_review_deletes_no_edit_that_its_strategy_pulls(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write_all(PARTS)
    healthy(a.sync())
    b.pushback["conflict_strategy"] = "take_remote"
    healthy(b.sync())
    moved(b)
    theirs = BASE.replace("line 11\n", "theirs\n")
    a.repo.write("tasks/one/main.txt", theirs)
    healthy(a.sync())
    b.sync()
    for branch in branches(remote):
        assert remote.tree(branch)["tasks/one/main.txt"] == theirs.encode()


def test_what_stands_at_head_after_a_review_has_landed_takes_in_the_remote(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write(NAME, OURS)
    b.repo.commit("Mine")
    healthy(b.sync())
    a.repo.write(NAME, BASE.replace("line 9\n", "theirs\n"))
    healthy(a.sync())
    b.repo.git("reset", "-q", "--hard", "HEAD~1")
    b.repo.git("pull", "-q", "--rebase")
    landed(a, "merged")
    healthy(b.sync())
    assert b.repo.read(NAME) == OURS.replace("line 9\n", "theirs\n")
    assert set(branches(remote)) == {BRANCH}


def test_an_edit_of_what_stayed_behind_head_is_none_of_what_head_has(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write("own.md", "not like the others\n")
    b.repo.commit("Mine")
    healthy(b.sync())
    a.repo.write(NAME, BASE.replace("line 9\n", "theirs\n"))
    healthy(a.sync())
    assert "unpushed commit" in (b.sync().waiting_for or "")
    b.repo.write(NAME, OURS)
    b.repo.git("reset", "-q", "--mixed", "@{upstream}")
    outcome = b.sync()
    assert b.repo.read(NAME) == OURS
    assert BRANCH not in branches(remote)
    assert b.task(outcome, NAME).push_status is PushStatus.CONFLICT


def test_a_half_of_a_move_takes_in_nothing_that_was_done_to_the_other(a: Side, b: Side, remote: Repo) -> None:
    b.pushback["conflict_strategy"] = "fail"
    b.repo.path(OTHER).rename(b.repo.path("new.md"))
    healthy(b.sync())
    (branch,) = branches(remote)
    at_review(a, "new.md", FIXED, branch)
    a.repo.write("new.md", "somebody else's\n")
    healthy(a.sync())
    for _ in range(3):
        assert b.task(b.sync(), "new.md").push_status is PushStatus.CONFLICT
    b.repo.git("checkout", "-q", "--", "new.md")
    for _ in range(2):
        b.sync()
        assert remote.tree(branch)["new.md"].decode() == FIXED


def test_what_a_reviewer_wants_kept_of_a_move_and_is_kept_here_keeps_nothing_back(
    a: Side, b: Side, remote: Repo
) -> None:
    b.repo.path(OTHER).rename(b.repo.path("new.md"))
    healthy(b.sync())
    (branch,) = branches(remote)
    at_review(a, OTHER, BASE, branch)
    b.repo.git("checkout", "-q", "--", OTHER)
    b.repo.write("new.md", FIXED)
    healthy(b.sync())
    assert {name: remote.tree(branch)[name].decode() for name in (OTHER, "new.md")} == {OTHER: BASE, "new.md": FIXED}


@pytest.mark.parametrize("strategy", ["fail", "take_local"])
def test_what_came_back_from_a_review_of_a_conflict_goes_on_with_the_remote(
    a: Side, reviewed: Side, remote: Repo, strategy: str
) -> None:
    reviewed.pushback["conflict_strategy"] = "fail"
    a.repo.write(NAME, BASE.replace("line 1\n", "theirs\n"))
    healthy(a.sync())
    assert reviewed.task(reviewed.sync(), NAME).push_status is PushStatus.CONFLICT
    a.repo.fetch()
    a.repo.git("merge", "-q", "--no-ff", "-X", "theirs", "-m", "merge", f"origin/{BRANCH}")
    a.repo.push("-q")
    reviewed.repo.fetch()
    reviewed.repo.git("reset", "-q", "--mixed", "@{upstream}")
    assert reviewed.repo.status() == ""
    later = OURS.replace("ours\n", "ours, gone on\n")
    a.repo.write(NAME, later)
    healthy(a.sync())
    reviewed.pushback["conflict_strategy"] = strategy
    healthy(reviewed.sync())
    assert reviewed.repo.read(NAME) == later
    assert set(branches(remote)) == {BRANCH}


@pytest.mark.parametrize("ends", ["is merged", "is no longer needed"])
def test_what_others_did_beside_a_review_that_is_over_is_not_deleted(
    a: Side, reviewed: Side, remote: Repo, ends: str
) -> None:
    added = BASE.replace("line 3\n", "a reviewer's\n")
    at_review(a, OTHER, added)
    healthy(reviewed.sync())
    if ends == "is merged":
        a.repo.write(NAME, OURS)
        healthy(a.sync())
    else:
        reviewed.pushback["branch_strategy"] = "main"
    healthy(reviewed.sync())
    (over,) = prune(reviewed.settings, host=reviewed.host)
    assert (over.why, over.kept) == (ends, "it has changes of others")
    assert remote.tree(BRANCH)[OTHER] == added.encode()
    a.repo.write(OTHER, added)
    healthy(a.sync())
    healthy(reviewed.sync())
    (over,) = prune(reviewed.settings, host=reviewed.host)
    assert over.kept is None and branches(remote) == {}
