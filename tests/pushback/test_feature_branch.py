"""Under `feature_branch` each change goes to its own branch for review, and home by the tracked one; real git."""

from __future__ import annotations

import pytest

from gitferry.pushback import operations
from gitferry.pushback.ground import opened
from gitferry.pushback.outcome import Answer, Outcome, PushStatus, State, Strategy, Take
from gitferry.pushback.review_prune import prune
from gitferry.pushback.survey import glance, survey
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.reviewing import BASE, BRANCH, FILES, FIXED, NAME, OFFERS, OTHER, OURS, at_review, branches
from gitferry.tests.repo import Repo

MORE = OURS.replace("line 6\n", "and more\n")
THEIRS = BASE.replace("line 11\n", "theirs\n")


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


def status(b: Side, outcome: Outcome, name: str = NAME) -> PushStatus:
    return b.task(outcome, name).push_status


def quiet(b: Side, remote: Repo) -> None:
    """Assert that another crossing changes nothing, and that both repositories are sound."""
    before = (b.repo.refs(), remote.refs(), b.repo.staged(), b.repo.worktree())
    b.sync()
    assert (b.repo.refs(), remote.refs(), b.repo.staged(), b.repo.worktree()) == before
    b.repo.fsck()
    remote.fsck()


def squash(a: Side, branch: str = BRANCH) -> None:
    """Squash-merge a review branch into the tracked one, as a forge does."""
    a.repo.fetch()
    a.repo.pull("-q", "--ff-only")
    a.repo.git("merge", "-q", "--squash", f"origin/{branch}")
    a.repo.commit("Squashed")
    a.repo.push("-q")


