"""The record of a branch: what is written is read again, stays reachable, and nobody's write is overwritten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitferry.repos import record as records
from gitferry.repos.content import FILE, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import EMPTY_TREE, Objects
from gitferry.repos.record import Chain, Journal, Record, RecordUnreadable
from gitferry.repos.review import Approval, Review
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
        head=head,
        log="an entry",
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


def test_what_does_not_say_where_head_was_left_says_where_it_was_agreed(objects: Objects, repo: Repo) -> None:
    saved = records.save(objects, full(objects, repo.head), head=repo.head, at=AT)
    said = json.loads(repo.git("show", f"{saved.oid}:record.json"))
    del said["head"]
    blob = repo.git("hash-object", "-w", "--stdin", stdin=json.dumps(said))
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\trecord.json\n")
    repo.git("update-ref", records.ref_name(saved.branch), repo.git("commit-tree", "-m", "older", tree))
    assert records.load(objects, saved.branch).head == saved.agreed


def test_own_commits_are_bounded() -> None:
    many = Record("main").with_own(str(number) for number in range(5000))
    assert len(many.own) == 1000
    assert many.own[-1] == "4999"


def read(objects: Objects, record: Record, content: str, at: datetime) -> Record:
    """Save a record of a working tree that holds one file."""
    tree = objects.apply(EMPTY_TREE, {"file": Entry(FILE, objects.write_blob(content.encode()))})
    return records.save(objects, replace(record, snapshots=(tree,)), head=None, at=at)


def collected(repo: Repo) -> None:
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")


def test_a_chain_ages_by_what_passes_and_believes_no_jump(objects: Objects) -> None:
    record = Record("main")
    ages = []
    for hours in (0, 1, 1.5, 1000, -5000, -4999, -4999):
        record = read(objects, record, str(hours), AT + timedelta(hours=hours))
        ages.append(records.chain(objects, record.oid).age / timedelta(hours=1))
    assert ages == [0, 1, 1.5, 7.5, 7.5, 8.5, 8.5]
    assert records.chain(objects, record.oid).length == 7


def test_a_chain_ages_by_whole_seconds_without_gaining_any(objects: Objects) -> None:
    record = Record("main")
    for number in range(40):
        record = read(objects, record, str(number), AT + timedelta(milliseconds=150 * number))
    assert records.chain(objects, record.oid) == Chain(40, timedelta(seconds=5))


def test_a_record_that_tells_no_chain_is_read_and_counts_from_now(objects: Objects, repo: Repo) -> None:
    saved = records.save(objects, full(objects, repo.head), head=repo.head, at=AT)
    assert saved.oid is not None
    name = records.ref_name(saved.branch)
    older = repo.git("commit-tree", "-m", "gitferry record", f"{saved.oid}^{{tree}}")
    repo.git("update-ref", name, older)
    found = records.load(objects, saved.branch)
    assert found == replace(saved, oid=older)
    assert records.chain(objects, found.oid) == Chain()
    next_one = records.save(objects, found, head=repo.head, at=datetime.now(UTC) + timedelta(hours=1))
    assert records.chain(objects, next_one.oid).length == 1


def test_what_was_read_lives_through_one_new_chain_and_not_through_two(repo: Repo, objects: Objects) -> None:
    first = read(objects, Record("main"), "first", AT)
    second = records.begin_chain(objects, read(objects, first, "last of the old", AT), head=None, at=AT)
    assert repo.parents(second.oid or "") == []
    assert records.chain(objects, second.oid) == Chain(1)
    third = read(objects, second, "new", AT)
    collected(repo)
    assert repo.has(first.snapshots[0]) and repo.has(second.snapshots[0])
    records.begin_chain(objects, third, head=None, at=AT)
    collected(repo)
    assert not repo.has(first.snapshots[0])
    assert repo.has(third.snapshots[0])
    assert set(repo.refs("refs/gitferry/")) == {"refs/gitferry/base/main", "refs/gitferry/kept/main"}
    repo.fsck()


def test_everything_named_survives_any_number_of_new_chains(repo: Repo, objects: Objects) -> None:
    theirs = repo.head
    repo.git("checkout", "-q", "--orphan", "elsewhere")
    repo.write("b", "b")
    head = repo.commit("nothing of theirs")
    repo.git("branch", "-D", "main")
    named = full(objects, head)
    record = replace(named, journal=None, holds=(replace(named.holds[0], theirs_commit=theirs),))
    record = records.save(objects, record, head=theirs, at=AT)
    for _ in range(3):
        record = records.begin_chain(objects, record, head=head, at=AT)
        collected(repo)
    hold = record.holds[0]
    assert all(repo.has(oid) for oid in (*hold.locals, hold.theirs, hold.bases[0], theirs, *record.snapshots))
    assert records.load(objects, record.branch) == record
    repo.fsck()


def test_other_fields_are_another_version() -> None:
    """Else a gitferry that does not know them would take them for a fault of its own."""
    known = {
        kind.__name__: " ".join(field.name for field in fields(kind))
        for kind in (Record, Journal, Hold, Review, Approval)
    }
    assert (records._VERSION, known) == (
        2,
        {
            "Record": "branch oid agreed head log seen fetched own holds journal sent waiting guarded snapshots "
            "reviews approvals paused paused_until pushes_held sequence",
            "Journal": "head tip before after paths undone",
            "Hold": "unit kind bases theirs locals reason theirs_commit state since partner moved_from unsure",
            "Review": "branch units tip there url left over",
            "Approval": "unit version by at granted",
        },
    )
