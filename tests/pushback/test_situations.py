"""The situations that the rules of a crossing were written for, each by name over real repositories.

`SITUATIONS` maps each to the tests that show it, wherever they stand. Review branches have tests of their own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.pushback.outcome import Strategy, Word
from gitferry.pushback.undo import undo
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import BOTH, LINES, NAME, OURS, OURS_FAR, THEIRS
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]

SITUATIONS = {
    "the user commits a held task": (
        "test_histories::test_01_a_commit_of_a_held_task_is_no_answer",
        "test_histories::test_01_other_edits_of_such_a_commit_travel",
    ),
    "the user pulls, merges or autostashes around a held task": (
        "test_situations::test_a_pull_around_a_held_task_leaves_it_held",
        "test_histories::test_02_a_held_edit_comes_back_from_the_stash",
    ),
    "a held task went back to HEAD": (
        "test_histories::test_02_a_held_untracked_file_comes_back_from_the_stash",
        "test_histories::test_02_a_held_edit_comes_back_by_way_of_another_branch",
        "test_histories::test_02_a_branch_that_never_touched_the_file_keeps_no_hold",
        "test_situations::test_an_edit_after_the_held_one_was_stashed_uses_the_recorded_base",
    ),
    "amend of an own pushed commit": (
        "test_histories::test_10_an_amended_commit_of_gitferrys_goes_on_from_itself",
        "test_situations::test_an_amend_after_the_remote_went_on_is_a_conflict",
    ),
    "reset --hard to an older commit": (
        "test_situations::test_after_a_reset_to_an_older_commit_the_upstream_comes_back",
        "test_situations::test_a_deletion_that_is_the_older_state_does_not_travel",
    ),
    "crash after the push, or HEAD could not move, or push_commits: false": (
        "test_histories::test_09_an_edit_after_a_crash_after_the_push_goes_on_from_it",
        "test_situations::test_where_head_could_not_move_an_edit_goes_on_from_our_push",
        "test_situations::test_commits_that_may_not_be_pushed_wait_and_are_no_conflict_once_they_were",
    ),
    "another branch checked out": (
        "test_moved::test_an_edit_that_waited_on_another_branch_waits_here",
        "test_moved::test_a_held_task_stays_held_on_its_way_through_another_branch",
        "test_moved::test_there_and_back_it_is_what_it_was",
        "test_readiness::test_another_branch_and_a_detached_head",
        "test_situations::test_on_another_branch_nothing_moves",
    ),
    "the local branch is renamed": (
        "test_histories::test_16_a_renamed_branch_does_not_forget_the_hold",
        "test_histories::test_16_a_renamed_branch_named_in_the_settings_does_not_forget_it",
        "test_situations::test_a_renamed_branch_goes_on_once_the_settings_name_it",
    ),
    "upstream dropped commits that we had": (
        "test_histories::test_12_what_an_administrator_dropped_is_not_pushed_back",
        "test_readiness::test_upstream_rewritten_waits",
        "test_situations::test_a_rewritten_upstream_is_accepted_or_put_back_by_the_user_alone",
    ),
    "the tracked branch is deleted or renamed at the remote": (
        "test_readiness::test_a_deleted_branch_at_the_remote_is_never_recreated",
        "test_situations::test_a_branch_that_went_away_at_the_remote_waits",
    ),
    "first crossing: ahead, behind and dirty": (
        "test_situations::test_a_first_crossing_that_is_ahead_behind_and_dirty",
    ),
    "unborn branch, empty remote": (
        "test_crossing::test_an_empty_remote_gets_its_first_commit",
        "test_situations::test_an_unborn_branch_is_not_created_beside_other_refs",
        "test_situations::test_an_emptied_remote_is_not_filled_again",
        "test_situations::test_the_first_push_comes_before_head_is_born",
    ),
    "no common ancestor": (
        "test_readiness::test_unrelated_histories_wait",
        "test_situations::test_a_history_replaced_at_the_remote_waits",
    ),
    "a path is staged": (
        "test_crossing::test_what_is_staged_stays_and_waits",
        "test_strategies::test_what_is_staged_is_answered_by_nobody",
        "test_advance::test_a_staged_path_that_the_tip_changes_is_in_the_way",
        "test_advance::test_an_unstaged_edit_and_intended_files_are_not",
        "test_advance::test_an_unmerged_path_is_in_the_way",
        "test_situations::test_unmerged_entries_wait_without_a_merge_under_way",
    ),
    "index after our commit": (
        "test_histories::test_05_a_hold_leaves_no_staged_revert",
        "test_advance::test_what_was_staged_elsewhere_stays_staged",
        "test_situations::test_what_was_staged_exactly_as_committed_follows",
    ),
    "take_remote on a local deletion, or on a remote deletion": (
        "test_situations::test_take_remote_brings_back_what_was_deleted_here",
        "test_situations::test_take_remote_of_a_deletion_keeps_ours_and_what_is_ignored",
    ),
    "a task is deleted": (
        "test_situations::test_a_task_is_deleted_when_only_ignored_files_remain",
        "test_situations::test_a_missing_manifest_alone_is_no_deletion",
    ),
    "pending or awaiting approval, and the remote changes it": (
        "test_strategies::test_what_waits_for_a_push_is_held_whatever_the_strategy",
        "test_situations::test_what_was_pending_is_held_until_a_push_is_asked_for",
    ),
    "undo of a pushed operation": (
        "test_undo::test_undo_of_a_push_reverts_at_the_remote_and_keeps_the_edit",
        "test_histories::test_14_what_was_undone_is_not_pushed_again",
        "test_situations::test_undo_of_a_push_that_the_remote_went_on_from_is_a_conflict",
    ),
    "history": (
        "test_crossing::test_the_users_own_commits_travel_and_are_merged_not_rewritten",
        "test_situations::test_history_is_linear_but_for_one_merge_of_the_users_own",
    ),
    "the end of a hold": (
        "test_histories::test_a_hold_ends_when_the_tree_contains_both_sides",
        "test_situations::test_a_hand_made_merge_of_another_line_ends_the_hold_and_one_of_the_same_line_does_not",
    ),
}


def test_every_situation_names_tests_that_exist() -> None:
    directory = Path(__file__).parent
    for situation, names in SITUATIONS.items():
        for name in names:
            module, _, test = name.partition("::")
            tree = ast.parse((directory / f"{module}.py").read_text())
            found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert test in found, f"{situation}: {name}"


def they_push(a: Side, files: dict[str, str | None] | None = None) -> None:
    """Let A change files (NAME to its own version) and push."""
    healthy(a.sync())
    for path, content in (files or {NAME: THEIRS}).items():
        if content is None:
            a.repo.delete(path)
        else:
            a.repo.write(path, content)
    healthy(a.sync())


def hold(a: Side, b: Side, ours: str = OURS) -> None:
    """Bring about the conflict that waits at B."""
    they_push(a)
    b.repo.write(NAME, ours)
    assert b.sync().state == "conflict"


def stands(b: Side, remote: Repo, ours: str = OURS, theirs: str = THEIRS) -> None:
    """Assert that the conflict waits, each content on its side, and nothing is staged."""
    assert b.task(b.sync(), NAME).push_status == "conflict"
    assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (ours, theirs.encode())
    assert b.repo.git("diff", "--cached", "--name-only") == ""


def one(b: Side, remote: Repo) -> None:
    """Assert that B is at the remote's tip and holds nothing else."""
    assert (b.repo.head, b.repo.status()) == (remote.tip("main"), "")