class TestGoing:
    """The way to review."""

    def test_an_edit_is_one_commit_on_a_branch_of_its_own(self, b: Side, remote: Repo) -> None:
        main = remote.tip("main")
        b.repo.write(NAME, OURS)
        outcome = healthy(b.sync())
        assert status(b, outcome) is PushStatus.IN_REVIEW
        assert b.task(outcome, NAME).commit == remote.tip(BRANCH)
        assert (outcome.pending, outcome.conflicts) == (0, 0)
        assert remote.tip("main") == main == b.repo.head
        assert (remote.parents(BRANCH), remote.changed(BRANCH)) == ([main], [NAME])
        assert remote.tree(BRANCH)[NAME] == OURS.encode()
        assert b.repo.status() == f" M {NAME}"
        quiet(b, remote)

    def test_later_edits_append(self, reviewed: Side, remote: Repo) -> None:
        first = remote.tip(BRANCH)
        reviewed.repo.write(NAME, MORE)
        assert status(reviewed, healthy(reviewed.save(NAME))) is PushStatus.IN_REVIEW
        assert remote.parents(BRANCH) == [first]
        assert remote.tree(BRANCH)[NAME] == MORE.encode()
        assert set(branches(remote)) == {BRANCH}
        quiet(reviewed, remote)

    def test_each_task_has_its_own(self, b: Side, remote: Repo) -> None:
        b.repo.write_all({NAME: OURS, OTHER: MORE, "new.md": "new\n"})
        outcome = healthy(b.sync())
        assert set(branches(remote)) == {BRANCH, "gitferry/b/other.md", "gitferry/b/new.md"}
        assert set(b.statuses(outcome).values()) == {PushStatus.IN_REVIEW}
        assert remote.changed("gitferry/b/new.md") == ["new.md"]
        quiet(b, remote)

    def test_a_deletion_goes_too(self, b: Side, remote: Repo) -> None:
        b.repo.delete(OTHER)
        assert status(b, healthy(b.sync()), OTHER) is PushStatus.IN_REVIEW
        assert OTHER not in remote.tree("gitferry/b/other.md") and OTHER in remote.tree("main")
        quiet(b, remote)
        assert not b.repo.exists(OTHER)

    def test_a_rename_of_a_task_is_one_review(self, b: Side, remote: Repo) -> None:
        b.repo.git("mv", OTHER, "moved.md")
        b.repo.git("reset", "-q")
        healthy(b.sync())
        assert len(branches(remote)) == 1
        (branch,) = branches(remote)
        assert sorted(remote.changed(branch)) == ["moved.md", OTHER]
        quiet(b, remote)

    def test_the_users_own_commits_stay_here(self, b: Side, remote: Repo) -> None:
        main = remote.tip("main")
        b.repo.write(NAME, OURS)
        own = b.repo.commit("By hand")
        outcome = b.sync()
        assert status(b, outcome) is PushStatus.IN_REVIEW
        assert remote.tip("main") == main and b.repo.head == own
        assert (remote.parents(BRANCH), remote.tree(BRANCH)[NAME]) == ([main], OURS.encode())
        quiet(b, remote)

    def test_with_the_users_commit_and_news_the_repository_waits(self, a: Side, b: Side, remote: Repo) -> None:
        b.repo.write(NAME, OURS)
        b.repo.commit("By hand")
        a.repo.write(OTHER, MORE)
        healthy(a.sync())
        outcome = b.sync()
        assert outcome.state is State.WAITING and "git pull --rebase" in (outcome.hint or "")
        assert b.repo.read(NAME) == OURS
        b.repo.pull("-q", "--rebase")
        assert status(b, b.sync()) is PushStatus.IN_REVIEW
        assert remote.tree(BRANCH)[NAME] == OURS.encode()

    def test_survey_and_glance_say_the_same(self, reviewed: Side) -> None:
        states = {task.path: task for task in survey(reviewed.settings, host=reviewed.host)}
        assert states[NAME].push_status is PushStatus.IN_REVIEW and not states[NAME].in_conflict
        glanced = glance(reviewed.settings, host=reviewed.host)
        assert status(reviewed, glanced) is PushStatus.IN_REVIEW and glanced.conflicts == 0

    def test_auto_push_false_waits_for_a_word(self, b: Side, remote: Repo) -> None:
        b.pushback["auto_push"] = False
        b.repo.write(NAME, OURS)
        outcome = healthy(b.sync())
        assert (status(b, outcome), set(branches(remote))) == (PushStatus.PENDING, set())
        state = b.task(outcome, NAME)
        outcome = healthy(b.sync(tasks=frozenset({state.id}), by_hand=True))
        assert (status(b, outcome), set(branches(remote))) == (PushStatus.IN_REVIEW, {BRANCH})
        quiet(b, remote)
        assert status(b, healthy(b.sync())) is PushStatus.IN_REVIEW


