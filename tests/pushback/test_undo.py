"""Undo: the local side exactly as it was, a reverting commit where it was pushed, and a task that then waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.pushback.operations import NoSuchOperation
from gitferry.pushback.outcome import Outcome
from gitferry.pushback.undo import undo
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]


def back(side: Side, outcome: Outcome) -> Outcome:
    """Undo what an outcome did."""
    assert outcome.operation is not None
    return undo(side.settings, outcome.operation.id, host=side.host)


def same(repo: Repo, remote: Repo) -> None:
    """Assert that the clone is at the remote's tip, with its tree and nothing else."""
    assert (repo.head, repo.worktree(), repo.status()) == (remote.tip("main"), remote.tree("main"), "")


def test_undo_of_a_pull_restores_the_local_side_and_waits(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("note.md", "old\n")
    healthy(here.sync())
    healthy(there.sync())
    here.repo.write("note.md", "new\n")
    healthy(here.sync())
    pulled = healthy(there.sync()).operation
    assert pulled is not None
    undone = undo(there.settings, pulled.id, host=there.host)
    assert undone.error is None and undone.operation is not None
    assert there.repo.read("note.md") == "old\n"
    assert remote.tree("main")["note.md"] == b"new\n"
    assert there.task(there.sync(), "note.md").push_status == "pending"
    assert there.repo.read("note.md") == "old\n"
    again = undo(there.settings, undone.operation.id, host=there.host)
    assert again.error is None
    assert there.repo.read("note.md") == "new\n"
    healthy(there.sync())
    same(there.repo, remote)


def test_undo_of_a_push_reverts_at_the_remote_and_keeps_the_edit(here: Side, remote: Repo) -> None:
    before = remote.tree("main")
    here.repo.write("note.md", "pushed\n")
    pushed = healthy(here.sync()).operation
    assert pushed is not None
    commits = remote.commits("main")
    outcome = undo(here.settings, pushed.id, host=here.host)
    assert outcome.error is None, outcome
    assert remote.tree("main") == before
    assert remote.commits("main")[1:] == commits  # a new commit on top, nothing rewritten
    assert here.repo.read("note.md") == "pushed\n"
    here.sync()
    assert remote.tree("main") == before  # not pushed again by itself
    here.repo.write("note.md", "edited\n")
    healthy(here.sync())
    assert remote.tree("main")["note.md"] == b"edited\n"


def test_undo_and_undo_again_of_a_push(here: Side, remote: Repo) -> None:
    here.repo.write("note.md", "pushed\n")
    undone = back(here, healthy(here.sync()))
    assert "note.md" not in remote.tree("main")
    again = back(here, undone)
    assert again.error is None
    assert remote.tree("main")["note.md"] == b"pushed\n"
    healthy(here.sync())
    same(here.repo, remote)
    assert remote.is_linear("main")


def test_undo_of_a_whole_task_deleted_by_the_remote_brings_it_back(here: Side, there: Side, remote: Repo) -> None:
    there.repo.write_all({"tasks/t/metadata.json": '{"name": "t"}', "tasks/t/a": "a", "tasks/t/sub/b": "b"})
    healthy(there.sync())
    healthy(here.sync())
    for name in ("tasks/t/metadata.json", "tasks/t/a", "tasks/t/sub/b"):
        there.repo.delete(name)
    healthy(there.sync())
    pulled = healthy(here.sync())
    assert not here.repo.exists("tasks/t")
    assert back(here, pulled).error is None
    assert here.repo.read("tasks/t/sub/b") == "b"
    assert "tasks/t/a" not in remote.tree("main")
    outcome = here.sync()
    assert here.task(outcome, "tasks/t").push_status == "pending"
    asked = frozenset({here.task(outcome, "tasks/t").id})
    healthy(here.sync(tasks=asked, by_hand=True))
    assert {"tasks/t/metadata.json", "tasks/t/a", "tasks/t/sub/b"} <= remote.tree("main").keys()


def test_an_edit_made_since_stops_the_undo(here: Side, there: Side, remote: Repo) -> None:
    there.repo.write("note.md", "new\n")
    healthy(there.sync())
    pulled = healthy(here.sync())
    here.repo.write("note.md", "mine\n")
    refused = back(here, pulled)
    assert "edited here since" in (refused.error or "")
    assert here.repo.read("note.md") == "mine\n"
    assert remote.tree("main")["note.md"] == b"new\n"


def test_where_the_remote_went_on_the_undo_of_a_push_is_a_conflict(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("note.md", "first\n")
    healthy(here.sync())
    here.repo.write("note.md", "pushed\n")
    pushed = healthy(here.sync())
    healthy(there.sync())
    there.repo.write("note.md", "theirs\n")
    healthy(there.sync())
    tip = remote.tip("main")
    undone = back(here, pushed)
    assert here.task(undone, "note.md").push_status == "conflict"
    assert "both sides changed note.md" in undone.notes[-1]
    for _ in range(2):
        assert here.repo.read("note.md") == "pushed\n"  # as it was when the operation began
        assert (remote.tree("main")["note.md"], remote.tip("main")) == (b"theirs\n", tip)
        assert here.task(here.sync(), "note.md").push_status == "conflict"


def test_an_unknown_operation_is_named(here: Side) -> None:
    with pytest.raises(NoSuchOperation, match="ffff"):
        undo(here.settings, "ffff", host=here.host)


def test_the_replaced_state_is_kept_through_gc(here: Side, there: Side) -> None:
    here.repo.write("note.md", "old words\n")
    healthy(here.sync())
    healthy(there.sync())
    here.repo.delete("note.md")
    healthy(here.sync())
    operation = healthy(there.sync()).operation
    assert operation is not None
    there.repo.git("reflog", "expire", "--expire=now", "--all")
    there.repo.git("gc", "-q", "--prune=now")
    kept = there.repo.git("show", f"refs/gitferry/ops/{operation.id}:local-before/note.md")
    assert kept == "old words"
