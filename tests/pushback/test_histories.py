"""The sixteen histories in which the first draft of the rules lost an edit, and their nearest kin.

"Hold" is: A edits a file and syncs; B edits the same line and syncs under the strategy `fail`. Where a history names
a strategy that is not `fail`, its test runs under that one too; test_histories_answered.py has them all under each.
"""

from __future__ import annotations

import pytest

from gitferry.pushback.outcome import Outcome
from gitferry.pushback.undo import undo
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import LINES
from gitferry.tests.repo import Repo

FILE = "shared.md"
TASK = "tasks/word-count"
BASE, OURS, THEIRS = "one\nbase\nthree\n", "one\nfrom B\nthree\n", "one\nfrom A\nthree\n"


@pytest.fixture
def shared() -> dict[str, str]:
    return {FILE: BASE}


def hold(a: Side, b: Side, path: str = FILE) -> Outcome:
    """Bring about the hold, and see that B waits with its own content."""
    a.repo.write(path, THEIRS)
    healthy(a.sync())
    b.repo.write(path, OURS)
    outcome = b.sync()
    assert b.task(outcome, path).push_status == "conflict"
    return outcome


def conflict_stands(b: Side, remote: Repo, path: str = FILE) -> None:
    """Assert that both edits are still there, each on its own side, and that the tool says so."""
    outcome = b.sync()
    assert remote.tree("main")[path] == THEIRS.encode()
    assert b.repo.read(path) == OURS
    assert b.task(outcome, path).push_status == "conflict"
    assert b.repo.head == remote.tip("main")
    assert no_staged_change(b.repo)
    b.repo.fsck()


def no_staged_change(repo: Repo) -> bool:
    """Whether the index is HEAD's tree."""
    return repo.git("diff", "--cached", "--name-status") == ""


def reachable(repo: Repo, content: str) -> bool:
    """Whether a blob of this content is reachable from a ref, the index or a stash; reflogs do not count."""
    oid = repo.git("hash-object", "--stdin", stdin=content)
    objects = repo.git("rev-list", "--objects", "--no-object-names", "--all", "--indexed-objects")
    return oid in objects.splitlines()


# -- 1: hold; B commits; sync: the remote's edit was reverted


def test_01_a_commit_of_a_held_task_is_no_answer(a: Side, b: Side, remote: Repo) -> None:
    hold(a, b)
    b.repo.git("commit", "-qam", "mine")
    assert b.sync().state == "conflict"
    conflict_stands(b, remote)
    healthy(a.sync())
    assert a.repo.read(FILE) == THEIRS


def test_01_other_edits_of_such_a_commit_travel(a: Side, b: Side, remote: Repo) -> None:
    hold(a, b)
    b.repo.write("README.md", "edited with it\n")
    b.repo.git("commit", "-qam", "mine, both files")
    assert b.sync().state == "conflict"
    conflict_stands(b, remote)
    assert remote.tree("main")["README.md"] == b"edited with it\n"


# -- 2: hold; stash; sync; pop; sync (also by way of another branch): reverted


@pytest.mark.parametrize("options", [(), ("-u",)])
def test_02_a_held_edit_comes_back_from_the_stash(a: Side, b: Side, remote: Repo, options: tuple[str, ...]) -> None:
    hold(a, b)
    b.repo.git("stash", "-q", *options)
    b.sync()
    assert b.repo.read(FILE) == THEIRS
    b.repo.git("stash", "pop", "-q")
    conflict_stands(b, remote)


