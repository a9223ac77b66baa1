"""What the log of operations tells: how each task travelled last, and what it says of a ref that is none of it."""

from __future__ import annotations

import pytest

from gitferry.pushback import operations
from gitferry.pushback.ground import Ground
from gitferry.pushback.operations import OperationUnreadable, Travel
from gitferry.pushback.undo import undo
from gitferry.tests.pushback.kit import Side, healthy


def travels(ground: Ground) -> dict[str, tuple[bool, str | None]]:
    return {path: (travel.pushed, travel.commit) for path, travel in operations.travels(ground.objects).items()}


def test_each_tasks_last_travel(here: Side, there: Side, ground: Ground) -> None:
    here.pushback = {"max_batch_size": 1}
    here.repo.write_all({"a.txt": "a\n", "b.txt": "b\n"})
    healthy(here.sync())
    second, first = here.repo.commits("HEAD")[:2]
    commits = {path: here.repo.git("log", "-1", "--format=%H", "--", path) for path in ("a.txt", "b.txt")}
    assert set(commits.values()) == {first, second}
    assert travels(ground) == {path: (True, commit) for path, commit in commits.items()}
    healthy(there.sync())
    there.repo.write("a.txt", "from there\n")
    healthy(there.sync())
    healthy(here.sync())
    assert travels(ground) == {"a.txt": (False, commits["a.txt"]), "b.txt": (True, commits["b.txt"])}
    assert operations.travels(ground.objects)["a.txt"].at > operations.travels(ground.objects)["b.txt"].at


def test_the_users_own_commit_is_the_one_that_travelled(here: Side, ground: Ground) -> None:
    here.repo.write("mine.txt", "mine\n")
    mine = here.repo.commit("my own")
    here.repo.write("other.txt", "other\n")
    healthy(here.sync())
    assert travels(ground) == {"mine.txt": (True, mine), "other.txt": (True, here.repo.head)}


def test_an_undone_push_was_a_push_of_the_task_and_then_its_revert(here: Side, ground: Ground) -> None:
    here.repo.write("notes.txt", "first\n")
    done = healthy(here.sync()).operation
    assert done is not None
    assert undo(here.settings, done.id, host=here.host).error is None
    assert travels(ground) == {"notes.txt": (False, here.repo.head)}
    assert isinstance(operations.travels(ground.objects)["notes.txt"], Travel)


def test_a_ref_that_is_no_operation_is_named(here: Side, ground: Ground) -> None:
    here.repo.git("update-ref", "refs/gitferry/ops/mine", "HEAD")
    with pytest.raises(OperationUnreadable, match=r"refs/gitferry/ops/mine") as raised:
        operations.read_all(ground.objects)
    assert "git update-ref -d refs/gitferry/ops/mine" in raised.value.hint
