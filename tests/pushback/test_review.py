"""Our side of a conflict goes to a review branch, theirs stays: over real repositories, killed and refused too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType

import pytest

from gitferry.config.errors import GitferryError
from gitferry.pushback import operations, review
from gitferry.pushback.crossing import cross
from gitferry.pushback.host import Host
from gitferry.pushback.operations import Entered
from gitferry.pushback.outcome import Answer, Outcome, PushStatus, Request, Strategy, Take, TaskState
from gitferry.pushback.requests import ReviewRequest
from gitferry.pushback.survey import glance, survey
from gitferry.repos.objects import Objects
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.reviewing import branches
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]
Meanwhile = Callable[[ModuleType, str, Callable[[], object]], None]

NAME, BRANCH = "shared.md", "gitferry/b/shared.md"
REF = "refs/gitferry/review/gitferry%2Fb%2Fshared.md"
BASE = "".join(f"line {number}\n" for number in range(9))
OURS, THEIRS = BASE.replace("line 1\n", "from B\n"), BASE.replace("line 1\n", "from A\n")
OURS_FAR = BASE.replace("line 7\n", "from B\n")
LATER = OURS.replace("line 4\n", "and on\n")


@pytest.fixture
def shared() -> dict[str, str]:
    return {NAME: BASE}


@pytest.fixture
def wishes() -> dict[str, str]:
    return {"conflict_strategy": "create_pr"}


def both_change(a: Side, b: Side, ours: str = OURS) -> None:
    a.repo.write(NAME, THEIRS)
    healthy(a.sync())
    b.repo.write(NAME, ours)


@pytest.fixture
def reviewed(a: Side, b: Side) -> Side:
    """`b`, whose side of the one conflict is in review."""
    both_change(a, b)
    healthy(b.sync())
    return b


def task(b: Side, outcome: Outcome) -> TaskState:
    return b.task(outcome, NAME)


def operations_of(b: Side) -> list[Entered]:
    objects = Objects(b.repo.root / ".git")
    try:
        return [known for known in operations.read_all(objects) if known.operation.tasks[0].action == "review"]
    finally:
        objects.close()


def in_review(b: Side, remote: Repo, outcome: Outcome, ours: str = OURS, theirs: str = THEIRS) -> None:
    """Assert that ours is at the one review branch and here, theirs on the tracked branch, and that it stays so."""
    assert task(b, outcome).push_status is PushStatus.IN_REVIEW, task(b, outcome)
    assert BRANCH in (task(b, outcome).reason or "")
    assert set(branches(remote)) == {BRANCH}
    assert remote.tree(BRANCH)[NAME] == ours.encode()
    assert remote.tree("main")[NAME] == theirs.encode()
    assert b.repo.read(NAME) == ours
    assert b.repo.refs("refs/gitferry/review/") == {REF: remote.tip(BRANCH)}
    before = (b.repo.refs(), remote.refs(), b.repo.staged())
    healthy(b.sync())
    assert (b.repo.refs(), remote.refs(), b.repo.staged()) == before
    b.repo.fsck()
    remote.fsck()


def answer(b: Side, outcome: Outcome, take: Take) -> Outcome:
    """Resolve the one conflict as `gitferry resolve` does."""
    state = task(b, outcome)
    assert state.version_seen is not None
    return b.sync(answers={state.id: Answer(take, state.version_seen)}, by_hand=True, fetch=False)


class TestGoing:
    """What a task in review looks like on every side."""

    def test_ours_is_one_commit_on_the_upstream_tip(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        outcome = healthy(b.sync())
        assert outcome.conflicts == outcome.pending == 0
        assert remote.parents(BRANCH) == [remote.tip("main")]
        assert remote.changed(BRANCH) == [NAME]
        assert remote.log(BRANCH)[0] == "Update shared.md"
        assert b.repo.head == remote.tip("main")
        assert b.repo.status() == f" M {NAME}"
        in_review(b, remote, outcome)

    def test_it_comes_out_of_an_earlier_hold_too(self, a: Side, b: Side, remote: Repo) -> None:
        b.pushback["conflict_strategy"] = "fail"
        both_change(a, b)
        assert b.sync().state == "conflict"
        assert branches(remote) == {}
        b.pushback["conflict_strategy"] = "create_pr"
        in_review(b, remote, healthy(b.sync()))

    def test_the_log_tells_it(self, reviewed: Side, remote: Repo) -> None:
        (entered,) = operations_of(reviewed)
        (change,) = entered.operation.tasks
        assert (change.path, change.files) == (NAME, (NAME,))
        assert entered.operation.commits == (remote.tip(BRANCH),)
        assert entered.operation.upstream_before == entered.operation.upstream_after == remote.tip("main")
        assert not entered.operation.undoable

    def test_the_outcome_names_commit_and_operation(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        outcome = b.sync()
        assert task(b, outcome).commit == remote.tip(BRANCH)
        assert task(b, outcome).pull_request_url is None
        assert outcome.operation is not None and outcome.operation.tasks[0].action == "review"

    def test_syncing_on_changes_nothing_at_all(self, reviewed: Side, remote: Repo) -> None:
        def everything() -> tuple[object, ...]:
            counted = reviewed.repo.git("count-objects", "-v")
            return reviewed.repo.refs(), remote.refs(), reviewed.repo.staged(), counted, remote.git("count-objects")

        before = everything()
        for _ in range(3):
            assert task(reviewed, healthy(reviewed.sync())).push_status is PushStatus.IN_REVIEW
        healthy(reviewed.save(NAME))
        assert everything() == before

    def test_a_later_edit_is_appended(self, reviewed: Side, remote: Repo) -> None:
        first = remote.tip(BRANCH)
        reviewed.repo.write(NAME, LATER)
        outcome = healthy(reviewed.save(NAME))
        assert remote.parents(BRANCH) == [first]
        in_review(reviewed, remote, outcome, LATER)
        assert len(operations_of(reviewed)) == 2

    def test_what_else_was_edited_travels_as_ever(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        b.repo.write("other.md", "other\n")
        outcome = healthy(b.sync())
        assert remote.tree("main")["other.md"] == b"other\n"
        assert remote.parents(BRANCH) == [remote.tip("main")]
        assert remote.changed(BRANCH) == [NAME]
        assert {entered.operation.tasks[0].path for entered in operations_of(b)} == {NAME}
        in_review(b, remote, outcome)

    def test_a_whole_directory_goes(self, a: Side, b: Side, remote: Repo) -> None:
        a.repo.write("deep/task/metadata.json", '{"name": "deep"}\n')
        a.repo.write_all({"deep/task/one.md": "1\n", "deep/task/two.md": "2\n"})
        healthy(a.sync())
        healthy(b.sync())
        a.repo.write("deep/task/one.md", "from A\n")
        healthy(a.sync())
        b.repo.write("deep/task/one.md", "from B\n")
        b.repo.write("deep/task/new.md", "new\n")
        b.repo.delete("deep/task/two.md")
        outcome = healthy(b.sync())
        assert b.task(outcome, "deep/task").push_status is PushStatus.IN_REVIEW
        assert set(branches(remote)) == {"gitferry/b/deep-task"}
        ours = {path: data for path, data in remote.tree("gitferry/b/deep-task").items() if path.startswith("deep/")}
        assert ours == {path: data for path, data in b.repo.worktree().items() if path.startswith("deep/")}

    def test_a_deletion_goes_to_review(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        b.repo.delete(NAME)
        outcome = healthy(b.sync())
        assert task(b, outcome).push_status is PushStatus.IN_REVIEW
        assert NAME not in remote.tree(BRANCH)
        assert remote.tree("main")[NAME] == THEIRS.encode()
        assert not b.repo.exists(NAME)

    def test_the_users_own_commits_reach_review_and_nothing_else(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        b.repo.git("commit", "-qam", "mine")
        outcome = healthy(b.sync())
        assert remote.tree("main")[NAME] == THEIRS.encode()
        in_review(b, remote, outcome)

    def test_both_halves_of_a_rename_are_one_commit(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b, BASE)
        b.repo.git("mv", NAME, "moved.md")
        b.repo.git("reset", "-q")
        outcome = healthy(b.sync())
        assert set(b.statuses(outcome).values()) == {PushStatus.IN_REVIEW}
        (branch,) = branches(remote)
        assert remote.changed(branch) == ["moved.md", NAME]
        assert NAME not in remote.tree(branch) and remote.tree(branch)["moved.md"] == BASE.encode()
        assert NAME in remote.tree("main") and "moved.md" not in remote.tree("main")
        before = (b.repo.refs(), remote.refs())
        healthy(b.sync())
        assert (b.repo.refs(), remote.refs()) == before

    def test_tasks_of_one_slug_get_a_branch_each(self, a: Side, b: Side, remote: Repo) -> None:
        for side, words in ((a, "A\n"), (b, "B\n")):
            side.repo.write_all({"x/y.md": words, "x-y.md": words})
        healthy(a.sync())
        healthy(b.sync())
        assert set(branches(remote)) == {"gitferry/b/x-y.md", "gitferry/b/x-y.md-2"}
        assert sorted(remote.changed(branch) for branch in branches(remote)) == [["x-y.md"], ["x/y.md"]]

    def test_what_was_not_met_yet_is_not_called_reviewed(self, a: Side, b: Side) -> None:
        both_change(a, b)
        b.repo.fetch()
        assert "goes to a review branch" in (task(b, glance(b.settings, host=b.host)).reason or "")

    def test_the_survey_knows_what_is_in_review(self, reviewed: Side) -> None:
        states = {state.path: state for state in survey(reviewed.settings, host=reviewed.host)}
        assert states[NAME].push_status is PushStatus.IN_REVIEW
        reviewed.repo.write(NAME, LATER)
        states = {state.path: state for state in survey(reviewed.settings, host=reviewed.host)}
        assert states[NAME].push_status is PushStatus.IN_REVIEW
        assert "your last edit is not there yet" in (states[NAME].reason or "")


class TestTheRemoteMoves:
    """Theirs goes on while ours is in review."""

    def test_theirs_advances_and_ours_stays_in_review(self, a: Side, reviewed: Side, remote: Repo) -> None:
        tip, later = remote.tip(BRANCH), THEIRS.replace("line 8\n", "A again\n")
        a.repo.write(NAME, later)
        healthy(a.sync())
        outcome = healthy(reviewed.sync())
        assert remote.tip(BRANCH) == tip
        assert reviewed.repo.head == remote.tip("main")
        in_review(reviewed, remote, outcome, OURS, later)

    def test_an_edit_after_that_goes_to_review_alone(self, a: Side, reviewed: Side, remote: Repo) -> None:
        later = THEIRS.replace("line 8\n", "A again\n")
        a.repo.write(NAME, later)
        healthy(a.sync())
        reviewed.repo.write(NAME, LATER)
        in_review(reviewed, remote, healthy(reviewed.sync()), LATER, later)

    def test_ours_arriving_there_ends_it(self, a: Side, reviewed: Side, remote: Repo) -> None:
        a.repo.fetch()
        a.repo.git("merge", "-q", f"origin/{BRANCH}")
        healthy(a.sync())
        outcome = healthy(reviewed.sync())
        assert task(reviewed, outcome).push_status == "completed"
        assert remote.tree("main")[NAME] == OURS.encode()
        assert (reviewed.repo.head, reviewed.repo.status()) == (remote.tip("main"), "")
        assert reviewed.repo.refs("refs/gitferry/review/") == {REF: remote.tip(BRANCH)}

    @pytest.mark.parametrize("back", [BASE, THEIRS])
    def test_ours_taken_back_ends_it_and_the_branch_stays(self, reviewed: Side, remote: Repo, back: str) -> None:
        tip = remote.tip(BRANCH)
        reviewed.repo.write(NAME, back)
        healthy(reviewed.sync())
        assert reviewed.repo.read(NAME) == THEIRS
        assert reviewed.repo.status() == ""
        assert branches(remote) == {BRANCH: tip}
        assert reviewed.repo.refs("refs/gitferry/review/") == {REF: tip}

    def test_the_next_conflict_gets_a_branch_of_its_own(self, a: Side, reviewed: Side, remote: Repo) -> None:
        tip = remote.tip(BRANCH)
        reviewed.repo.write(NAME, THEIRS)
        healthy(reviewed.sync())
        a.repo.write(NAME, "A later\n")
        healthy(a.sync())
        reviewed.repo.write(NAME, "B later\n")
        healthy(reviewed.sync())
        assert branches(remote)[BRANCH] == tip
        assert remote.tree(f"{BRANCH}-2")[NAME] == b"B later\n"
        assert remote.parents(f"{BRANCH}-2") == [remote.tip("main")]


class TestOthersBranches:
    """Nothing is pushed over what we did not put there."""

    def test_a_foreign_branch_of_the_name_is_left_alone(self, a: Side, b: Side, remote: Repo) -> None:
        a.repo.push("origin", f"HEAD:refs/heads/{BRANCH}")
        foreign = remote.tip(BRANCH)
        both_change(a, b)
        outcome = healthy(b.sync())
        assert f"{BRANCH}-2" in (task(b, outcome).reason or "")
        assert branches(remote) == {BRANCH: foreign, f"{BRANCH}-2": remote.tip(f"{BRANCH}-2")}
        assert remote.tree(f"{BRANCH}-2")[NAME] == OURS.encode()

    def test_one_below_the_name_is_left_alone(self, a: Side, b: Side, remote: Repo) -> None:
        a.repo.push("origin", f"HEAD:refs/heads/{BRANCH}/below")
        both_change(a, b)
        healthy(b.sync())
        assert set(branches(remote)) == {f"{BRANCH}/below", f"{BRANCH}-2"}

    def test_one_that_appears_as_we_push_is_left_alone(
        self, a: Side, b: Side, remote: Repo, meanwhile: Meanwhile
    ) -> None:
        both_change(a, b)
        meanwhile(review, "move_ref", lambda: a.repo.push("origin", f"HEAD:refs/heads/{BRANCH}"))
        healthy(b.sync())
        assert remote.tip(BRANCH) == a.repo.head
        assert remote.tree(f"{BRANCH}-2")[NAME] == OURS.encode()
        refs = b.repo.refs("refs/gitferry/review/")
        assert refs == {f"{REF}-2": remote.tip(f"{BRANCH}-2")}

    def test_two_hosts_of_one_name(self, a: Side, b: Side, clone: Clone, remote: Repo) -> None:
        twin = Twin(clone("c"), pushback={"conflict_strategy": "create_pr"})
        healthy(twin.sync())
        both_change(a, b)
        twin.repo.write(NAME, "from the twin\n")
        healthy(b.sync())
        healthy(twin.sync())
        b.repo.write(NAME, LATER)
        twin.repo.write(NAME, "from the twin, later\n")
        healthy(b.sync())
        healthy(twin.sync())
        assert set(branches(remote)) == {BRANCH, f"{BRANCH}-2"}
        assert remote.tree(BRANCH)[NAME] == LATER.encode()
        assert remote.tree(f"{BRANCH}-2")[NAME] == b"from the twin, later\n"
        assert remote.tree("main")[NAME] == THEIRS.encode()

    def test_the_branch_stays_the_same_where_the_host_is_renamed(self, reviewed: Side, remote: Repo) -> None:
        first = remote.tip(BRANCH)
        reviewed.repo.write(NAME, LATER)
        host = replace(reviewed.host, hostname="renamed")
        healthy(cross(reviewed.settings, Request("request", fetch=True), host=host))
        assert remote.parents(BRANCH) == [first]
        assert set(branches(remote)) == {BRANCH}

    def test_a_reviewers_commit_is_not_pushed_over(self, a: Side, reviewed: Side, remote: Repo) -> None:
        ours = remote.tip(BRANCH)
        fixed = fix_up(a)
        outcome = healthy(reviewed.sync())
        assert task(reviewed, outcome).push_status is PushStatus.IN_REVIEW
        assert "was changed there" in (task(reviewed, outcome).reason or "")
        reviewed.repo.write(NAME, LATER)
        for outcome in (reviewed.save(NAME), reviewed.sync()):
            assert "was changed there" in (task(reviewed, healthy(outcome)).reason or "")
        before = reviewed.repo.refs()
        healthy(reviewed.sync())
        assert reviewed.repo.refs() == before
        assert branches(remote) == {BRANCH: fixed}
        assert reviewed.repo.tip(REF) == ours
        assert reviewed.repo.read(NAME) == LATER
        assert remote.tree("main")[NAME] == THEIRS.encode()

    def test_it_goes_on_where_the_reviewer_took_it_back(self, a: Side, reviewed: Side, remote: Repo) -> None:
        ours = remote.tip(BRANCH)
        fix_up(a)
        reviewed.repo.write(NAME, LATER)
        healthy(reviewed.sync())
        remote.git("update-ref", f"refs/heads/{BRANCH}", ours)
        in_review(reviewed, remote, healthy(reviewed.sync()), LATER)
        assert remote.parents(BRANCH) == [ours]

    def test_a_removed_branch_is_not_made_again(self, reviewed: Side, remote: Repo) -> None:
        remote.git("update-ref", "-d", f"refs/heads/{BRANCH}")
        reviewed.repo.write(NAME, LATER)
        for _ in range(2):
            outcome = reviewed.sync()
            assert task(reviewed, outcome).push_status is PushStatus.CONFLICT
            assert "was removed" in (task(reviewed, outcome).reason or "")
            assert branches(remote) == {}
        healthy(answer(reviewed, outcome, Take.LOCAL))
        assert remote.tree("main")[NAME] == LATER.encode()


def fix_up(a: Side) -> str:
    """Push a reviewer's commit onto the review branch and return it."""
    a.repo.fetch()
    a.repo.git("switch", "-qc", "fix", f"origin/{BRANCH}")
    a.repo.write(NAME, OURS.replace("line 5\n", "reviewer\n"))
    fixed = a.repo.commit("fix")
    a.repo.push("origin", f"HEAD:refs/heads/{BRANCH}")
    a.repo.git("switch", "-q", "main")
    return fixed