def test_02_a_held_untracked_file_comes_back_from_the_stash(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write("new.md", THEIRS)
    b.repo.write("new.md", OURS)
    healthy(a.sync())
    assert b.sync().state == "conflict"
    b.repo.git("stash", "-qu")
    b.sync()
    b.repo.git("stash", "pop", "-q")
    conflict_stands(b, remote, "new.md")


def test_02_a_held_edit_comes_back_by_way_of_another_branch(a: Side, b: Side, remote: Repo) -> None:
    hold(a, b)
    b.repo.git("checkout", "-qb", "side")
    assert b.sync().state == "waiting"
    b.repo.git("commit", "-qam", "mine, on the side")
    b.repo.git("checkout", "-q", "main")
    b.sync()
    assert b.repo.read(FILE) == THEIRS
    b.repo.git("checkout", "side", "--", FILE)
    b.repo.git("reset", "-q")
    conflict_stands(b, remote)


@pytest.mark.parametrize("where", ["stash", "branch"])
def test_02_a_held_deletion_comes_back(a: Side, b: Side, remote: Repo, where: str) -> None:
    a.repo.write(FILE, THEIRS)
    healthy(a.sync())
    b.repo.delete(FILE)
    assert b.sync().state == "conflict"
    if where == "stash":
        b.repo.git("stash", "-q")
        b.sync()
        b.repo.git("stash", "pop", "-q")
    else:
        b.repo.git("checkout", "-qb", "side")
        b.repo.git("commit", "-qam", "deleted, on the side")
        b.repo.git("checkout", "-q", "main")
        b.sync()
        b.repo.git("rm", "-q", "--cached", FILE)
        b.repo.git("reset", "-q")
        b.repo.delete(FILE)
    for _ in range(2):
        assert b.sync().state == "conflict"
        assert remote.tree("main")[FILE] == THEIRS.encode()
        assert not b.repo.exists(FILE)


def test_02_a_branch_that_never_touched_the_file_keeps_no_hold(a: Side, b: Side, remote: Repo) -> None:
    b.repo.git("branch", "elsewhere", "HEAD~1")  # it has no shared.md, and deleted none
    hold(a, b)
    b.repo.git("checkout", "--", FILE)
    healthy(b.sync())
    b.repo.write(FILE, "one\nwritten after theirs\nthree\n")
    healthy(b.sync())
    assert remote.tree("main")[FILE] == b"one\nwritten after theirs\nthree\n"


# -- 3: both add t; B syncs twice: reverted


@pytest.mark.parametrize("path", ["new.md", "tasks/word-count/new.txt"])
def test_03_both_add_the_same_file(a: Side, b: Side, remote: Repo, path: str) -> None:
    a.repo.write(path, THEIRS)
    b.repo.write(path, OURS)
    healthy(a.sync())
    for _ in range(3):
        assert b.sync().state == "conflict"
        assert remote.tree("main")[path] == THEIRS.encode()
        assert b.repo.read(path) == OURS
    assert no_staged_change(b.repo)


# -- 4: B commits t; crash after B's merge was pushed and before the hold was recorded: B's edit gone from its tree


@pytest.mark.parametrize("point", ["push.before", "push.acked_before_db", "ref.before_cas", "ref.after_cas"])
def test_04_a_crash_around_the_push_of_a_merge_loses_neither_side(a: Side, b: Side, remote: Repo, point: str) -> None:
    a.repo.write(FILE, THEIRS)
    healthy(a.sync())
    b.repo.write(FILE, OURS)
    b.repo.write("README.md", "travels\n")
    b.repo.git("commit", "-qam", "mine")
    killed_at(b, point)
    assert b.repo.read(FILE) == OURS
    conflict_stands(b, remote)
    conflict_stands(b, remote)
    assert remote.tree("main")["README.md"] == b"travels\n"


# -- 5: hold, index following only the committed paths: a staged revert


def test_05_a_hold_leaves_no_staged_revert(a: Side, b: Side) -> None:
    b.repo.write("other.md", "goes\n")
    hold(a, b)
    assert no_staged_change(b.repo)
    assert b.repo.status() == f" M {FILE}"


# -- 6: HEAD moved before the tree, crash between: old content pushed


@pytest.mark.parametrize("point", ["checkout.partial", "ref.before_cas", "ref.after_cas"])
def test_06_a_crash_in_a_pull_pushes_nothing_old(a: Side, b: Side, remote: Repo, point: str) -> None:
    a.repo.write(FILE, THEIRS)
    healthy(a.sync())
    tip = remote.tip("main")
    assert killed_at(b, point) is None
    healthy(b.sync())
    assert remote.tip("main") == tip
    assert b.repo.worktree() == remote.tree("main")
    assert b.repo.status() == ""


@pytest.mark.parametrize("point", ["checkout.partial", "ref.before_cas", "ref.after_cas"])
def test_06_the_remote_moves_on_after_a_crash_in_a_pull(a: Side, b: Side, remote: Repo, point: str) -> None:
    a.repo.write(FILE, THEIRS)
    healthy(a.sync())
    assert killed_at(b, point) is None
    a.repo.write(FILE, "one\nfrom A, again\nthree\n")
    healthy(a.sync())
    tip = remote.tip("main")
    healthy(b.sync())
    assert remote.tip("main") == tip
    assert b.repo.worktree() == remote.tree("main")
    assert b.repo.status() == ""


# -- 7: crash between two files of a pull: half a task pushed


@pytest.mark.parametrize("count", [1, 2, 3])
def test_07_half_a_pulled_task_is_not_pushed(a: Side, b: Side, remote: Repo, count: int) -> None:
    a.repo.write_all({f"{TASK}/{name}": f"{name} from A\n" for name in ("one.txt", "two.txt", "three.txt")})
    healthy(a.sync())
    a.repo.write_all({f"{TASK}/{name}": f"{name} again\n" for name in ("one.txt", "two.txt")})
    a.repo.delete(f"{TASK}/three.txt")
    healthy(b.sync())
    healthy(a.sync())
    tip = remote.tip("main")
    assert killed_at(b, "checkout.partial", count) is None
    b.repo.write("README.md", "an edit of something else\n")
    healthy(b.sync())
    assert remote.changed("main") == ["README.md"]
    assert remote.parents("main") == [tip]
    assert b.repo.worktree() == remote.tree("main")


def test_07_an_edit_in_half_a_pulled_task_is_kept(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write_all({f"{TASK}/{name}": f"{name} from A\n" for name in ("one.txt", "two.txt")})
    healthy(a.sync())
    healthy(b.sync())
    a.repo.write_all({f"{TASK}/{name}": f"{name} again\n" for name in ("one.txt", "two.txt")})
    healthy(a.sync())
    tree = remote.tree("main")
    assert killed_at(b, "checkout.partial") is None
    b.repo.write(f"{TASK}/two.txt", "two, by B\n")
    assert b.sync().state == "conflict"
    assert remote.tree("main") == tree
    assert b.repo.read(f"{TASK}/two.txt") == "two, by B\n"


# -- 8: a dirty file in no task that the remote changes, then committed by the user: reverted


@pytest.mark.parametrize("tasks", [{"rest": "ignore"}, {"exclude": ("README.md",)}])
def test_08_a_dirty_file_in_no_task_does_not_revert_the_remote(
    a: Side, b: Side, remote: Repo, tasks: dict[str, object]
) -> None:
    b.tasks = dict(tasks)
    a.repo.write("README.md", THEIRS)
    healthy(a.sync())
    b.repo.write("README.md", OURS)
    b.sync()
    assert b.repo.read("README.md") == OURS
    b.repo.git("commit", "-qam", "mine")
    b.sync()
    assert remote.tree("main")["README.md"] == THEIRS.encode()
    assert b.repo.read("README.md") == OURS
    b.sync()
    assert remote.tree("main")["README.md"] == THEIRS.encode()
    assert reachable(b.repo, OURS)


# -- 9: crash after the push; the user edits on; `take_remote`: the newest edit replaced by its own older version
# There is no conflict to answer. `fail` shows that; what take_remote would add is the wrong answer to one.


@pytest.mark.parametrize("strategy", ["fail", "take_remote"])
@pytest.mark.parametrize("point", ["push.acked_before_db", "ref.before_cas", "ref.after_cas"])
def test_09_an_edit_after_a_crash_after_the_push_goes_on_from_it(
    a: Side, b: Side, remote: Repo, point: str, strategy: str
) -> None:
    b.pushback["conflict_strategy"] = strategy
    b.repo.write(FILE, OURS)
    assert killed_at(b, point) is None
    assert remote.tree("main")[FILE] == OURS.encode()
    b.repo.write(FILE, "one\nfrom B, newer\nthree\n")
    healthy(b.sync())
    assert remote.tree("main")[FILE] == b"one\nfrom B, newer\nthree\n"
    assert b.repo.read(FILE) == "one\nfrom B, newer\nthree\n"
    assert b.repo.status() == ""


# -- 10: amend of a pushed commit: a conflict with oneself


def test_10_an_amended_commit_of_gitferrys_goes_on_from_itself(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write(FILE, OURS)
    healthy(b.sync())
    before = remote.tip("main")
    b.repo.write(FILE, "one\nfrom B, amended\nthree\n")
    b.repo.git("commit", "-qa", "--amend", "--no-edit")
    healthy(b.sync())
    assert remote.tree("main")[FILE] == b"one\nfrom B, amended\nthree\n"
    assert before in remote.commits("main")
    assert b.repo.status() == ""


def test_10_an_amended_commit_of_the_users_goes_on_from_itself(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write(FILE, OURS)
    b.repo.git("commit", "-qam", "mine")
    healthy(b.sync())
    before = remote.tip("main")
    b.repo.write(FILE, "one\nfrom B, amended\nthree\n")
    b.repo.git("commit", "-qa", "--amend", "--no-edit")
    healthy(b.sync())
    assert remote.tree("main")[FILE] == b"one\nfrom B, amended\nthree\n"
    assert before in remote.commits("main")


# -- 11: B's edit arrives upstream another way and is edited further; `take_local`: later work overwritten
# Under `fail` too it must not even be a conflict, so no strategy is asked.


@pytest.mark.parametrize("strategy", ["fail", "take_local"])
@pytest.mark.parametrize("committed", [False, True])
def test_11_our_edit_that_arrived_another_way_is_not_put_over_later_work(
    a: Side, b: Side, remote: Repo, strategy: str, committed: bool
) -> None:
    b.pushback["conflict_strategy"] = strategy
    b.repo.write(FILE, OURS)
    if committed:
        b.repo.git("commit", "-qam", "sent by mail too")
    a.repo.write(FILE, OURS)
    healthy(a.sync())
    a.repo.write(FILE, "one\nfrom B, then A\nthree\n")
    healthy(a.sync())
    healthy(b.sync())
    assert b.repo.read(FILE) == "one\nfrom B, then A\nthree\n"
    assert remote.tree("main")[FILE] == b"one\nfrom B, then A\nthree\n"


# -- 12: an administrator drops the tip; a clone syncs: pushed back


@pytest.mark.parametrize("dirty", [False, True])
def test_12_what_an_administrator_dropped_is_not_pushed_back(a: Side, b: Side, remote: Repo, dirty: bool) -> None:
    kept = remote.tip("main")
    a.repo.write("secret.md", "must go\n")
    healthy(a.sync())
    healthy(b.sync())
    remote.git("update-ref", "refs/heads/main", kept)
    if dirty:
        b.repo.write("README.md", "an edit\n")
    for _ in range(2):
        outcome = b.sync()
        assert outcome.state == "waiting"
        assert "rewritten" in (outcome.waiting_for or "")
        assert remote.tip("main") == kept
    assert b.repo.read("secret.md") == "must go\n"


def test_12_a_save_does_not_push_it_back_either(a: Side, b: Side, remote: Repo) -> None:
    kept = remote.tip("main")
    a.repo.write("secret.md", "must go\n")
    healthy(a.sync())
    healthy(b.sync())
    remote.git("update-ref", "refs/heads/main", kept)
    b.repo.write("README.md", "an edit\n")
    b.save("README.md")
    assert remote.tip("main") == kept


# -- 13: B deletes a task's directory; a manual pull recreates only the changed files: pushed as a deletion


def test_13_a_pull_into_a_deleted_task_is_no_deletion(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write_all({f"{TASK}/one.txt": "1\n", f"{TASK}/two.txt": "2\n"})
    healthy(a.sync())
    healthy(b.sync())
    for path in [path for path in b.repo.worktree() if path.startswith(f"{TASK}/")]:
        b.repo.delete(path)
    a.repo.write(f"{TASK}/one.txt", "1, from A\n")
    healthy(a.sync())
    tree = remote.tree("main")
    b.repo.pull("--no-rebase")
    assert b.repo.exists(f"{TASK}/one.txt") and not b.repo.exists(f"{TASK}/two.txt")
    b.sync()
    b.sync()
    assert remote.tree("main") == tree


# -- 14: undo of a pushed `take_local`; sync: pushed again
# take_local adds that the push went over a conflict; what is undone is a push all the same.


@pytest.mark.parametrize("held_first", [False, True])
def test_14_an_undone_take_local_is_not_taken_again(a: Side, b: Side, remote: Repo, held_first: bool) -> None:
    if held_first:
        hold(a, b)
    else:
        a.repo.write(FILE, THEIRS)
        healthy(a.sync())
        b.repo.write(FILE, OURS)
    b.pushback["conflict_strategy"] = "take_local"
    pushed = healthy(b.sync()).operation
    assert pushed is not None
    assert remote.tree("main")[FILE] == OURS.encode()
    tip = remote.tip("main")
    assert undo(b.settings, pushed.id, host=b.host).error is None
    for _ in range(2):
        b.sync()
        assert remote.tree("main")[FILE] == THEIRS.encode()
        assert b.repo.read(FILE) == OURS
    b.repo.git("commit", "-qam", "kept for later")
    for _ in range(2):
        b.sync()
        assert remote.tree("main")[FILE] == THEIRS.encode()
        assert b.repo.read(FILE) == OURS
    assert tip in remote.commits("main")
    healthy(a.sync())
    assert a.repo.read(FILE) == THEIRS


def test_14_what_was_undone_is_not_pushed_again(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write(FILE, OURS)
    pushed = healthy(b.sync()).operation
    assert pushed is not None
    assert undo(b.settings, pushed.id, host=b.host).error is None
    for _ in range(2):
        b.sync()
        assert remote.tree("main")[FILE] == BASE.encode()
        assert b.repo.read(FILE) == OURS
    b.repo.git("commit", "-qam", "kept for later")
    b.sync()
    assert remote.tree("main")[FILE] == BASE.encode()
    assert b.repo.read(FILE) == OURS


# -- 15: two differing merge bases, one picked: a local deletion dropped


def test_15_a_deletion_survives_differing_merge_bases(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write("x.md", "x\n")
    healthy(b.sync())
    healthy(a.sync())
    base = remote.tip("main")
    # Two branches that merged one another: one edited x.md, the other left it alone.
    work = Repo.clone(remote.root, remote.root.parent / "criss-cross")
    work.write("x.md", "x edited\n")
    one = work.commit("edit x")
    work.git("checkout", "-q", base)
    work.write("y.md", "y\n")
    two = work.commit("add y")
    work.git("checkout", "-q", one)
    work.git("merge", "-q", "-m", "upstream's merge", two)
    work.write("x.md", "x edited again\n")
    upstream = work.commit("edit x again")
    work.git("push", "-q", "origin", f"{upstream}:refs/heads/main")
    work.git("checkout", "-q", two)
    work.git("merge", "-q", "-m", "our merge", one)
    ours = work.head
    b.repo.fetch(str(work.root), ours)
    b.repo.git("reset", "-q", "--hard", ours)
    b.repo.fetch("origin")
    assert len(b.repo.git("merge-base", "--all", "HEAD", "origin/main").splitlines()) == 2
    b.repo.delete("x.md")
    b.sync()
    assert not b.repo.exists("x.md")
    assert remote.tree("main")["x.md"] == b"x edited again\n"
    b.sync()
    assert not b.repo.exists("x.md")
    assert remote.tree("main")["x.md"] == b"x edited again\n"


# -- 16: the hold's ref is gone (`branch -m`): reverted


def test_16_a_renamed_branch_does_not_forget_the_hold(a: Side, b: Side, remote: Repo) -> None:
    hold(a, b)
    b.repo.git("branch", "-m", "trunk")
    for _ in range(2):
        b.sync()
        assert remote.tree("main")[FILE] == THEIRS.encode()
        assert b.repo.read(FILE) == OURS


def test_16_a_renamed_branch_named_in_the_settings_does_not_forget_it(a: Side, b: Side, remote: Repo) -> None:
    hold(a, b)
    b.repo.git("branch", "-m", "trunk")
    b.sync()
    b.branch = "trunk"
    for _ in range(2):
        b.sync()
        assert remote.tree("main")[FILE] == THEIRS.encode()
        assert b.repo.read(FILE) == OURS


# -- found by the simulation


@pytest.mark.parametrize("commit", [False, True])
def test_a_rename_whose_old_half_is_held_stays_whole(a: Side, b: Side, remote: Repo, commit: bool) -> None:
    a.repo.write(FILE, LINES)
    healthy(a.sync())
    healthy(b.sync())
    a.repo.write(FILE, LINES + "from A\n")
    healthy(a.sync())
    tree = remote.tree("main")
    b.repo.path(FILE).rename(b.repo.path("moved.md"))
    if commit:
        b.repo.commit("rename it")
    for _ in range(2):
        b.sync()
        assert remote.tree("main") == tree
        assert b.repo.exists("moved.md") and not b.repo.exists(FILE)
        assert no_staged_change(b.repo)
    b.repo.write(FILE, a.repo.read(FILE))
    b.repo.delete("moved.md")
    healthy(b.sync())
    assert remote.tree("main") == tree


def test_a_rename_onto_what_the_remote_added_stays_whole(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write(FILE, LINES)
    healthy(a.sync())
    healthy(b.sync())
    a.repo.write("moved.md", "the same name\nby chance\n")
    healthy(a.sync())
    tree = remote.tree("main")
    b.repo.path(FILE).rename(b.repo.path("moved.md"))
    for _ in range(3):
        assert b.sync().state == "conflict"
        assert remote.tree("main") == tree
        assert b.repo.read("moved.md") == LINES and not b.repo.exists(FILE)


def test_a_deletion_after_the_held_edit_was_stashed_travels(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write("new.md", THEIRS)
    b.repo.write("new.md", OURS)
    healthy(a.sync())
    assert b.sync().state == "conflict"
    b.repo.git("stash", "-qu")
    b.sync()
    assert b.repo.read("new.md") == THEIRS
    b.repo.delete("new.md")
    b.sync()
    assert not b.repo.exists("new.md")
    assert "new.md" not in remote.tree("main")


def test_a_deletion_of_what_we_edited_after_a_stash_is_a_conflict(a: Side, b: Side, remote: Repo) -> None:
    a.repo.write("new.md", THEIRS)
    b.repo.write("new.md", OURS)
    healthy(a.sync())
    assert b.sync().state == "conflict"
    b.repo.git("stash", "-qu")
    b.sync()
    b.repo.write("new.md", THEIRS + "B goes on from A's\n")
    a.repo.delete("new.md")
    healthy(a.sync())
    for _ in range(2):
        assert b.sync().state == "conflict"
        assert "new.md" not in remote.tree("main")
        assert b.repo.read("new.md") == THEIRS + "B goes on from A's\n"


@pytest.mark.parametrize("how", ["--mixed", "--soft"])
def test_a_reset_onto_the_upstream_alone_reverts_nothing(a: Side, b: Side, remote: Repo, how: str) -> None:
    a.repo.write(FILE, THEIRS)
    healthy(a.sync())
    b.repo.fetch()
    b.repo.git("reset", "-q", how, "@{upstream}")  # the files stay as they were: behind
    b.repo.git("reset", "-q")
    b.sync()
    assert remote.tree("main")[FILE] == THEIRS.encode()


def test_a_save_going_on_after_a_crash_in_our_own_push_is_no_conflict_with_oneself(b: Side, remote: Repo) -> None:
    b.repo.write(FILE, "one\nfirst save\nthree\n")
    assert killed_at(b, "push.acked_before_db", 1) is None
    assert remote.tree("main")[FILE] == b"one\nfirst save\nthree\n"
    b.repo.write(FILE, "one\nsecond save\nthree\n")
    outcome = b.sync(cause="start", unsettled=frozenset({FILE}))  # it is still being written as the daemon comes back
    assert b.task(outcome, FILE).push_status == "pending"
    healthy(b.save(FILE))
    assert remote.tree("main")[FILE] == b"one\nsecond save\nthree\n"


def test_a_lock_that_a_dead_crossing_left_on_our_record_stops_nothing(b: Side, remote: Repo) -> None:
    lock = b.repo.path(".git/refs/gitferry/base/main.lock")
    lock.write_text("")
    b.repo.write(FILE, OURS)
    healthy(b.sync())
    assert remote.tree("main")[FILE] == OURS.encode()
    assert not lock.exists()


# -- what all of them promise


def test_what_a_crossing_read_and_did_not_carry_stays_reachable(a: Side, b: Side) -> None:
    hold(a, b)
    b.repo.write(FILE, "one\nsecond thoughts\nthree\n")
    b.sync()
    b.repo.write(FILE, BASE)
    b.sync()
    assert reachable(b.repo, OURS)
    assert reachable(b.repo, "one\nsecond thoughts\nthree\n")


def test_what_a_waiting_crossing_read_stays_reachable(a: Side, b: Side) -> None:
    a.repo.write(FILE, THEIRS)
    healthy(a.sync())
    b.repo.write(FILE, "one\nstaged\nthree\n")
    b.repo.git("add", FILE)
    b.repo.write(FILE, OURS)
    assert b.sync().state == "waiting"
    b.repo.write(FILE, "one\nlater\nthree\n")
    b.sync()
    assert reachable(b.repo, OURS)


def test_what_was_read_before_the_plan_waited_stays_reachable(a: Side, b: Side) -> None:
    b.pushback = {"push_commits": False}
    b.repo.write("README.md", "mine\n")
    b.repo.git("commit", "-qam", "mine")
    b.repo.write(FILE, OURS)
    assert b.sync().state == "waiting"
    b.repo.write(FILE, "one\nlater\nthree\n")
    b.sync()
    assert reachable(b.repo, OURS)


def test_a_hold_ends_when_the_tree_contains_both_sides(a: Side, b: Side, remote: Repo) -> None:
    hold(a, b)
    b.repo.write(FILE, THEIRS)
    healthy(b.sync())
    assert b.repo.status() == ""
    b.repo.write(FILE, "one\nfrom A, and B\nthree\n")
    healthy(b.sync())
    assert remote.tree("main")[FILE] == b"one\nfrom A, and B\nthree\n"
