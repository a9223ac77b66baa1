"""What answers a task that both sides changed: every strategy, over real repositories, and what each keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitferry.pushback.outcome import Answer, Outcome, PushStatus, Request, Strategy, Take
from gitferry.pushback.undo import undo
from gitferry.repos.content import FILE, File
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import BOTH, LINES, NAME, OURS, OURS_FAR, THEIRS, at_line
from gitferry.tests.repo import Repo


def both_change(a: Side, b: Side, ours: str = OURS) -> None:
    a.repo.write(NAME, THEIRS)
    healthy(a.sync())
    b.repo.write(NAME, ours)


def under(side: Side, strategy: Strategy) -> Side:
    side.pushback["conflict_strategy"] = strategy.value
    return side


def same(b: Side, remote: Repo, content: str) -> None:
    """Assert that clone and remote are one, with this content, and stay so."""
    assert b.repo.read(NAME) == content
    assert remote.tree("main")[NAME] == content.encode()
    assert (b.repo.head, b.repo.status()) == (remote.tip("main"), "")
    healthy(b.sync())
    assert b.repo.head == remote.tip("main")
    b.repo.fsck()
    remote.fsck()


def in_history(remote: Repo, content: str) -> bool:
    """Whether a commit of the remote's main has had this content."""
    oid = remote.git("hash-object", "--stdin", stdin=content)
    return oid in remote.git("rev-list", "--objects", "--no-object-names", "main").splitlines()


def kept(b: Side, outcome: Outcome, content: str) -> bool:
    """Whether the operation's ref holds this content as what was replaced."""
    assert outcome.operation is not None
    found = b.repo.git_bytes("show", f"refs/gitferry/ops/{outcome.operation.id}:local-before/{NAME}")
    return found == content.encode()


def test_fail_holds(a: Side, b: Side, remote: Repo) -> None:
    both_change(a, b, OURS_FAR)
    assert b.task(b.sync(), NAME).push_status == "conflict"
    assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS_FAR, THEIRS.encode())


@pytest.mark.parametrize("held_first", [False, True])
@pytest.mark.parametrize("committed", [False, True])
class TestEach:
    """The same under each strategy: at once or out of a hold, with an edit or with a commit of the user's."""

    def cross(self, a: Side, b: Side, ours: str, strategy: Strategy, held_first: bool, committed: bool) -> Outcome:
        both_change(a, b, ours)
        if held_first:
            assert b.sync().state == "conflict"
        if committed:
            b.repo.git("commit", "-qam", "mine")
        return under(b, strategy).sync()

    def test_take_local(self, a: Side, b: Side, remote: Repo, held_first: bool, committed: bool) -> None:
        healthy(self.cross(a, b, OURS, Strategy.TAKE_LOCAL, held_first, committed))
        same(b, remote, OURS)
        assert in_history(remote, THEIRS)
        assert committed or remote.is_linear("main")
        healthy(a.sync())
        same(a, remote, OURS)

    def test_take_remote(self, a: Side, b: Side, remote: Repo, held_first: bool, committed: bool) -> None:
        outcome = healthy(self.cross(a, b, OURS, Strategy.TAKE_REMOTE, held_first, committed))
        same(b, remote, THEIRS)
        assert kept(b, outcome, OURS)
        assert committed or remote.is_linear("main")

    def test_merge(self, a: Side, b: Side, remote: Repo, held_first: bool, committed: bool) -> None:
        healthy(self.cross(a, b, OURS_FAR, Strategy.MERGE, held_first, committed))
        same(b, remote, BOTH)
        assert committed or remote.is_linear("main")
        healthy(a.sync())
        same(a, remote, BOTH)

    def test_merge_of_one_line_is_a_conflict(
        self, a: Side, b: Side, remote: Repo, held_first: bool, committed: bool
    ) -> None:
        outcome = self.cross(a, b, OURS, Strategy.MERGE, held_first, committed)
        assert b.task(outcome, NAME).push_status == "conflict"
        assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS, THEIRS.encode())
        assert b.sync().state == "conflict"
        assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS, THEIRS.encode())

    def test_manual(self, a: Side, b: Side, remote: Repo, held_first: bool, committed: bool) -> None:
        outcome = self.cross(a, b, OURS_FAR, Strategy.MANUAL, held_first, committed)
        task = b.task(outcome, NAME)
        assert task.push_status == "conflict"
        assert "a merge is ready" in (task.reason or "")
        assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS_FAR, THEIRS.encode())
        healthy(answer(b, outcome, Take.MERGED))
        same(b, remote, BOTH)