class Twin(Side):
    """A side on another machine that is called `b` as well."""

    @property
    def host(self) -> Host:
        return replace(super().host, hostname="b")


POINTS = [
    ("push.before", 1),
    ("push.acked_before_db", 1),
    ("ref.after_cas", 1),
    ("record.saved", 2),  # what was carried is closed
    ("commit.written", 5),  # the record that names the branch
    ("record.saved", 3),
    ("commit.written", 6),  # our commit
    ("review.before", 1),
    ("review.sent", 1),
    ("commit.written", 7),  # the operation, which no ref names yet
    ("commit.written", 8),  # the record with the tip
    ("record.saved", 4),
]


class TestKilled:
    """A crossing that dies between any two steps is gone on with."""

    @pytest.mark.parametrize(("point", "count"), POINTS)
    def test_a_branch_is_made_once(self, a: Side, b: Side, remote: Repo, point: str, count: int) -> None:
        both_change(a, b)
        b.repo.write("other.md", "other\n")
        assert killed_at(b, point, count) is None
        in_review(b, remote, healthy(b.sync()))
        assert remote.tree("main")["other.md"] == b"other\n"
        assert [entered.operation.commits for entered in operations_of(b)] == [(remote.tip(BRANCH),)]

    @pytest.mark.parametrize(
        ("point", "count"),
        [("commit.written", 2), ("review.before", 1), ("review.sent", 1), ("commit.written", 4), ("record.saved", 2)],
    )
    def test_an_edit_is_appended_once(self, reviewed: Side, remote: Repo, point: str, count: int) -> None:
        first = remote.tip(BRANCH)
        reviewed.repo.write(NAME, LATER)
        assert killed_at(reviewed, point, count) is None
        in_review(reviewed, remote, healthy(reviewed.sync()), LATER)
        assert remote.parents(BRANCH) == [first]
        assert [known.operation.commits for known in operations_of(reviewed)] == [(remote.tip(BRANCH),), (first,)]

    @pytest.mark.parametrize("point", ["review.before", "review.sent"])
    def test_an_edit_after_it_comes_on_top(self, a: Side, b: Side, remote: Repo, point: str) -> None:
        both_change(a, b)
        assert killed_at(b, point) is None
        b.repo.write(NAME, LATER)
        in_review(b, remote, healthy(b.sync()), LATER)
        assert remote.tree(f"{BRANCH}~1")[NAME] == OURS.encode()

    @pytest.mark.parametrize("point", ["review.before", "review.sent"])
    def test_another_answer_after_it_leaves_the_branch_as_it_is(
        self, a: Side, b: Side, remote: Repo, point: str
    ) -> None:
        both_change(a, b)
        assert killed_at(b, point) is None
        before = branches(remote)
        b.pushback["conflict_strategy"] = "take_remote"
        healthy(b.sync())
        assert (b.repo.read(NAME), b.repo.status()) == (THEIRS, "")
        assert branches(remote) == before

    def test_a_name_that_was_taken_after_it_is_left_alone(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        assert killed_at(b, "review.before") is None
        a.repo.push("origin", f"HEAD:refs/heads/{BRANCH}")
        healthy(b.sync())
        assert remote.tip(BRANCH) == a.repo.head
        assert remote.tree(f"{BRANCH}-2")[NAME] == OURS.encode()


class TestTrouble:
    """A review branch that cannot be pushed keeps nothing else from travelling."""

    def test_a_refusal_is_told_and_tried_again(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        b.repo.write("other.md", "other\n")
        hook = remote.hook("update", 'case "$1" in refs/heads/gitferry/*) echo no such branches; exit 1;; esac')
        for _ in range(2):
            outcome = b.sync()
            assert outcome.state == "failing"
            assert "no such branches" in (outcome.error or "") and BRANCH in (outcome.error or "")
            assert task(b, outcome).push_status is PushStatus.CONFLICT
            assert b.repo.head == remote.tip("main")
            assert b.repo.read(NAME) == OURS
            assert branches(remote) == b.repo.refs("refs/gitferry/review/") == {}
        assert (remote.tree("main")["other.md"], remote.tree("main")[NAME]) == (b"other\n", THEIRS.encode())
        hook.unlink()
        in_review(b, remote, healthy(b.sync()))

    def test_what_a_refusal_was_about_does_not_come_along_later(self, reviewed: Side, remote: Repo) -> None:
        first = remote.tip(BRANCH)
        hook = remote.hook("pre-receive", "exit 1")
        reviewed.repo.write(NAME, "too much\n")
        assert reviewed.save(NAME).state == "failing"
        assert reviewed.repo.tip(REF) == first
        hook.unlink()
        reviewed.repo.write(NAME, LATER)
        in_review(reviewed, remote, healthy(reviewed.sync()), LATER)
        assert remote.parents(BRANCH) == [first]

    def test_one_refused_branch_does_not_stop_another(self, a: Side, b: Side, remote: Repo) -> None:
        for side, words in ((a, "A\n"), (b, "B\n")):
            side.repo.write_all({"one.md": words, "two.md": words})
        healthy(a.sync())
        remote.hook("update", 'case "$1" in */one.md) exit 1;; esac')
        outcome = b.sync()
        assert outcome.state == "failing"
        assert set(branches(remote)) == {"gitferry/b/two.md"}
        assert b.task(outcome, "two.md").push_status is PushStatus.IN_REVIEW

    def test_out_of_reach(self, reviewed: Side, remote: Repo) -> None:
        url = reviewed.repo.git("remote", "get-url", "origin")
        reviewed.repo.git("remote", "set-url", "origin", "http://127.0.0.1:1/nobody.git")
        reviewed.repo.write(NAME, LATER)
        outcome = reviewed.save(NAME)
        assert (outcome.state, outcome.retry, outcome.offline) == ("waiting", True, True)
        assert task(reviewed, outcome).push_status is PushStatus.IN_REVIEW
        assert "your last edit is not there yet" in (task(reviewed, outcome).reason or "")
        reviewed.repo.git("remote", "set-url", "origin", url)
        in_review(reviewed, remote, healthy(reviewed.sync()), LATER)

    def test_without_an_identity_it_waits_for_one(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        b.repo.git("config", "user.name", "")
        outcome = b.sync()
        assert outcome.state == "failing" and "git config --global user.name" in (outcome.hint or "")
        assert (b.repo.head, branches(remote)) == (remote.tip("main"), {})
        b.repo.git("config", "--unset", "user.name")
        in_review(b, remote, healthy(b.sync()))

    @pytest.mark.usefixtures("git_lfs")
    def test_large_files_come_with_their_pointers(self, a: Side, b: Side, clone: Clone, remote: Repo) -> None:
        for side in (a, b):
            side.repo.git("lfs", "install", "--local", "--skip-repo")
            side.repo.git("remote", "set-url", "origin", f"file://{remote.root}")
        a.repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
        healthy(a.sync())
        healthy(b.sync())
        a.repo.write("large.bin", b"\0from A" * 1000)
        healthy(a.sync())
        b.repo.write("large.bin", b"\0from B" * 1000)
        healthy(b.sync())
        branch = "gitferry/b/large.bin"
        assert remote.tree(branch)["large.bin"].startswith(b"version https://git-lfs")
        looks = clone("reviewer")
        looks.git("remote", "set-url", "origin", f"file://{remote.root}")
        looks.git("lfs", "install", "--local")
        looks.git("switch", "-q", branch)
        assert looks.read_bytes("large.bin") == b"\0from B" * 1000

    def test_our_refs_removed_by_hand(self, reviewed: Side, remote: Repo) -> None:
        reviewed.repo.git("update-ref", "-d", REF)
        reviewed.repo.write(NAME, LATER)
        in_review(reviewed, remote, healthy(reviewed.sync()), LATER)


class TestAnswers:
    """A task in review is a held one."""

    @pytest.mark.parametrize(("take", "content"), [(Take.LOCAL, OURS), (Take.REMOTE, THEIRS)])
    def test_resolve(self, reviewed: Side, remote: Repo, take: Take, content: str) -> None:
        tip = remote.tip(BRANCH)
        healthy(answer(reviewed, reviewed.sync(), take))
        assert (reviewed.repo.read(NAME), remote.tree("main")[NAME]) == (content, content.encode())
        assert (reviewed.repo.head, reviewed.repo.status()) == (remote.tip("main"), "")
        assert branches(remote) == {BRANCH: tip}
        healthy(reviewed.sync())

    def test_resolve_merged(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b, OURS_FAR)
        healthy(answer(b, b.sync(), Take.MERGED))
        both = OURS_FAR.replace("line 1\n", "from A\n")
        assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (both, both.encode())

    @pytest.mark.parametrize(("strategy", "content"), [("take_local", OURS), ("take_remote", THEIRS)])
    def test_another_strategy(self, reviewed: Side, remote: Repo, strategy: str, content: str) -> None:
        reviewed.pushback["conflict_strategy"] = strategy
        healthy(reviewed.sync())
        assert (reviewed.repo.read(NAME), remote.tree("main")[NAME]) == (content, content.encode())

    def test_under_fail_it_stays_in_review_until_it_is_edited(self, reviewed: Side, remote: Repo) -> None:
        tip = remote.tip(BRANCH)
        reviewed.pushback["conflict_strategy"] = "fail"
        assert task(reviewed, healthy(reviewed.sync())).push_status is PushStatus.IN_REVIEW
        reviewed.repo.write(NAME, LATER)
        assert task(reviewed, reviewed.sync()).push_status is PushStatus.CONFLICT
        assert branches(remote) == {BRANCH: tip}
        reviewed.pushback["conflict_strategy"] = "create_pr"
        in_review(reviewed, remote, healthy(reviewed.sync()), LATER)

    def test_under_manual_the_merge_is_offered(self, reviewed: Side) -> None:
        reviewed.pushback["conflict_strategy"] = "manual"
        outcome = reviewed.sync()
        assert task(reviewed, outcome).push_status is PushStatus.CONFLICT
        assert "do not merge" in (task(reviewed, outcome).reason or "")

    def test_for_one_push(self, a: Side, b: Side, remote: Repo) -> None:
        b.pushback["conflict_strategy"] = "fail"
        both_change(a, b)
        known = task(b, b.sync()).id
        wanted = {known: Strategy.CREATE_PR}
        outcome = healthy(b.sync(tasks=frozenset({known}), strategies=wanted, by_hand=True))
        assert task(b, outcome).push_status is PushStatus.IN_REVIEW
        in_review(b, remote, healthy(b.sync()))

    def test_out_of_review_by_one_push(self, reviewed: Side, remote: Repo) -> None:
        known = task(reviewed, reviewed.sync()).id
        wanted = {known: Strategy.TAKE_LOCAL}
        healthy(reviewed.sync(tasks=frozenset({known}), strategies=wanted, by_hand=True))
        assert remote.tree("main")[NAME] == OURS.encode()

    def test_a_pull_pushes_nothing_to_review(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        assert task(b, b.sync(push=False)).push_status is PushStatus.CONFLICT
        assert branches(remote) == {}
        in_review(b, remote, healthy(b.sync()))
        assert task(b, healthy(b.sync(push=False))).push_status is PushStatus.IN_REVIEW

    def test_what_may_not_travel_does_not_reach_review(self, a: Side, b: Side, remote: Repo) -> None:
        b.pushback["auto_push"] = False
        both_change(a, b)
        assert task(b, b.sync()).push_status is PushStatus.CONFLICT
        assert branches(remote) == {}


@dataclass
class Forge:
    """What a forge's client promises, kept in memory; `broken` makes it fail as one that is down."""

    asked: list[ReviewRequest] = field(default_factory=list)
    broken: bool = False

    def open(self, wanted: ReviewRequest) -> str:
        self.asked.append(wanted)
        if self.broken:
            raise GitferryError("the forge is down")
        return f"https://forge.example/{len(self.asked)}"


class TestForge:
    """A new branch is shown to the forge, once."""

    def sync(self, b: Side, forge: Forge) -> Outcome:
        host = replace(b.host, requests=forge)
        return cross(b.settings, Request("request", fetch=True), host=host)

    def test_once_for_a_branch(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        forge = Forge()
        assert task(b, healthy(self.sync(b, forge))).pull_request_url == "https://forge.example/1"
        b.repo.write(NAME, LATER)
        assert task(b, healthy(self.sync(b, forge))).pull_request_url == "https://forge.example/1"
        assert task(b, healthy(b.sync())).pull_request_url == "https://forge.example/1"
        (wanted,) = forge.asked
        assert (wanted.source, wanted.target, wanted.title) == (BRANCH, "main", "Update shared.md")
        assert wanted.commit == remote.tip(f"{BRANCH}~1")
        assert "- update shared.md" in wanted.body
        assert wanted.repository == b.repo.git("remote", "get-url", "origin")

    def test_one_that_fails_loses_no_push(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        outcome = healthy(self.sync(b, Forge(broken=True)))
        assert any("the forge is down" in note for note in outcome.notes)
        assert task(b, outcome).pull_request_url is None
        assert remote.tree(BRANCH)[NAME] == OURS.encode()
        assert task(b, healthy(self.sync(b, Forge()))).pull_request_url == "https://forge.example/1"