# -- around a hold


@pytest.mark.parametrize("command", [("pull", "--no-rebase"), ("pull", "--rebase", "--autostash"), ("merge", "@{u}")])
def test_a_pull_around_a_held_task_leaves_it_held(a: Side, b: Side, remote: Repo, command: tuple[str, ...]) -> None:
    hold(a, b)
    they_push(a, {"other.md": "news\n"})
    b.repo.fetch()
    b.repo.git(*command, "-q")
    assert b.repo.exists("other.md")
    stands(b, remote)


def test_an_edit_after_the_held_one_was_stashed_uses_the_recorded_base(a: Side, b: Side, remote: Repo) -> None:
    hold(a, b)
    b.repo.git("stash", "-q")
    healthy(b.sync())
    assert b.repo.read(NAME) == THEIRS
    b.repo.write(NAME, OURS_FAR)  # of the recorded base, as an editor that had it open would save it
    b.sync()
    stands(b, remote, OURS_FAR)


def test_a_hand_made_merge_of_another_line_ends_the_hold_and_one_of_the_same_line_does_not(
    a: Side, b: Side, remote: Repo
) -> None:
    hold(a, b)
    b.repo.write(NAME, THEIRS.replace("theirs\n", "both\n"))
    stands(b, remote, THEIRS.replace("theirs\n", "both\n"))
    b.repo.write(NAME, BOTH)
    healthy(b.sync())
    one(b, remote)
    assert remote.tree("main")[NAME] == BOTH.encode()