class TestLanding:
    """The way home."""

    def test_merged(self, a: Side, reviewed: Side, remote: Repo) -> None:
        a.repo.fetch()
        a.repo.git("merge", "-q", "--no-ff", "-m", "merge", f"origin/{BRANCH}")
        a.repo.push("-q")
        outcome = healthy(reviewed.sync())
        assert status(reviewed, outcome) is PushStatus.COMPLETED
        assert any(BRANCH in note and "push prune" in note for note in outcome.notes)
        assert (reviewed.repo.head, reviewed.repo.status()) == (remote.tip("main"), "")
        assert BRANCH in branches(remote)  # offered, not taken
        quiet(reviewed, remote)

    @pytest.mark.parametrize("deleted", [False, True], ids=["branch stays", "branch deleted"])
    def test_squashed(self, a: Side, reviewed: Side, remote: Repo, deleted: bool) -> None:
        squash(a)
        if deleted:
            remote.git("update-ref", "-d", f"refs/heads/{BRANCH}")
        outcome = healthy(reviewed.sync())
        assert status(reviewed, outcome) is PushStatus.COMPLETED
        assert (reviewed.repo.head, reviewed.repo.status()) == (remote.tip("main"), "")
        quiet(reviewed, remote)

    def test_picked_beside_another_change_of_the_task(self, a: Side, reviewed: Side, remote: Repo) -> None:
        a.repo.write(NAME, THEIRS)
        healthy(a.sync())
        a.repo.fetch()
        a.repo.git("cherry-pick", f"origin/{BRANCH}")
        a.repo.push("-q")
        outcome = healthy(reviewed.sync())
        assert status(reviewed, outcome) is PushStatus.COMPLETED
        assert reviewed.repo.read(NAME) == OURS.replace("line 11\n", "theirs\n")
        assert any("is merged" in note for note in outcome.notes)
        quiet(reviewed, remote)

    def test_edited_on_while_it_was_squashed(self, a: Side, reviewed: Side, remote: Repo) -> None:
        squash(a)
        reviewed.repo.write(NAME, OURS.replace("ours\n", "ours, and further\n"))  # the very line that was reviewed
        outcome = healthy(reviewed.sync())
        assert status(reviewed, outcome) is PushStatus.IN_REVIEW
        new = f"{BRANCH}-2"
        assert set(branches(remote)) == {BRANCH, new}
        assert remote.parents(new) == [remote.tip("main")]
        assert reviewed.repo.read(NAME) == OURS.replace("ours\n", "ours, and further\n")
        quiet(reviewed, remote)

    def test_the_next_edit_goes_to_a_new_branch(self, a: Side, reviewed: Side, remote: Repo) -> None:
        squash(a)
        healthy(reviewed.sync())
        reviewed.repo.write(NAME, MORE)
        healthy(reviewed.sync())
        assert remote.changed(f"{BRANCH}-2") == [NAME]
        assert remote.parents(f"{BRANCH}-2") == [remote.tip("main")]

    def test_others_changes_come_in_while_it_is_in_review(self, a: Side, reviewed: Side, remote: Repo) -> None:
        a.repo.write(OTHER, MORE)
        healthy(a.sync())
        outcome = healthy(reviewed.sync())
        assert reviewed.repo.read(OTHER) == MORE and reviewed.repo.read(NAME) == OURS
        assert reviewed.repo.head == remote.tip("main")
        assert status(reviewed, outcome) is PushStatus.IN_REVIEW
        quiet(reviewed, remote)

    def test_anothers_change_of_the_task_is_merged_here_and_there(self, a: Side, reviewed: Side, remote: Repo) -> None:
        a.repo.write(NAME, THEIRS)
        healthy(a.sync())
        outcome = healthy(reviewed.sync())
        both = OURS.replace("line 11\n", "theirs\n")
        assert reviewed.repo.read(NAME) == both == remote.tree(BRANCH)[NAME].decode()
        assert remote.tree("main")[NAME] == THEIRS.encode()
        assert status(reviewed, outcome) is PushStatus.IN_REVIEW
        assert set(remote.parents(BRANCH)) >= {remote.tip("main")}  # or a forge would find both changed
        quiet(reviewed, remote)
        squash(a)
        assert status(reviewed, healthy(reviewed.sync())) is PushStatus.COMPLETED

    def test_anothers_change_of_the_same_line_is_a_conflict(self, a: Side, reviewed: Side, remote: Repo) -> None:
        sent = remote.tip(BRANCH)
        a.repo.write(NAME, BASE.replace("line 1\n", "theirs\n"))
        healthy(a.sync())
        outcome = reviewed.sync()
        assert (status(reviewed, outcome), outcome.state) == (PushStatus.CONFLICT, State.CONFLICT)
        assert reviewed.repo.read(NAME) == OURS and remote.tip(BRANCH) == sent
        state = reviewed.task(outcome, NAME)
        assert state.version_seen is not None
        outcome = healthy(reviewed.sync(answers={state.id: Answer(Take.LOCAL, state.version_seen)}, by_hand=True))
        assert status(reviewed, outcome) is PushStatus.IN_REVIEW
        assert remote.tree(BRANCH)[NAME] == OURS.encode()
        assert remote.parents(BRANCH) == [sent, remote.tip("main")]
        assert remote.tree("main")[NAME] != OURS.encode()
        quiet(reviewed, remote)
        squash(a)
        assert status(reviewed, healthy(reviewed.sync())) is PushStatus.COMPLETED

    def test_taking_theirs_withdraws_ours(self, a: Side, reviewed: Side, remote: Repo) -> None:
        theirs = BASE.replace("line 1\n", "theirs\n")
        a.repo.write(NAME, theirs)
        healthy(a.sync())
        state = reviewed.task(reviewed.sync(), NAME)
        assert state.version_seen is not None
        healthy(reviewed.sync(answers={state.id: Answer(Take.REMOTE, state.version_seen)}, by_hand=True))
        assert reviewed.repo.read(NAME) == theirs and reviewed.repo.status() == ""
        quiet(reviewed, remote)


