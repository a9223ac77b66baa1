"""Tasks that a rename once joined go their own ways again once that rename was taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gitferry.pushback.outcome import PushStatus
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

ALPHA = "".join(f"alpha {number}\n" for number in range(12))
BETA = "".join(f"beta {number}\n" for number in range(12))
EDITED = BETA.replace("beta 7\n", "theirs\n")


@pytest.fixture
def shared() -> Mapping[str, str]:
    return {
        "tasks/alpha/task.yaml": "name: alpha\n",
        "tasks/alpha/main.txt": ALPHA,
        "tasks/beta/task.yaml": "# quite another text\nname: beta\n",
        "tasks/beta/main.txt": BETA,
    }


@pytest.fixture
def wishes() -> Mapping[str, Any]:
    return {"conflict_strategy": "create_pr"}


def move(side: Side, old: str, new: str) -> None:
    side.repo.path(f"tasks/{old}").rename(side.repo.path(f"tasks/{new}"))


def test_what_only_the_remote_changed_is_not_taken_back_for_review(a: Side, b: Side, remote: Repo) -> None:
    move(a, "alpha", "gamma")
    healthy(a.sync(all_tasks=True, by_hand=True))
    b.repo.write("tasks/alpha/main.txt", ALPHA.replace("alpha 3\n", "ours\n"))
    b.sync(push=False)
    move(a, "gamma", "alpha")
    a.repo.write("tasks/alpha/main.txt", ALPHA.replace("alpha 3\n", "both changed it\n"))
    move(a, "beta", "gamma")
    a.repo.write("tasks/gamma/main.txt", EDITED)
    healthy(a.sync(all_tasks=True, by_hand=True))
    b.sync(push=False)  # HEAD goes on to where the rename was taken back
    statuses = b.statuses(b.sync())
    assert statuses["tasks/alpha"] is PushStatus.IN_REVIEW
    assert b.repo.read("tasks/gamma/main.txt") == EDITED and not b.repo.exists("tasks/beta")
    (branch,) = (name for name in remote.refs("refs/heads/gitferry/"))
    assert remote.tree(branch)["tasks/gamma/main.txt"] == EDITED.encode()
    assert "ours\n" in remote.tree(branch)["tasks/alpha/main.txt"].decode()


def test_a_file_that_came_while_it_was_held_was_not_moved_away_here(a: Side, b: Side) -> None:
    a.repo.write("notes.md", ALPHA)
    healthy(a.sync())
    healthy(b.sync())
    a.repo.path("notes.md").rename(a.repo.path("moved.md"))
    healthy(a.sync())
    b.repo.write("notes.md", ALPHA + "ours\n")
    assert b.statuses(b.sync()) == {"notes.md": PushStatus.IN_REVIEW, "moved.md": PushStatus.IN_REVIEW}
    b.sync()
    a.repo.write_all({"moved.md": ALPHA + "theirs\n", "notes.md": "a new one\n"})
    healthy(a.sync())
    statuses = b.statuses(b.sync())
    assert b.repo.read("moved.md") == ALPHA + "theirs\n", "it is the remote's alone"
    assert statuses["notes.md"] is PushStatus.IN_REVIEW
    before = b.repo.worktree(), b.repo.refs("refs/gitferry/base")
    b.sync()
    assert (b.repo.worktree(), b.repo.refs("refs/gitferry/base")) == before
