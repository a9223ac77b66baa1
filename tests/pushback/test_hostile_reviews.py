"""Trees that somebody built to burst, on the branch at the remote where an edit of ours is reviewed."""

from __future__ import annotations

from typing import Any

import pytest

from gitferry.pushback.outcome import Answer, PushStatus, Take
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


def fill(remote: Repo, branch: str, place: str) -> str:
    """Put billions of files at one place of a branch; return where that was."""
    forger, before = Forger(remote), remote.tip(branch)
    inner = forger.tree(("100644", "file", forger.blob(b"x")))
    for _ in range(9):
        inner = forger.tree(*(("40000", f"d{n}", inner) for n in range(10)))
    tree = forger.tree(("40000", place, inner))
    hostile = remote.git("commit-tree", tree, "-p", branch, "-m", "Hostile")
    remote.git("update-ref", f"refs/heads/{branch}", hostile)
    return before


@pytest.mark.parametrize("place", [NAME, "bomb"])
def test_a_few_objects_that_are_billions_of_files(a: Side, b: Side, remote: Repo, place: str) -> None:
    b.repo.write(NAME, OURS)
    healthy(b.sync())
    before = fill(remote, BRANCH, place)
    a.repo.write(OTHER, BASE + "theirs\n")
    healthy(a.sync())
    b.repo.write("new.md", "new\n")
    for _ in range(2):
        told = healthy(b.sync())
        held = b.task(told, NAME)
        assert BRANCH in (held.reason or "") and "would unpack" in (held.reason or "")
        assert held.push_status is PushStatus.PENDING
        assert b.task(told, "new.md").push_status is PushStatus.IN_REVIEW
        assert (b.repo.read(NAME), b.repo.read(OTHER)) == (OURS, BASE + "theirs\n")
        assert not b.repo.exists("bomb")
    assert remote.tree("gitferry/b/new.md")["new.md"] == b"new\n"
    remote.git("update-ref", f"refs/heads/{BRANCH}", before)
    assert b.task(healthy(b.sync()), NAME).push_status is PushStatus.IN_REVIEW
    assert remote.tip(BRANCH) == before


@pytest.mark.parametrize("edited", [False, True])
def test_what_waits_behind_it_goes_once_it_is_deleted(b: Side, remote: Repo, edited: bool) -> None:
    b.repo.write(NAME, OURS)
    healthy(b.sync())
    fill(remote, BRANCH, "bomb")
    b.repo.write(NAME, OURS + "more\n" if edited else OURS)
    for asked in (False, True):
        assert "would unpack" in (b.task(b.sync(all_tasks=asked), NAME).reason or "")
    assert b.repo.read(NAME) == (OURS + "more\n" if edited else OURS)
    remote.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    b.sync()
    healthy(b.sync(all_tasks=True))
    ((branch, _),) = branches(remote).items()
    assert remote.tree(branch)[NAME].decode() == b.repo.read(NAME)


def test_who_takes_their_edit_back_is_rid_of_it(b: Side, remote: Repo) -> None:
    b.repo.write(NAME, OURS)
    healthy(b.sync())
    fill(remote, BRANCH, "bomb")
    hostile = remote.tip(BRANCH)
    b.sync()
    b.repo.write(NAME, BASE)
    for _ in range(2):
        assert not healthy(b.sync()).pending
    assert (remote.tip(BRANCH), b.repo.status()) == (hostile, "")


def test_the_tracked_branch_goes_on_under_the_edit(a: Side, b: Side, remote: Repo) -> None:
    b.repo.write(NAME, OURS)
    healthy(b.sync())
    fill(remote, BRANCH, "bomb")
    a.repo.write(NAME, BASE.replace("line 9\n", "theirs\n"))
    healthy(a.sync())
    for _ in range(2):
        assert "would unpack" in (b.task(b.sync(), NAME).reason or "")
        assert (b.repo.read(NAME), b.repo.head) == (OURS, remote.tip("main"))
    remote.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    b.sync()
    b.sync(all_tasks=True)
    ((branch, _),) = branches(remote).items()
    assert remote.tree(branch)[NAME].decode() == OURS.replace("line 9\n", "theirs\n")
    assert b.repo.read(NAME) == OURS.replace("line 9\n", "theirs\n")


def test_a_conflict_in_review_is_answered_all_the_same(a: Side, b: Side, remote: Repo) -> None:
    b.pushback |= {"branch_strategy": "main", "conflict_strategy": "create_pr"}
    a.repo.write(NAME, BASE.replace("line 1\n", "theirs\n"))
    healthy(a.sync())
    b.repo.write(NAME, OURS)
    b.sync()
    fill(remote, BRANCH, "bomb")
    b.repo.write(OTHER, BASE + "more\n")
    told = b.sync()
    assert told.error is None
    assert remote.tree("main")[OTHER].decode() == BASE + "more\n"
    held = b.task(told, NAME)
    assert BRANCH in (held.reason or "")
    healthy(b.sync(answers={held.id: Answer(Take.LOCAL, held.version_seen or "")}))
    assert remote.tree("main")[NAME].decode() == OURS