class TestReviewers:
    """Commits that others put on a review branch."""

    def test_a_fix_up_comes_here(self, a: Side, reviewed: Side, remote: Repo) -> None:
        fix = at_review(a, NAME, FIXED)
        outcome = healthy(reviewed.sync())
        assert reviewed.repo.read(NAME) == FIXED
        assert status(reviewed, outcome) is PushStatus.IN_REVIEW
        assert remote.tip(BRANCH) == fix
        assert reviewed.repo.head == remote.tip("main")
        quiet(reviewed, remote)
        squash(a)
        assert status(reviewed, healthy(reviewed.sync())) is PushStatus.COMPLETED

    def test_a_fix_up_and_an_edit_are_merged(self, a: Side, reviewed: Side, remote: Repo) -> None:
        fix = at_review(a, NAME, FIXED)
        reviewed.repo.write(NAME, MORE)
        healthy(reviewed.sync())
        both = MORE.replace("line 9\n", "a reviewer's\n")
        assert reviewed.repo.read(NAME) == both == remote.tree(BRANCH)[NAME].decode()
        assert remote.parents(BRANCH) == [fix]
        quiet(reviewed, remote)

    def test_a_fix_up_that_meets_an_open_file_comes_later(self, a: Side, reviewed: Side, remote: Repo) -> None:
        fix = at_review(a, NAME, FIXED)
        with reviewed.repo.path(NAME).open("r+") as file:
            outcome = reviewed.sync()
            assert "open" in (reviewed.task(outcome, NAME).reason or "")
            file.write(MORE)
        healthy(reviewed.sync())
        both = MORE.replace("line 9\n", "a reviewer's\n")
        assert reviewed.repo.read(NAME) == both == remote.tree(BRANCH)[NAME].decode()
        assert remote.parents(BRANCH) == [fix]
        quiet(reviewed, remote)

    def test_a_fix_up_of_the_line_edited_here_waits_for_a_word(self, a: Side, reviewed: Side, remote: Repo) -> None:
        fix = at_review(a, NAME, OURS.replace("ours\n", "better\n"))
        mine = OURS.replace("ours\n", "mine\n")
        reviewed.repo.write(NAME, mine)
        outcome = reviewed.sync()
        assert status(reviewed, outcome) is PushStatus.PENDING
        assert "review branch" in (reviewed.task(outcome, NAME).reason or "")
        assert reviewed.repo.read(NAME) == mine and remote.tip(BRANCH) == fix
        state = reviewed.task(outcome, NAME)
        asked = {"tasks": frozenset({state.id}), "by_hand": True}
        healthy(reviewed.sync(strategies={state.id: Strategy.TAKE_LOCAL}, **asked))
        assert remote.tree(BRANCH)[NAME] == mine.encode() and remote.parents(BRANCH) == [fix]
        quiet(reviewed, remote)

    def test_the_reviewers_can_be_taken(self, a: Side, reviewed: Side, remote: Repo) -> None:
        better = OURS.replace("ours\n", "better\n")
        fix = at_review(a, NAME, better)
        reviewed.repo.write(NAME, OURS.replace("ours\n", "mine\n"))
        state = reviewed.task(reviewed.sync(), NAME)
        asked = {"tasks": frozenset({state.id}), "by_hand": True}
        healthy(reviewed.sync(strategies={state.id: Strategy.TAKE_REMOTE}, **asked))
        assert reviewed.repo.read(NAME) == better and remote.tip(BRANCH) == fix
        quiet(reviewed, remote)

    def test_a_rewritten_branch_is_left_alone(self, a: Side, reviewed: Side, remote: Repo) -> None:
        a.repo.fetch()
        a.repo.git("switch", "-q", "--detach", "main")
        a.repo.write(NAME, FIXED)
        other = a.repo.commit("Another story")
        a.repo.push("-f", "origin", f"HEAD:refs/heads/{BRANCH}")
        reviewed.repo.write(NAME, MORE)
        outcome = reviewed.sync()
        assert "rewritten" in (reviewed.task(outcome, NAME).reason or "")
        assert remote.tip(BRANCH) == other and reviewed.repo.read(NAME) == MORE
        quiet(reviewed, remote)