def answer(b: Side, outcome: Outcome, take: Take, **files: File | None) -> Outcome:
    """Resolve the one conflict as `gitferry resolve` does."""
    task = b.task(outcome, NAME)
    assert task.version_seen is not None
    return b.sync(answers={task.id: Answer(take, task.version_seen, files)}, by_hand=True, fetch=False)


class TestResolve:
    """A person's word, whatever the strategy."""

    def test_local(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        healthy(answer(b, b.sync(), Take.LOCAL))
        same(b, remote, OURS)
        assert in_history(remote, THEIRS)

    def test_remote(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        outcome = healthy(answer(b, b.sync(), Take.REMOTE))
        same(b, remote, THEIRS)
        assert kept(b, outcome, OURS)

    def test_merged(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b, OURS_FAR)
        healthy(answer(b, b.sync(), Take.MERGED))
        same(b, remote, BOTH)

    def test_merged_where_there_is_none(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        outcome = answer(b, b.sync(), Take.MERGED)
        assert "do not merge" in (b.task(outcome, NAME).reason or "")
        assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS, THEIRS.encode())

    def test_given(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        mine = at_line(1, "from both")
        healthy(answer(b, b.sync(), Take.GIVEN, **{NAME: File(FILE, mine.encode())}))
        same(b, remote, mine)

    def test_given_with_markers_is_refused(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        left = b"<<<<<<< yours\nx\n=======\ny\n>>>>>>> theirs\n"
        outcome = answer(b, b.sync(), Take.GIVEN, **{NAME: File(FILE, left)})
        assert "markers" in (b.task(outcome, NAME).reason or "")
        assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS, THEIRS.encode())

    @pytest.mark.parametrize("take", [Take.LOCAL, Take.REMOTE])
    def test_what_changed_since_it_was_seen_is_not_answered(self, a: Side, b: Side, remote: Repo, take: Take) -> None:
        both_change(a, b)
        seen = b.sync()
        b.repo.write(NAME, at_line(1, "from B, later"))
        outcome = answer(b, seen, take)
        assert "changed again" in (b.task(outcome, NAME).reason or "")
        assert b.repo.read(NAME) == at_line(1, "from B, later")
        assert remote.tree("main")[NAME] == THEIRS.encode()

    @pytest.mark.parametrize("take", [Take.LOCAL, Take.MERGED])
    def test_what_the_remote_changed_since_is_not_answered(self, a: Side, b: Side, remote: Repo, take: Take) -> None:
        both_change(a, b, OURS_FAR)
        seen = b.sync()
        a.repo.write(NAME, at_line(1, "from A, later"))
        healthy(a.sync())
        outcome = answer(b, seen, take)
        assert "changed again" in (b.task(outcome, NAME).reason or "")
        assert b.repo.read(NAME) == OURS_FAR
        assert remote.tree("main")[NAME] == at_line(1, "from A, later").encode()

    def test_once_for_one_push(self, a: Side, b: Side, remote: Repo) -> None:
        both_change(a, b)
        task = b.task(b.sync(), NAME)
        chosen = {task.id: Strategy.TAKE_LOCAL}
        healthy(b.sync(tasks=frozenset({task.id}), strategies=chosen, by_hand=True))
        same(b, remote, OURS)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_what_waits_for_a_push_is_held_whatever_the_strategy(
    a: Side, b: Side, remote: Repo, strategy: Strategy
) -> None:
    b.pushback["auto_push"] = False
    both_change(a, b, OURS_FAR)
    outcome = under(b, strategy).sync()
    assert b.task(outcome, NAME).push_status == "conflict"
    assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS_FAR, THEIRS.encode())


@pytest.mark.parametrize("strategy", [Strategy.TAKE_LOCAL, Strategy.TAKE_REMOTE, Strategy.MERGE])
def test_what_is_staged_is_answered_by_nobody(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    both_change(a, b, OURS_FAR)
    b.repo.git("add", NAME)
    index = b.repo.staged()
    assert under(b, strategy).sync().state == "waiting"
    assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS_FAR, THEIRS.encode())
    assert b.repo.staged() == index


POINTS = ["push.before", "push.sent", "push.acked_before_db", "checkout.partial", "index.followed", "ref.after_cas"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("held_first", [False, True])
def test_a_merge_survives_a_crash(a: Side, b: Side, remote: Repo, point: str, held_first: bool) -> None:
    both_change(a, b, OURS_FAR)
    if held_first:
        assert b.sync().state == "conflict"
    assert killed_at(under(b, Strategy.MERGE), point) is None
    healthy(b.sync())
    same(b, remote, BOTH)


@pytest.mark.parametrize("point", POINTS)
def test_an_answer_by_hand_survives_a_crash_after_its_push(a: Side, b: Side, remote: Repo, point: str) -> None:
    both_change(a, b)
    outcome = b.sync()
    mine = {NAME: File(FILE, at_line(1, "from both").encode())}
    assert killed_at(b, point, cross=lambda: answer(b, outcome, Take.GIVEN, **mine)) is None
    again = b.sync()
    if point == "push.before":
        assert again.state == "conflict"
        assert b.repo.read(NAME) == OURS
    else:
        same(b, remote, at_line(1, "from both"))


def test_an_edit_made_after_such_a_crash_meets_the_answer_as_an_edit_of_its_own_side(
    a: Side, b: Side, remote: Repo
) -> None:
    both_change(a, b)
    outcome = b.sync()
    mine = {NAME: File(FILE, at_line(1, "from both").encode())}
    assert killed_at(b, "push.acked_before_db", cross=lambda: answer(b, outcome, Take.GIVEN, **mine)) is None
    b.repo.write(NAME, at_line(7, "and on", OURS))
    healthy(under(b, Strategy.MERGE).sync())
    same(b, remote, at_line(7, "and on", at_line(1, "from both")))


@pytest.mark.parametrize("strategy", [Strategy.TAKE_LOCAL, Strategy.TAKE_REMOTE, Strategy.MERGE])
def test_undo_of_each_and_undo_of_the_undo(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    both_change(a, b, OURS_FAR)
    done = healthy(under(b, strategy).sync())
    after = b.repo.read(NAME)
    assert done.operation is not None
    undone = undo(b.settings, done.operation.id, host=b.host)
    assert undone.error is None and undone.operation is not None
    assert b.repo.read(NAME) == OURS_FAR
    assert remote.tree("main")[NAME] == THEIRS.encode()
    assert b.task(b.sync(), NAME).push_status == "conflict"
    assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS_FAR, THEIRS.encode())
    again = undo(b.settings, undone.operation.id, host=b.host)
    assert again.error is None
    same(b, remote, after)


def test_a_rename_takes_the_other_sides_edit_along(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write(NAME, THEIRS)
    healthy(a.sync())
    b.repo.git("mv", NAME, "moved.md")
    b.repo.git("reset", "-q")
    healthy(under(b, Strategy.MERGE).sync())
    assert NAME not in remote.tree("main")
    assert remote.tree("main")["moved.md"] == THEIRS.encode()
    assert b.repo.read("moved.md") == THEIRS
    assert (b.repo.head, b.repo.status()) == (remote.tip("main"), "")


def test_an_edit_follows_the_other_sides_rename(a: Side, b: Side, remote: Repo) -> None:
    a.repo.git("mv", NAME, "moved.md")
    a.repo.git("reset", "-q")
    healthy(a.sync())
    b.repo.write(NAME, OURS)
    healthy(under(b, Strategy.MERGE).sync())
    assert not b.repo.exists(NAME)
    assert b.repo.read("moved.md") == OURS
    assert remote.tree("main")["moved.md"] == OURS.encode()
    assert NAME not in remote.tree("main")


@pytest.mark.parametrize("strategy", [Strategy.TAKE_LOCAL, Strategy.TAKE_REMOTE])
@pytest.mark.parametrize("we_rename", [False, True])
def test_both_halves_of_a_rename_have_one_answer(
    a: Side, b: Side, remote: Repo, strategy: Strategy, we_rename: bool
) -> None:
    renames, edits = (b, a) if we_rename else (a, b)
    renames.repo.git("mv", NAME, "moved.md")
    renames.repo.git("reset", "-q")
    edits.repo.write(NAME, OURS)
    healthy(a.sync())
    outcome = healthy(under(b, strategy).sync())
    renamed = we_rename == (strategy is Strategy.TAKE_LOCAL)
    expected = {"moved.md": LINES.encode()} if renamed else {NAME: OURS.encode()}
    tree = remote.tree("main")
    assert {name: tree[name] for name in (NAME, "moved.md") if name in tree} == expected
    assert b.repo.worktree() == tree
    assert outcome.operation is not None


def test_strategies_differ_between_two_tasks_of_one_push(a: Side, b: Side, remote: Repo) -> None:
    for side, words in ((a, "A"), (b, "B")):
        side.repo.write_all({"one.md": f"{words}\n", "two.md": f"{words}\n"})
    healthy(a.sync())
    held = b.sync()
    ids = {path: b.task(held, path).id for path in ("one.md", "two.md")}
    chosen = {ids["one.md"]: Strategy.TAKE_LOCAL, ids["two.md"]: Strategy.TAKE_REMOTE}
    healthy(b.sync(tasks=frozenset(chosen), strategies=chosen, by_hand=True))
    assert (remote.tree("main")["one.md"], remote.tree("main")["two.md"]) == (b"B\n", b"A\n")
    assert b.repo.worktree() == remote.tree("main")


def test_a_request_keeps_answers_and_strategies_when_it_is_merged() -> None:

    one = Request("request", answers={"x": Answer(Take.LOCAL, "v")}, strategies={"x": Strategy.FAIL})
    two = replace(one, answers={"y": Answer(Take.REMOTE, "w")}, strategies={})
    assert one.merge(two).answers.keys() == {"x", "y"}
    assert one.merge(two).strategies == {"x": Strategy.FAIL}


def test_requests_that_answer_one_task_differently_do_not_agree() -> None:
    one = Request("request", answers={"x": Answer(Take.LOCAL, "v")}, strategies={"y": Strategy.MERGE})
    assert one.agrees_with(replace(one, answers={"z": Answer(Take.REMOTE, "v")}))
    assert not one.agrees_with(replace(one, answers={"x": Answer(Take.REMOTE, "v")}))
    assert not one.agrees_with(replace(one, strategies={"y": Strategy.TAKE_LOCAL}))


def test_a_pull_leaves_what_the_strategy_will_answer_pending(a: Side, b: Side, remote: Repo) -> None:
    both_change(a, b, OURS_FAR)
    outcome = under(b, Strategy.MERGE).sync(push=False)
    assert b.task(outcome, NAME).push_status == "pending"
    assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (OURS_FAR, THEIRS.encode())
    healthy(b.sync())
    same(b, remote, BOTH)


@pytest.mark.parametrize("how", ["--hard", "--mixed"])
def test_taking_the_remotes_side_waits_where_a_reset_leaves_open_what_an_edit_was_made_from(
    a: Side, b: Side, remote: Repo, how: str
) -> None:
    under(b, Strategy.TAKE_REMOTE)
    a.repo.write(NAME, THEIRS)
    healthy(a.sync())
    b.repo.fetch()
    b.repo.git("reset", "-q", how, "@{upstream}")
    b.repo.write(NAME, "mine\n")
    for _ in range(2):
        assert b.task(b.sync(), NAME).push_status is PushStatus.CONFLICT
        assert b.repo.read(NAME) == "mine\n"
        assert remote.tree("main")[NAME].decode() == THEIRS


def test_taking_the_remotes_side_waits_where_an_edit_of_that_is_made_beside_one_in_a_stash(
    a: Side, b: Side, remote: Repo
) -> None:
    a.repo.write(NAME, THEIRS)
    healthy(a.sync())
    b.repo.write(NAME, OURS)
    assert b.task(b.sync(), NAME).push_status is PushStatus.CONFLICT
    b.repo.git("stash", "-q")
    healthy(b.sync())
    under(b, Strategy.TAKE_REMOTE)
    mine = THEIRS.replace("theirs", "theirs, and mine")
    b.repo.write(NAME, mine)
    for _ in range(2):
        assert b.task(b.sync(), NAME).push_status is PushStatus.CONFLICT
        assert (b.repo.read(NAME), remote.tree("main")[NAME].decode()) == (mine, THEIRS)


def test_what_comes_back_from_a_stash_is_answered_by_the_remotes_side(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write(NAME, THEIRS)
    healthy(a.sync())
    b.repo.write(NAME, OURS)
    b.sync()
    b.repo.git("stash", "-q")
    healthy(b.sync())
    under(b, Strategy.TAKE_REMOTE)
    b.repo.write(NAME, OURS)
    healthy(b.sync())
    assert (b.repo.read(NAME), remote.tree("main")[NAME].decode()) == (THEIRS, THEIRS)
