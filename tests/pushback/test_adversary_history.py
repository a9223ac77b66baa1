"""What the remote removed stays removed, what it has stays there: histories that an adversary of the engine chose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.pushback.pause import pause, resume
from gitferry.pushback.undo import undo
from gitferry.repos import transport
from gitferry.tests.pushback.adversary import TASK, Meanwhile, both_have, remote_keeps
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]


def leaked(here: Side, remote: Repo) -> tuple[str, str]:
    """Push a secret; return the remote's tip before it, and with it."""
    before = remote.tip("main")
    here.repo.write("t/p", "SECRET\n")
    healthy(here.sync())
    return before, remote.tip("main")


def rewind(remote: Repo, tip: str) -> None:
    """Drop what the remote's administrator wants gone."""
    remote.git("update-ref", "refs/heads/main", tip)


def stays_rewound(side: Side, remote: Repo, tip: str) -> None:
    """Assert that neither a sync nor a save pushes back what was dropped, and that the user is told."""
    for _ in range(2):
        outcome = side.sync()
        assert outcome.state == "waiting"
        assert "rewritten" in (outcome.waiting_for or "")
        assert remote.tip("main") == tip
    side.repo.write("README.md", "an edit of something else\n")
    side.save("README.md")
    assert remote.tip("main") == tip


# -- dropped by an administrator