# -- the user moves HEAD


def test_an_amend_after_the_remote_went_on_is_a_conflict(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write(NAME, OURS)
    healthy(b.sync())
    they_push(a)
    b.repo.write(NAME, OURS.replace("ours", "ours, amended"))
    b.repo.git("commit", "-qa", "--amend", "--no-edit")
    b.sync()
    stands(b, remote, OURS.replace("ours", "ours, amended"))


def test_after_a_reset_to_an_older_commit_the_upstream_comes_back(a: Side, b: Side, remote: Repo) -> None:
    they_push(a)
    healthy(b.sync())
    tip = remote.tip("main")
    b.repo.git("reset", "-q", "--hard", "HEAD~1")
    healthy(b.sync())
    assert remote.tip("main") == tip
    one(b, remote)


def test_a_deletion_that_is_the_older_state_does_not_travel(a: Side, b: Side, remote: Repo) -> None:
    they_push(a, {"new.md": "new\n"})
    healthy(b.sync())
    b.repo.git("reset", "-q", "--hard", "HEAD~1")
    assert not b.repo.exists("new.md")
    healthy(b.sync())
    assert (b.repo.read("new.md"), remote.tree("main")["new.md"]) == ("new\n", b"new\n")


def test_where_head_could_not_move_an_edit_goes_on_from_our_push(b: Side, remote: Repo) -> None:
    b.repo.write(NAME, OURS)
    lock = b.repo.path(".git/refs/heads/main.lock")
    lock.touch()
    b.sync()
    assert remote.tree("main")[NAME] == OURS.encode()
    assert b.repo.head != remote.tip("main")
    lock.unlink()
    b.repo.write(NAME, OURS + "and on\n")
    healthy(b.sync())
    one(b, remote)
    assert remote.tree("main")[NAME] == (OURS + "and on\n").encode()


def test_commits_that_may_not_be_pushed_wait_and_are_no_conflict_once_they_were(a: Side, b: Side, remote: Repo) -> None:
    b.pushback["push_commits"] = False
    b.repo.write(NAME, OURS)
    b.repo.git("commit", "-qam", "mine")
    b.repo.write(NAME, OURS + "and on\n")
    tip = remote.tip("main")
    outcome = b.sync()
    assert (outcome.state, remote.tip("main")) == ("waiting", tip)
    assert "push_commits" in (outcome.waiting_for or "")
    b.repo.push()
    healthy(b.sync())
    one(b, remote)
    assert remote.tree("main")[NAME] == (OURS + "and on\n").encode()


def test_history_is_linear_but_for_one_merge_of_the_users_own(a: Side, b: Side, remote: Repo) -> None:
    they_push(a, {"theirs.md": "theirs\n"})
    b.repo.write("edited.md", "edited\n")
    healthy(b.sync())
    assert remote.is_linear("main")
    they_push(a, {"theirs.md": "again\n"})
    b.repo.write("committed.md", "committed\n")
    mine, upstream = b.repo.commit("mine"), remote.tip("main")
    b.repo.write("edited.md", "again\n")
    healthy(b.sync())
    merges = remote.git("rev-list", "--merges", "main").split()
    assert [remote.parents(merge) for merge in merges] == [[upstream, mine]]
    one(b, remote)


# -- branches


@pytest.mark.parametrize("strategy", list(Strategy))
def test_on_another_branch_nothing_moves(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    b.repo.write(NAME, OURS)
    b.pushback = {"auto_push": False, "conflict_strategy": strategy.value}
    b.sync()
    they_push(a)
    b.repo.git("switch", "-qc", "side")
    b.pushback["auto_push"] = True
    tip, head = remote.tip("main"), b.repo.head
    for _ in range(2):
        assert b.sync().state == "waiting"
    assert (remote.tip("main"), b.repo.head, b.repo.read(NAME)) == (tip, head, OURS)
    assert remote.refs("refs/heads/").keys() == {"refs/heads/main"}


def test_a_renamed_branch_goes_on_once_the_settings_name_it(a: Side, b: Side, remote: Repo) -> None:
    b.repo.git("branch", "-m", "trunk")
    b.repo.write(NAME, OURS)
    outcome = b.sync()
    assert (outcome.state, outcome.hint) == ("waiting", "say so in the settings if that is meant: branch: trunk")
    assert remote.tree("main")[NAME] == LINES.encode()
    b.branch = "trunk"
    healthy(b.sync())
    one(b, remote)
    assert remote.tree("main")[NAME] == OURS.encode()
    assert remote.refs("refs/heads/").keys() == {"refs/heads/main"}


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("renamed", [False, True])
def test_a_branch_that_went_away_at_the_remote_waits(
    a: Side, b: Side, remote: Repo, strategy: Strategy, renamed: bool
) -> None:
    tip = remote.tip("main")
    if renamed:
        remote.git("update-ref", "refs/heads/trunk", tip)
    remote.git("update-ref", "-d", "refs/heads/main")
    refs = remote.refs()
    b.repo.write(NAME, OURS)
    b.pushback["conflict_strategy"] = strategy.value
    files = b.repo.worktree()
    for asked in (False, False, True):
        assert b.sync(all_tasks=asked, by_hand=asked).state == "waiting"
        assert b.save(NAME).state == "waiting"
        assert (remote.refs(), b.repo.worktree()) == (refs, files)


def test_a_rewritten_upstream_is_accepted_or_put_back_by_the_user_alone(a: Side, b: Side, remote: Repo) -> None:
    kept = remote.tip("main")
    they_push(a, {"secret.md": "must go\n"})
    healthy(b.sync())
    remote.git("update-ref", "refs/heads/main", kept)
    for side in (a, b):
        assert "rewritten" in (side.sync().waiting_for or "")
    b.repo.git("reset", "-q", "--keep", "@{upstream}")
    healthy(b.sync())
    one(b, remote)
    assert (remote.tip("main"), b.repo.exists("secret.md")) == (kept, False)
    a.repo.push()
    healthy(a.sync())
    healthy(b.sync())
    assert b.repo.read("secret.md") == "must go\n"


def test_a_history_replaced_at_the_remote_waits(a: Side, b: Side, remote: Repo, tmp_path: Path) -> None:
    other = Repo.init(tmp_path / "other")
    other.write(NAME, "another history\n")
    other.commit("another root")
    other.push("--force", str(remote.root), "main")
    tip = remote.tip("main")
    b.repo.write(NAME, OURS)
    for _ in range(2):
        assert b.sync().state == "waiting"
        assert (remote.tip("main"), b.repo.read(NAME)) == (tip, OURS)


# -- beginnings


def test_a_first_crossing_that_is_ahead_behind_and_dirty(a: Side, clone: Clone, remote: Repo) -> None:
    b = Side(clone("b"))
    they_push(a, {NAME: THEIRS, "theirs.md": "theirs\n"})
    b.repo.write("mine.md", "committed\n")
    mine, upstream = b.repo.commit("mine"), remote.tip("main")
    b.repo.write_all({NAME: OURS, "dirty.md": "dirty\n"})
    outcome = b.sync()
    assert b.statuses(outcome)[NAME] == "conflict"
    stands(b, remote)
    merges = remote.git("rev-list", "--merges", "main").split()
    assert [remote.parents(merge) for merge in merges] == [[upstream, mine]]
    tree = remote.tree("main")
    assert (tree["mine.md"], tree["dirty.md"], tree["theirs.md"]) == (b"committed\n", b"dirty\n", b"theirs\n")
    assert b.repo.read("theirs.md") == "theirs\n"


@pytest.mark.parametrize("fetched", [True, False])
@pytest.mark.parametrize("committed", [True, False])
def test_a_first_crossing_after_a_fetch_merges_as_without_one(
    a: Side, clone: Clone, remote: Repo, committed: bool, fetched: bool
) -> None:
    healthy(a.sync())
    here = Side(clone("first"), pushback={"conflict_strategy": "merge"})
    they_push(a)
    here.repo.write(NAME, OURS_FAR)
    if committed:
        here.repo.commit("Mine")
    if fetched:
        here.repo.fetch()
    healthy(here.sync())
    assert remote.tree("main")[NAME].decode() == BOTH


def test_a_first_crossing_after_an_amend_of_what_was_pushed_by_hand(clone: Clone, remote: Repo) -> None:
    here = Side(clone("first"))
    here.repo.write(NAME, OURS)
    here.repo.commit("Mine")
    here.repo.push("-q")
    here.repo.write(NAME, OURS_FAR)
    here.repo.git("commit", "-qa", "--amend", "-m", "Mine again")
    healthy(here.sync())
    assert remote.tree("main")[NAME].decode() == OURS_FAR


@pytest.fixture
def unborn(empty_remote: Repo, tmp_path: Path) -> Side:
    """A clone of nothing, with a first file."""
    repo = Repo.init(tmp_path / "unborn")
    repo.git("remote", "add", "origin", str(empty_remote.root))
    repo.git("config", "branch.main.remote", "origin")
    repo.git("config", "branch.main.merge", "refs/heads/main")
    repo.write("first.md", "first\n")
    return Side(repo)


def test_an_unborn_branch_is_not_created_beside_other_refs(unborn: Side, empty_remote: Repo, tmp_path: Path) -> None:
    other = Repo.clone(empty_remote.root, tmp_path / "other")
    other.write("x", "x")
    other.commit("on another branch")
    other.push("origin", "HEAD:refs/heads/elsewhere")
    for _ in range(2):
        assert unborn.sync().state == "waiting"
        assert empty_remote.refs().keys() == {"refs/heads/elsewhere"}


def test_an_emptied_remote_is_not_filled_again(unborn: Side, empty_remote: Repo) -> None:
    healthy(unborn.sync())
    empty_remote.git("update-ref", "-d", "refs/heads/main")
    unborn.repo.write("first.md", "again\n")
    for _ in range(2):
        assert unborn.sync().state == "waiting"
        assert empty_remote.refs() == {}
    assert unborn.repo.read("first.md") == "again\n"


@pytest.mark.parametrize("point", ["push.before", "push.sent", "push.acked_before_db", "ref.before_cas"])
def test_the_first_push_comes_before_head_is_born(unborn: Side, empty_remote: Repo, point: str) -> None:
    assert killed_at(unborn, point) is None
    assert not unborn.repo.has("HEAD")
    assert empty_remote.has("main") == (point != "push.before")
    healthy(unborn.sync())
    assert empty_remote.tree("main") == {"first.md": b"first\n"}
    one(unborn, empty_remote)
    assert len(empty_remote.commits("main")) == 1


# -- the index


def test_unmerged_entries_wait_without_a_merge_under_way(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write(NAME, OURS)
    b.repo.git("stash", "-q")
    they_push(a)
    healthy(b.sync())
    b.repo.try_git("stash", "pop")
    assert b.repo.status() == f"UU {NAME}"
    assert not b.repo.exists(".git/MERGE_HEAD")
    index, tip = b.repo.staged(), remote.tip("main")
    for strategy in Strategy:
        b.pushback["conflict_strategy"] = strategy.value
        b.sync(all_tasks=True, by_hand=True)
        assert (b.repo.staged(), remote.tip("main")) == (index, tip)


def test_what_was_staged_exactly_as_committed_follows(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write(NAME, OURS)
    b.repo.git("add", NAME)
    they_push(a, {NAME: OURS})
    healthy(b.sync())
    one(b, remote)


# -- deletions


def test_take_remote_brings_back_what_was_deleted_here(a: Side, b: Side, remote: Repo) -> None:
    they_push(a)
    b.repo.delete(NAME)
    b.pushback["conflict_strategy"] = "take_remote"
    healthy(b.sync())
    assert b.repo.read(NAME) == THEIRS
    one(b, remote)


def task(side: Side) -> None:
    """Give everyone a task with a program that leaves a log behind."""
    side.repo.write_all({"t/metadata.json": '{"name": "t"}\n', "t/main.txt": LINES, ".gitignore": "*.log\n"})
    healthy(side.sync())


def test_take_remote_of_a_deletion_keeps_ours_and_what_is_ignored(a: Side, b: Side, remote: Repo) -> None:
    task(a)
    healthy(b.sync())
    they_push(a, {"t/metadata.json": None, "t/main.txt": None})
    b.repo.write_all({"t/main.txt": OURS, "t/run.log": "ignored\n"})
    b.pushback["conflict_strategy"] = "take_remote"
    done = healthy(b.sync()).operation
    assert done is not None
    assert {path for path in b.repo.worktree() if path.startswith("t/")} == {"t/run.log"}
    assert b.repo.git_bytes("show", f"refs/gitferry/ops/{done.id}:local-before/t/main.txt") == OURS.encode()
    one(b, remote)


def test_a_task_is_deleted_when_only_ignored_files_remain(a: Side, b: Side, remote: Repo) -> None:
    task(b)
    b.repo.write("t/run.log", "ignored\n")
    for path in ("t/metadata.json", "t/main.txt"):
        b.repo.delete(path)
    healthy(b.sync())
    assert not any(path.startswith("t/") for path in remote.tree("main"))
    assert b.repo.read("t/run.log") == "ignored\n"


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_missing_manifest_alone_is_no_deletion(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    task(b)
    b.repo.delete("t/metadata.json")
    b.pushback["conflict_strategy"] = strategy.value
    outcome = b.sync()
    assert b.task(outcome, "t").push_status == "failed"
    assert {"t/metadata.json", "t/main.txt"} <= remote.tree("main").keys()
    b.repo.delete("t/main.txt")
    healthy(b.sync())
    assert not any(path.startswith("t/") for path in remote.tree("main"))


# -- what waits


@pytest.mark.parametrize("waits", [{"auto_push": False}, {"approval": "required"}], ids=["pending", "approval"])
@pytest.mark.parametrize("strategy", [Strategy.TAKE_LOCAL, Strategy.TAKE_REMOTE, Strategy.MERGE])
def test_what_was_pending_is_held_until_a_push_is_asked_for(
    a: Side, b: Side, remote: Repo, waits: dict[str, object], strategy: Strategy
) -> None:
    b.pushback |= {**waits, "conflict_strategy": strategy.value}
    b.repo.write(NAME, OURS_FAR)
    assert b.task(b.sync(), NAME).push_status in ("pending", "awaiting_approval")
    they_push(a)
    for _ in range(2):
        stands(b, remote, OURS_FAR)
    state = b.task(b.sync(), NAME)
    words = {state.id: Word(state.version_seen or "", "tester")}
    healthy(b.sync(tasks=frozenset({state.id}), words=words, by_hand=True))
    expected = {Strategy.TAKE_LOCAL: OURS_FAR, Strategy.TAKE_REMOTE: THEIRS, Strategy.MERGE: BOTH}[strategy]
    assert (b.repo.read(NAME), remote.tree("main")[NAME]) == (expected, expected.encode())
    one(b, remote)


def test_undo_of_a_push_that_the_remote_went_on_from_is_a_conflict(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write(NAME, OURS)
    pushed = healthy(b.sync()).operation
    assert pushed is not None
    later = OURS.replace("ours", "ours, then theirs")
    they_push(a, {NAME: later})
    tip = remote.tip("main")
    undo(b.settings, pushed.id, host=b.host)
    for _ in range(2):
        stands(b, remote, OURS, later)
        assert remote.tip("main") == tip
