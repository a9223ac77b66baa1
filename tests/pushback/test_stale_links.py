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
