"""A held task keeps both its sides, whatever becomes of its branch, its files and the rules that made it a task."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from gitferry.pushback import carry, operations
from gitferry.pushback.outcome import PushStatus, Take
from gitferry.tests.pushback.adversary import REMOTE, TASK, Meanwhile, both_have, hold, remote_keeps
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import BOTH, NAME, OURS_FAR, answer, both_change
from gitferry.tests.repo import Repo

NESTED = {**TASK, "t/inner/metadata.json": '{"name":"inner"}\n', "t/inner/p": "i0\n"}


@pytest.fixture
def held(here: Side, there: Side) -> Side:
    """The clone whose task t waits in a conflict over t/p."""
    both_have(here, there)
    hold(here, there)
    return there


# -- the hold ends with the pull, not before


@pytest.mark.parametrize(("point", "count"), [("record.saved", 1), ("checkout.partial", 1), ("record.saved", 2)])
def test_a_crash_while_a_hold_ends_reverts_nothing(held: Side, remote: Repo, point: str, count: int) -> None:
    held.repo.write("t/p", "p0\n")
    assert killed_at(held, point, count) is None
    healthy(held.sync())
    remote_keeps(remote)
    assert held.repo.read("t/p") == REMOTE


@pytest.mark.parametrize(
    ("module", "before"),
    [
        pytest.param(operations, "enter", id="before the working tree"),
        pytest.param(carry, "advance", id="before the index"),
    ],
)
def test_a_commit_while_a_hold_ends_reverts_nothing(
    held: Side, remote: Repo, meanwhile: Meanwhile, module: ModuleType, before: str
) -> None:
    held.repo.write("t/p", "p0\n")
    meanwhile(module, before, lambda: held.repo.git("commit", "-q", "--allow-empty", "-m", "mine"))
    assert held.sync().state == "waiting"
    healthy(held.sync())
    remote_keeps(remote)
    assert held.repo.read("t/p") == REMOTE


def test_a_held_deletion_committed_and_taken_back_reverts_nothing(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    here.repo.write("t/p", REMOTE)
    healthy(here.sync())
    for path in TASK:
        there.repo.delete(path)
    there.sync()
    there.repo.git("commit", "-qam", "delete the task")
    there.sync()
    there.repo.git("reset", "-q", "--hard", "HEAD~1")
    there.sync()
    there.sync()
    remote_keeps(remote)
    assert {path for path in remote.tree("main") if path.startswith("t/")} == TASK.keys()


# -- elsewhere in git


def test_a_branch_renamed_while_a_task_is_held_reverts_nothing(held: Side, remote: Repo) -> None:
    held.repo.git("branch", "-m", "main", "trunk")
    held.branch = "trunk"
    for _ in range(2):
        held.sync()
        remote_keeps(remote)
        assert held.repo.read("t/p") == "mine\n"


def test_a_held_edit_committed_on_a_detached_head_and_picked_reverts_nothing(held: Side, remote: Repo) -> None:
    held.repo.git("switch", "-q", "--detach")
    commit = held.repo.commit("mine, detached", "t/p")
    held.repo.git("switch", "-q", "main")
    held.sync()
    held.repo.git("cherry-pick", commit)
    assert held.sync().state == "conflict"
    remote_keeps(remote)
    assert held.repo.read("t/p") == "mine\n"


def test_a_hold_stands_when_another_worktree_is_linked(held: Side, remote: Repo, tmp_path: Path) -> None:
    held.repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "HEAD")
    assert held.sync().state == "conflict"
    remote_keeps(remote)
    assert held.repo.read("t/p") == "mine\n"


# -- the rules that make tasks change


def test_holds_of_a_task_and_of_one_inside_it_both_stand(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, NESTED)
    here.repo.write("t/inner/p", "REMOTE INNER\n")
    healthy(here.sync())
    there.repo.write("t/inner/p", "mine inner\n")
    assert there.sync().state == "conflict"
    here.repo.write("t/p", REMOTE)
    healthy(here.sync())
    there.repo.write("t/p", "mine\n")
    for _ in range(2):
        assert there.statuses(there.sync()) == {"t": "conflict", "t/inner": "conflict"}
    there.repo.write("t/p", REMOTE)
    for _ in range(2):
        assert there.sync().state == "conflict"
        remote_keeps(remote)
        remote_keeps(remote, "t/inner/p", "REMOTE INNER\n")
        assert there.repo.read("t/inner/p") == "mine inner\n"


def test_a_held_file_whose_directory_becomes_a_task_stays_held(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"d/p": "p0\n", "d/q": "q0\n"})
    hold(here, there, "d/p")
    here.repo.write("d/metadata.json", '{"name":"d"}\n')
    healthy(here.sync())
    there.sync()
    there.repo.write("d/q", "q, mine\n")
    for _ in range(2):
        assert there.sync().state == "conflict"
        remote_keeps(remote, "d/p")
        assert there.repo.read("d/p") == "mine\n"


def test_a_held_task_whose_manifest_goes_stays_held(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    hold(here, there)
    here.repo.delete("t/metadata.json")
    here.sync(by_hand=True, all_tasks=True)
    there.repo.delete("t/metadata.json")
    there.sync()
    there.repo.write("t/q", "q, mine\n")
    for _ in range(2):
        there.sync()
        remote_keeps(remote)
        assert there.repo.read("t/p") == "mine\n"


def test_a_held_task_excluded_for_a_while_stays_held(held: Side, remote: Repo) -> None:
    held.tasks = {"exclude": ["t/p"]}
    held.sync()
    held.tasks = {}
    assert held.sync().state == "conflict"
    remote_keeps(remote)
    assert held.repo.read("t/p") == "mine\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("file", "directory"),
        ("directory", "file"),
        ("directory", "repository"),
        ("repository", "file"),
        ("repository", "directory"),
    ],
)
def test_a_hold_stands_when_the_layout_changes(here: Side, there: Side, remote: Repo, old: str, new: str) -> None:
    both_have(here, there)
    there.tasks = {"layout": old}
    hold(here, there)
    there.tasks = {"layout": new}
    there.sync()
    there.repo.write("t/q", "q, mine\n")
    there.sync()
    here.repo.write("t/metadata.json", '{"name":"t2"}\n')
    here.sync()
    for _ in range(2):
        assert there.sync().state == "conflict"
        remote_keeps(remote)
        assert there.repo.read("t/p") == "mine\n"


# -- a file and a directory in each other's place


def test_a_file_made_a_directory_does_not_drop_the_remotes_edit_of_it(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"x.md": "v0\n"})
    here.repo.write("x.md", REMOTE)
    healthy(here.sync())
    there.repo.delete("x.md")
    there.repo.write("x.md/inner", "mine\n")
    for _ in range(2):
        there.sync()
        remote_keeps(remote, "x.md")
        assert there.repo.read("x.md/inner") == "mine\n"


def test_a_directory_made_a_file_does_not_drop_the_remotes_edit_in_it(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"x/a": "a0\n", "x/b": "b0\n"})
    here.repo.write("x/b", REMOTE)
    healthy(here.sync())
    there.repo.delete("x/a")
    there.repo.delete("x/b")
    there.repo.write("x", "mine\n")
    for _ in range(2):
        there.sync()
        remote_keeps(remote, "x/b")
        assert there.repo.read("x") == "mine\n"


# -- the user commits a part of it


@pytest.mark.parametrize("take", [Take.LOCAL, Take.REMOTE])
@pytest.mark.parametrize("strategy", ["fail", "merge", "manual"])
def test_a_commit_of_another_file_answers_no_conflict(held: Side, remote: Repo, strategy: str, take: Take) -> None:
    held.repo.write("t/q", "q1\n")
    held.repo.git("commit", "-q", "-m", "another file", "t/q")
    held.pushback["conflict_strategy"] = strategy
    for _ in range(2):
        told = held.sync()
        assert held.task(told, "t").push_status is PushStatus.CONFLICT
        remote_keeps(remote)
        remote_keeps(remote, "t/q", "q1\n")
        assert held.repo.read("t/p") == "mine\n"
    healthy(answer(held, told, take, "t"))
    assert held.repo.worktree() == remote.tree("main")
    remote_keeps(remote, content="mine\n" if take is Take.LOCAL else REMOTE)


def test_nor_does_one_that_meets_another_change_of_the_remotes(here: Side, held: Side, remote: Repo) -> None:
    held.repo.write("t/q", "q1\n")
    held.repo.git("commit", "-q", "-m", "another file", "t/q")
    here.repo.write("t/r", "theirs too\n")
    healthy(here.sync())
    held.pushback["conflict_strategy"] = "merge"
    for _ in range(2):
        held.sync()
        remote_keeps(remote)
        assert held.repo.read("t/p") == "mine\n"


def test_what_goes_on_from_a_commit_of_both_sides_is_none(here: Side, there: Side, remote: Repo) -> None:
    both_change(here, there, OURS_FAR)
    assert here.sync().state == "conflict"
    here.repo.write(NAME, BOTH)
    here.repo.git("commit", "-q", "-m", "both sides", NAME)
    here.repo.write(NAME, BOTH.replace("theirs", "and on"))
    healthy(here.sync())
    assert remote.tree("main") == here.repo.worktree()


# -- renames


@pytest.mark.parametrize("others", [{}, {"keep/metadata.json": '{"name":"keep"}\n'}], ids=["all", "most"])
def test_a_rename_of_many_tasks_never_goes_by_halves(tmp_path: Path, others: dict[str, str]) -> None:
    remote = Repo.init(tmp_path / "own.git", "--bare")
    work = Repo.clone(remote.root, tmp_path / "work")
    work.write_all({f"a/{n}/metadata.json": f'{{"name":"n{n}", "x":"{n}"}}\n' for n in range(6)} | others)
    work.commit("six tasks")
    work.push("origin", "main")
    side = Side(work)
    healthy(side.sync())
    tree = remote.tree("main")
    work.path("a").rename(work.path("b"))
    side.sync()
    assert remote.tree("main") == tree
    side.sync(by_hand=True, all_tasks=True)
    assert remote.tree("main") == work.worktree()
