"""Trees that somebody built to burst, on the branch at the remote where an edit of ours is reviewed."""

from __future__ import annotations

from typing import Any

import pytest

from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.reviewing import FILES, NAME, OFFERS, OURS, branches
from gitferry.tests.pushback.test_hostile_trees import Forger
from gitferry.tests.repo import Repo


@pytest.fixture
def shared() -> dict[str, str]:
    return FILES


@pytest.fixture
def wishes() -> dict[str, Any]:
    return OFFERS


@pytest.mark.parametrize("place", [NAME, "bomb"])
def test_a_few_objects_that_are_billions_of_files(b: Side, remote: Repo, place: str) -> None:
    b.repo.write(NAME, OURS)
    healthy(b.sync())
    forger = Forger(remote)
    inner = forger.tree(("100644", "file", forger.blob(b"x")))
    for _ in range(9):
        inner = forger.tree(*(("40000", f"d{n}", inner) for n in range(10)))
    ((branch, before),) = branches(remote).items()
    tree = forger.tree(("40000", place, inner))
    hostile = remote.git("commit-tree", tree, "-p", branch, "-m", "Hostile")
    remote.git("update-ref", f"refs/heads/{branch}", hostile)
    outcome = b.sync()
    assert outcome.state == "failing" and "would unpack" in (outcome.error or "")
    assert b.repo.read(NAME) == OURS and not b.repo.exists("bomb")
    remote.git("update-ref", f"refs/heads/{branch}", before)
    healthy(b.sync())
    assert branches(remote) == {branch: before}
