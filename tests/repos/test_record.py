"""The record of a branch: what is written is read again, stays reachable, and nobody's write is overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitferry.repos import record as records
from gitferry.repos.content import FILE, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import EMPTY_TREE, Objects
from gitferry.repos.record import Journal, Record, RecordUnreadable
from gitferry.tests.repo import Repo

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.write("a", "a")
    made.commit("one")
    return made


@pytest.fixture
def objects(repo: Repo) -> Iterator[Objects]:
    found = Objects(repo.path(".git"))
    yield found
    found.close()


def full(objects: Objects, head: str) -> Record:
    tree = objects.apply(EMPTY_TREE, {"caf\udce9/x": Entry(FILE, objects.write_blob(b"held"))})
    other = objects.apply(EMPTY_TREE, {"y": Entry(FILE, objects.write_blob(b"theirs"))})
    return Record(
        "feature/x",
        agreed=head,
        fetched=True,
        own=(head,),
        holds=(Hold("caf\udce9", "directory", (tree, EMPTY_TREE), other, (tree,), "why", head, HoldState.PARKED, "s"),),
        journal=Journal(head, head, tree, other, ("caf\udce9/x",)),
        waiting=("caf\udce9",),
        snapshots=(tree,),
        paused=True,
        paused_until="2026-01-02T03:04:05+00:00",
        pushes_held=True,
        sequence=7,
    )


def test_what_is_saved_is_loaded(repo: Repo, objects: Objects) -> None:
    saved = records.save(objects, full(objects, repo.head), head=repo.head, at=AT)
    assert records.load(objects, "feature/x") == saved
    assert records.branches(objects) == ("feature/x",)
    assert repo.refs("refs/gitferry/base/") == {"refs/gitferry/base/feature%2Fx": saved.oid}
    repo.git("fsck", "--full", "--strict")


def test_everything_named_survives_gc(repo: Repo, objects: Objects) -> None:
    first = records.save(objects, full(objects, repo.head), head=repo.head, at=AT)
    held = first.holds[0].locals[0]
    records.save(objects, replace(first, holds=(), snapshots=(), journal=None), head=repo.head, at=AT)
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    assert repo.has(held)


def test_base_a_does_not_block_base_a_b(repo: Repo, objects: Objects) -> None:
    for branch in ("a", "a/b", "a%2Fb"):
        records.save(objects, Record(branch), head=repo.head, at=AT)
    assert set(records.branches(objects)) == {"a", "a/b", "a%2Fb"}


def test_a_record_that_moved_is_not_overwritten(repo: Repo, objects: Objects) -> None:
    stale = records.load(objects, "main")
    records.save(objects, replace(stale, fetched=True), head=repo.head, at=AT)
    with pytest.raises(RecordUnreadable, match="moved"):
        records.save(objects, replace(stale, paused=True), head=repo.head, at=AT)
    assert records.load(objects, "main").fetched


def test_own_commits_are_bounded() -> None:
    many = Record("main").with_own(str(number) for number in range(5000))
    assert len(many.own) == 1000
    assert many.own[-1] == "4999"