def test_what_the_user_pulled_and_the_remote_dropped_is_not_pushed_back(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    before, _ = leaked(here, remote)
    there.repo.pull("--ff-only")
    rewind(remote, before)
    stays_rewound(there, remote, before)


def test_what_was_pulled_during_a_pause_and_dropped_is_not_pushed_back(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    pause(there.settings, None, host=there.host)
    before, _ = leaked(here, remote)
    there.repo.pull("--ff-only")
    rewind(remote, before)
    resume(there.settings, host=there.host)
    stays_rewound(there, remote, before)


def test_what_a_dying_crossing_pulled_and_the_remote_dropped_is_not_pushed_back(
    here: Side, there: Side, remote: Repo
) -> None:
    both_have(here, there)
    before, _ = leaked(here, remote)
    assert killed_at(there, "ref.after_cas") is None
    rewind(remote, before)
    stays_rewound(there, remote, before)


def test_what_was_cloned_and_dropped_before_the_first_fetch_died_is_not_pushed_back(
    clone: Clone, here: Side, remote: Repo
) -> None:
    before, _ = leaked(here, remote)
    late = Side(clone("late"))
    rewind(remote, before)
    assert killed_at(late, "fetch.pack") is None
    stays_rewound(late, remote, before)


# -- taken back by its user


def test_a_commit_the_user_took_back_while_the_push_was_tried_again_is_not_pushed(
    here: Side, there: Side, remote: Repo, meanwhile: Meanwhile
) -> None:
    both_have(here, there)
    there.repo.write("other.md", "makes the first push stale\n")
    healthy(there.sync())
    here.repo.write("mine.md", "OOPS\n")
    mine = here.repo.commit("oops")
    meanwhile(transport, "fetch", lambda: here.repo.git("reset", "-q", "--hard", "HEAD~1"))
    here.save("mine.md")
    healthy(here.sync())
    assert mine not in remote.commits("main")
    assert not here.repo.exists("mine.md")


@pytest.fixture
def undone(here: Side, there: Side, remote: Repo) -> Side:
    """A clone whose user undid a push: its file keeps the content that is not to travel."""
    both_have(here, there)
    here.repo.write("t/p", "WRONG\n")
    pushed = healthy(here.sync()).operation
    assert pushed is not None
    assert undo(here.settings, pushed.id, host=here.host).error is None
    here.sync()
    remote_keeps(remote, content="p0\n")
    return here


def test_an_undone_edit_that_comes_back_from_the_stash_is_not_pushed(undone: Side, remote: Repo) -> None:
    undone.repo.git("stash", "-q")
    undone.sync()
    undone.repo.git("stash", "pop", "-q")
    undone.sync()
    remote_keeps(remote, content="p0\n")
    assert undone.repo.read("t/p") == "WRONG\n"


def test_an_undone_edit_that_was_staged_and_unstaged_is_not_pushed(undone: Side, remote: Repo) -> None:
    undone.repo.git("add", "t/p")
    undone.sync()
    undone.repo.git("reset", "-q")
    undone.sync()
    remote_keeps(remote, content="p0\n")
    assert undone.repo.read("t/p") == "WRONG\n"


# -- begun and not ended


def test_half_a_pull_is_no_edit_when_the_remote_takes_its_change_back(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    here.repo.write_all({"t/p": "p1\n", "t/q": "q1\n"})
    healthy(here.sync())
    assert killed_at(there, "checkout.partial") is None
    here.repo.write_all(TASK)
    healthy(here.sync())
    tip = remote.tip("main")
    healthy(there.sync())
    healthy(there.sync())
    assert remote.tip("main") == tip
    assert there.repo.worktree() == remote.tree("main")


def test_half_an_undo_is_no_edit_and_reverts_nothing(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    here.repo.write_all({"t/p": "p1\n", "t/q": "q1\n"})
    healthy(here.sync())
    pulled = healthy(there.sync()).operation
    assert pulled is not None
    undoing = killed_at(there, "checkout.partial", 1, lambda: undo(there.settings, pulled.id, host=there.host))
    assert undoing is None
    tip = remote.tip("main")
    there.sync()
    there.sync()
    assert remote.tip("main") == tip
    remote_keeps(remote, "t/p", "p1\n")
    remote_keeps(remote, "t/q", "q1\n")


# -- odd repositories


def test_a_shallow_clone_loses_nothing_of_what_it_never_saw(here: Side, remote: Repo, tmp_path: Path) -> None:
    here.repo.write("one.md", "1\n")
    healthy(here.sync())
    shallow = Side(Repo.clone(f"file://{remote.root}", tmp_path / "shallow", "--depth=1"))
    shallow.repo.write("two.md", "2\n")
    healthy(shallow.sync())
    here.repo.write("one.md", "1, edited\n")
    healthy(here.sync())
    shallow.repo.write("three.md", "3\n")
    healthy(shallow.sync())
    assert shallow.repo.head == remote.tip("main")
    assert shallow.repo.worktree() == remote.tree("main")
    remote_keeps(remote, "one.md", "1, edited\n")


@pytest.mark.parametrize("name", ["a%b", "ü/ñ", "x" * 120 + "/" + "é" * 60, "we'ird;$(x)"])
def test_a_branch_of_an_odd_name_gets_its_edits(here: Side, remote: Repo, name: str) -> None:
    here.repo.git("switch", "-qc", name)
    here.repo.push("-u", "origin", name)
    here.branch = name
    here.repo.write("odd.md", "1\n")
    healthy(here.sync())
    assert remote.tree(name)["odd.md"] == b"1\n"
    assert "odd.md" not in remote.tree("main")


def test_a_linked_worktree_and_the_main_one_push_to_their_own_branches(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    here.repo.git("branch", "side")
    here.repo.push("-u", "origin", "side")
    root = here.repo.root.parent / "linked"
    here.repo.git("worktree", "add", "-q", str(root), "side")
    linked = Side(Repo(root), branch="side")
    linked.repo.write("t/p", "in the linked one\n")
    healthy(linked.sync())
    here.repo.write("t/q", "in the main one\n")
    healthy(here.sync())
    linked.branch = None
    healthy(linked.sync())
    assert remote.tree("side")["t/p"] == b"in the linked one\n"
    assert remote.tree("side")["t/q"] == b"q0\n"
    assert remote.tree("main")["t/p"] == b"p0\n"
    assert remote.tree("main")["t/q"] == b"in the main one\n"
    here.repo.fsck()


def test_a_clone_that_pushes_elsewhere_than_it_fetches_from_keeps_its_edits_and_says_so(
    here: Side, there: Side, remote: Repo, tmp_path: Path
) -> None:
    both_have(here, there)
    fork = Repo.init(tmp_path / "fork.git", "--bare")
    here.repo.push(str(fork.root), "main")
    here.repo.git("config", "remote.origin.pushurl", str(fork.root))
    tips = remote.tip("main"), fork.tip("main")
    here.repo.write("t/p", "v1\n")
    for _ in range(2):
        outcome = here.sync()
        assert outcome.state == "failing"
        assert str(fork.root) in (outcome.error or "")
    assert (remote.tip("main"), fork.tip("main")) == tips
    assert here.repo.read("t/p") == "v1\n"


# -- an amend that takes a pushed rename back


@pytest.mark.parametrize("strategy", ["fail", "merge", "take_local", "take_remote"])
@pytest.mark.parametrize("edited", ["", "and on\n"])
def test_an_amend_that_takes_a_pushed_rename_back_goes_on_from_it(
    here: Side, there: Side, remote: Repo, strategy: str, edited: str
) -> None:
    text = "".join(f"line {number}\n" for number in range(9))
    both_have(here, there, {"plan.md": text})
    here.pushback["conflict_strategy"] = strategy
    here.repo.path("plan.md").rename(here.repo.path("other.md"))
    healthy(here.sync())
    here.repo.path("other.md").rename(here.repo.path("plan.md"))
    here.repo.write("plan.md", text + edited)
    here.repo.git("add", "--all")
    here.repo.git("commit", "-q", "--amend", "--no-edit", "--allow-empty")
    for _ in range(2):
        healthy(here.sync())
        remote_keeps(remote, "plan.md", text + edited)
        assert here.repo.worktree() == remote.tree("main")