class TestEnding:
    """A branch that nobody needs any more."""

    def test_back_at_the_tracked_branchs_content_it_is_withdrawn(self, reviewed: Side, remote: Repo) -> None:
        sent = remote.tip(BRANCH)
        reviewed.repo.write(NAME, BASE)
        outcome = healthy(reviewed.sync())
        assert remote.parents(BRANCH) == [sent]
        assert remote.tree(BRANCH) == remote.tree("main")
        assert outcome.operation is not None
        quiet(reviewed, remote)
        assert reviewed.repo.status() == ""

    def test_a_pull_withdraws_nothing(self, reviewed: Side, remote: Repo) -> None:
        sent = remote.tip(BRANCH)
        reviewed.repo.write(NAME, BASE)
        reviewed.sync(push=False)
        assert remote.tip(BRANCH) == sent
        reviewed.sync()
        assert remote.parents(BRANCH) == [sent]

    def test_deleted_unmerged_the_task_is_pending_again(self, reviewed: Side, remote: Repo) -> None:
        remote.git("update-ref", "-d", f"refs/heads/{BRANCH}")
        for _ in range(2):
            outcome = healthy(reviewed.sync())
            assert status(reviewed, outcome) is PushStatus.PENDING
            assert "deleted" in (reviewed.task(outcome, NAME).reason or "")
            assert set(branches(remote)) == set() and reviewed.repo.read(NAME) == OURS
        quiet(reviewed, remote)

    def test_an_edit_takes_a_deleted_one_to_a_new_branch(self, reviewed: Side, remote: Repo) -> None:
        remote.git("update-ref", "-d", f"refs/heads/{BRANCH}")
        healthy(reviewed.sync())
        reviewed.repo.write(NAME, MORE)
        assert status(reviewed, healthy(reviewed.sync())) is PushStatus.IN_REVIEW
        assert set(branches(remote)) == {f"{BRANCH}-2"}

    def test_so_does_a_push_by_hand(self, reviewed: Side, remote: Repo) -> None:
        remote.git("update-ref", "-d", f"refs/heads/{BRANCH}")
        state = reviewed.task(healthy(reviewed.sync()), NAME)
        outcome = healthy(reviewed.sync(tasks=frozenset({state.id}), by_hand=True))
        assert status(reviewed, outcome) is PushStatus.IN_REVIEW
        assert set(branches(remote)) == {f"{BRANCH}-2"}
        healthy(reviewed.sync())
        quiet(reviewed, remote)

    def test_many_deletions_wait_once(self, b: Side, remote: Repo) -> None:
        for path in [path for path in b.repo.tree() if path != NAME]:
            b.repo.delete(path)
        outcome = b.sync(all_tasks=True, by_hand=True)
        assert set(b.statuses(outcome).values()) == {PushStatus.IN_REVIEW}
        assert set(b.statuses(b.sync()).values()) == {PushStatus.IN_REVIEW}


@pytest.mark.parametrize(
    "point",
    ["review.before", "review.sent", "record.saved", "checkout.partial", "ref.before_cas", "ref.after_cas"],
)
@pytest.mark.parametrize("story", ["first", "fix-up", "merge", "withdraw"])
def test_a_kill_loses_nothing(a: Side, reviewed: Side, remote: Repo, point: str, story: str) -> None:
    mine = {"first": MORE, "fix-up": OURS, "merge": OURS, "withdraw": BASE}[story]
    reviewed.repo.write(NAME, mine)
    if story == "fix-up":
        at_review(a, NAME, FIXED)
    if story == "merge":
        a.repo.write(NAME, THEIRS)
        healthy(a.sync())
    killed_at(reviewed, point)
    healthy(reviewed.sync())
    wanted = {"first": MORE, "fix-up": FIXED, "merge": OURS.replace("line 11\n", "theirs\n"), "withdraw": BASE}[story]
    assert reviewed.repo.read(NAME) == wanted
    assert remote.tree(BRANCH)[NAME] == wanted.encode()
    assert set(branches(remote)) == {BRANCH}
    quiet(reviewed, remote)


@pytest.mark.parametrize("first", [True, False], ids=["first push", "later push"])
@pytest.mark.parametrize("edited_on", [True, False], ids=["edited on", "left alone"])
def test_a_reviewer_goes_on_from_a_push_that_was_killed_before_we_knew_of_it(
    a: Side, b: Side, remote: Repo, first: bool, edited_on: bool
) -> None:
    if not first:
        b.repo.write(NAME, BASE.replace("line 3\n", "earlier\n"))
        healthy(b.sync())
    b.repo.write(NAME, OURS)
    killed_at(b, "review.sent")
    sent = remote.tip(BRANCH)
    fixed = at_review(a, NAME, FIXED)
    if edited_on:
        b.repo.write(NAME, MORE)
    for _ in range(3):
        healthy(b.sync())
    wanted = FIXED.replace("line 6\n", "and more\n") if edited_on else FIXED
    assert b.repo.read(NAME) == wanted
    assert set(branches(remote)) == {BRANCH}
    assert remote.tree(BRANCH)[NAME] == wanted.encode()
    assert fixed in remote.commits(BRANCH)
    with opened(b.settings, b.host) as ground:
        assert sent in {commit for known in operations.read_all(ground.objects) for commit in known.operation.commits}
    quiet(b, remote)


PART = {"tasks/one/task.yaml": "name: one\n", "tasks/one/main.txt": BASE}


@pytest.mark.parametrize("point", ["review.before", "review.sent"])
def test_what_a_killed_first_push_added_goes_again_where_it_is_deleted(b: Side, remote: Repo, point: str) -> None:
    b.repo.write_all({NAME: OURS, **PART})
    killed_at(b, point, 2)
    b.repo.delete("tasks/one/main.txt")
    healthy(b.sync())
    assert "tasks/one/main.txt" not in remote.tree("gitferry/b/tasks-one")
    quiet(b, remote)


@pytest.mark.parametrize("point", ["review.before", "review.sent"])
def test_a_killed_first_push_is_withdrawn_where_its_change_is_taken_back(b: Side, remote: Repo, point: str) -> None:
    b.repo.write(NAME, OURS)
    killed_at(b, point)
    b.repo.write(NAME, BASE)
    healthy(b.sync())
    assert set(branches(remote)) == ({BRANCH} if point == "review.sent" else set())
    assert all(remote.tree(branch) == remote.tree("main") for branch in branches(remote))
    assert all(each.kept is None for each in prune(b.settings, host=b.host))
    healthy(b.sync())
    assert set(branches(remote)) == set()
    quiet(b, remote)
    assert b.repo.refs("refs/gitferry/review/") == {}
