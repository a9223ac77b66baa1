"""What is too old goes, what is needed stays, whatever the clock says and wherever it dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from gitferry.config.model import Repository
from gitferry.pushback import operations, prune
from gitferry.pushback.crossing import cross
from gitferry.pushback.ground import opened
from gitferry.pushback.operations import Entered
from gitferry.pushback.outcome import Operation, Request
from gitferry.pushback.undo import undo
from gitferry.repos import record as records
from gitferry.repos.content import FILE, Entry
from gitferry.repos.objects import EMPTY_TREE, Objects
from gitferry.repos.record import Journal
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

DAY = timedelta(days=1)
STEP = timedelta(hours=6)


class Brief(Side):
    """A clone that keeps things for a day only."""

    @property
    def settings(self) -> Repository:
        return super().settings.model_copy(update={"keep_operations": DAY.total_seconds()})


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest ten operations stay instead of fifty: the same, and quicker."""
    monkeypatch.setattr(prune, "NEWEST", 10)


@pytest.fixture
def brief(clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch) -> Brief:
    """Chains of ten records instead of a hundred: the same, and quicker."""
    monkeypatch.setattr(prune, "SHORTEST", 10)
    side = Brief(clone("here"))
    healthy(side.sync())
    return side


@contextmanager
def objects_of(side: Side) -> Iterator[Objects]:
    found = Objects(side.repo.path(".git"))
    try:
        yield found
    finally:
        found.close()


def entered(side: Side, count: int, at: datetime, *, branch: str = "main", sequence: int = 1000) -> list[str]:
    """Write down operations of one moment, each of which replaced a file of its own; return their refs in order."""
    with objects_of(side) as objects:
        return [_entered(objects, at, branch, sequence + number) for number in range(count)]


def _entered(objects: Objects, at: datetime, branch: str, sequence: int) -> str:
    replaced = objects.apply(EMPTY_TREE, {"file": Entry(FILE, objects.write_blob(f"{branch} {sequence}".encode()))})
    done = Operation("", "tasks", at, "watch", "sync", "host", "user", (), (), None, None, None, None, undoable=False)
    around = Entered(done, sequence, branch, replaced, EMPTY_TREE, EMPTY_TREE, EMPTY_TREE)
    return operations.OPS_REFS + operations.enter(objects, around).id


def ops(side: Side) -> set[str]:
    return set(side.repo.refs(operations.OPS_REFS))


def read_often(side: Side, count: int, step: timedelta) -> str:
    """Read the working tree again and again, `step` apart, as crossings do; return the id of the first content."""
    with objects_of(side) as objects:
        record = records.load(objects, "main")
        contents = []
        for number in range(count):
            side.clock.now += step
            blob = objects.write_blob(f"{side.clock.now} {number}".encode())
            tree = objects.apply(EMPTY_TREE, {"file": Entry(FILE, blob)})
            record = records.save(objects, replace(record, snapshots=(tree,)), head=None, at=side.clock())
            contents.append(blob)
    return contents[0]


def collected(side: Side) -> None:
    side.repo.git("reflog", "expire", "--expire=now", "--all")
    side.repo.git("gc", "-q", "--prune=now")


def chain(side: Side) -> int:
    with objects_of(side) as objects:
        return records.chain(objects, records.load(objects, "main").oid).length


def test_operations_go_when_they_are_old_but_for_the_newest(here: Side) -> None:
    old = entered(here, 13, here.clock())
    here.repo.git("pack-refs", "--all")
    here.clock.now += 31 * DAY
    recent = entered(here, 2, here.clock(), sequence=2000)
    healthy(here.sync())
    assert ops(here) == {*old[-8:], *recent}
    assert here.repo.refs("refs/tags/") == {} and here.repo.has("origin/main")
    assert list(here.repo.path(".git").rglob("*.lock")) == []
    here.repo.fsck()


def test_few_operations_stay_however_old(here: Side) -> None:
    few = entered(here, prune.NEWEST, here.clock())
    here.clock.now += 1000 * DAY
    healthy(here.sync())
    assert ops(here) == set(few)


def test_each_branch_has_its_newest(here: Side) -> None:
    other = entered(here, 13, here.clock(), branch="other", sequence=1)
    main = entered(here, 13, here.clock())
    here.clock.now += 31 * DAY
    healthy(here.sync())
    assert ops(here) == {*other[-10:], *main[-10:]}


def test_the_setting_says_how_long(here: Side) -> None:
    old = entered(here, 13, here.clock())
    here.clock.now += 5 * DAY
    for days, left in ((6, 13), (4, 10)):
        settings = here.settings.model_copy(update={"keep_operations": days * 86400.0})
        healthy(cross(settings, Request("request", fetch=True), host=here.host))
        assert ops(here) == set(old[-left:])


def test_what_is_left_in_the_log_is_shown_and_undone(here: Side) -> None:
    entered(here, 13, here.clock(), sequence=-100)
    here.repo.write("notes.txt", "first\n")
    healthy(here.sync())
    here.repo.write("notes.txt", "second\n")
    done = healthy(here.sync()).operation
    assert done is not None
    here.clock.now += 31 * DAY
    healthy(here.sync())
    with objects_of(here) as objects:
        found = operations.read_all(objects)
        assert len(found) == prune.NEWEST and found[0].operation.id == done.id
    assert undo(here.settings, done.id, host=here.host).error is None
    assert here.repo.git("show", "origin/main:notes.txt") == "first"


def test_once_a_day_in_each_process(here: Side) -> None:
    host = here.host
    request = Request("request", fetch=True)
    healthy(cross(here.settings, request, host=host))
    old = entered(here, 13, here.clock() - 40 * DAY)
    healthy(cross(here.settings, request, host=host))
    assert ops(here) == set(old)
    here.clock.now += DAY
    healthy(cross(here.settings, request, host=host))
    assert ops(here) == set(old[-10:])


def test_nothing_goes_while_a_journal_is_open(brief: Side) -> None:
    old = entered(brief, 13, brief.clock() - 40 * DAY)
    read_often(brief, 10, STEP)
    head = brief.repo.head
    with opened(brief.settings, brief.host) as ground:
        record = records.load(ground.objects, "main")
        begun = replace(record, journal=Journal(head, head, EMPTY_TREE, EMPTY_TREE, ()))
        record = records.save(ground.objects, begun, head=head, at=brief.clock())
        prune.prune(ground, "main", brief.clock())
        assert ops(brief) == set(old)
        assert set(brief.repo.refs("refs/gitferry/kept/")) == set()
        records.save(ground.objects, replace(record, journal=None), head=head, at=brief.clock())
        prune.prune(ground, "main", brief.clock())
    assert ops(brief) == set(old[-10:])
    assert set(brief.repo.refs("refs/gitferry/kept/")) == {"refs/gitferry/kept/main"}


def test_a_program_that_writes_packed_refs_is_given_way(here: Side, caplog: pytest.LogCaptureFixture) -> None:
    old = entered(here, 13, here.clock() - 40 * DAY)
    here.repo.git("pack-refs", "--all")
    lock = here.repo.path(".git/packed-refs.lock")
    lock.write_text("")
    host = here.host
    healthy(cross(here.settings, Request("watch"), host=host))
    assert (ops(here), lock.exists(), caplog.messages) == (set(old), True, [])
    lock.unlink()
    healthy(cross(here.settings, Request("watch"), host=host))
    assert ops(here) == set(old[-10:])


def test_trouble_with_it_is_told_once_and_ends_no_crossing(here: Side, caplog: pytest.LogCaptureFixture) -> None:
    old = entered(here, 13, here.clock() - 40 * DAY)
    foreign = operations.OPS_REFS + "mine"
    here.repo.git("update-ref", foreign, "HEAD")
    here.repo.write("notes.txt", "travels\n")
    host = here.host
    for _ in range(2):
        healthy(cross(here.settings, Request("request", fetch=True), host=host))
    assert here.repo.git("show", "origin/main:notes.txt") == "travels"
    (said,) = caplog.messages
    assert f"{foreign} holds no operation" in said and "could not be removed" in said
    assert ops(here) > {*old, foreign}


def test_what_was_read_is_there_for_a_period_and_gone_after_two(brief: Side) -> None:
    first = read_often(brief, 3, STEP)
    healthy(brief.sync())
    assert chain(brief) >= 3
    last = read_often(brief, 7, STEP)
    healthy(brief.sync())
    assert chain(brief) < 5
    collected(brief)
    assert brief.repo.has(first) and brief.repo.has(last)
    for _ in range(2):
        first_of_turn = read_often(brief, 10, STEP)
        healthy(brief.sync())
        collected(brief)
        assert brief.repo.has(first_of_turn)
        assert not brief.repo.has(first) and not brief.repo.has(last)
    brief.repo.fsck()


def test_a_clock_that_jumps_to_and_fro_takes_no_content(here: Side, there: Side) -> None:
    contents = []
    for number in range(10):
        here.clock.now += (400 if number % 2 else -400) * DAY
        contents.append(read_often(here, 2, timedelta(minutes=1)))
        there.repo.write("notes.txt", f"from there {number}\n")
        healthy(there.sync())
        healthy(here.sync())
        assert here.repo.read("notes.txt") == f"from there {number}\n"
    collected(here)
    assert all(here.repo.has(content) for content in contents)
    with objects_of(here) as objects:
        assert [each.operation.cause for each in operations.read_all(objects)] == ["request"] * 10


def test_a_short_chain_is_no_chain_to_leave(brief: Side) -> None:
    for _ in range(3):
        brief.clock.now += 400 * DAY
        read_often(brief, 1, STEP)
        healthy(brief.sync())
    assert brief.repo.refs("refs/gitferry/kept/") == {}


def test_a_held_conflict_outlives_every_chain(brief: Side, there: Side) -> None:
    brief.repo.write("notes.txt", "base\n")
    healthy(brief.sync())
    healthy(there.sync())
    there.repo.write("notes.txt", "theirs\n")
    healthy(there.sync())
    brief.repo.write("notes.txt", "ours\n")
    assert brief.sync().conflicts == 1
    for _ in range(3):
        read_often(brief, 10, STEP)
        assert brief.sync().conflicts == 1
        assert chain(brief) < 10
        collected(brief)
    brief.repo.write("notes.txt", "base\n")  # back at the recorded base: the remote's is taken
    healthy(brief.sync())
    assert brief.repo.read("notes.txt") == "theirs\n"


def test_a_renamed_branch_keeps_what_was_read_under_its_old_name(brief: Side) -> None:
    first = read_often(brief, 10, STEP)
    healthy(brief.sync())
    second = read_often(brief, 2, timedelta(hours=1))
    assert set(brief.repo.refs("refs/gitferry/kept/")) == {"refs/gitferry/kept/main"}
    brief.repo.git("branch", "-m", "trunk")
    brief.branch = "trunk"
    brief.repo.write("notes.txt", "on the trunk\n")
    healthy(brief.sync())
    collected(brief)
    assert brief.repo.has(first) and brief.repo.has(second)
    with objects_of(brief) as objects:
        renamed = records.load(objects, "trunk")
        assert renamed.agreed == brief.repo.head
        assert records.chain(objects, renamed.oid).length < 5


POINTS = (
    *(("chain.kept", 1), ("record.saved", 1), ("packed_refs.signed", 1), ("packed_refs.locked", 1)),
    *(("packed_refs.written", 1), ("refs.dropped", 1), ("refs.dropped", 5)),
)


@pytest.mark.parametrize(("point", "count"), POINTS)
def test_a_crash_anywhere_is_harmless(brief: Side, point: str, count: int) -> None:
    old = entered(brief, 16, brief.clock())
    brief.repo.git("pack-refs", "--all")
    content = read_often(brief, 10, STEP)
    brief.clock.now += 2 * DAY
    assert killed_at(brief, point, count, partial(cross, brief.settings, Request("watch"), host=brief.host)) is None
    collected_without_packing(brief.repo)
    assert brief.repo.has(content)
    healthy(brief.sync())
    assert ops(brief) == set(old[-10:])
    assert chain(brief) < 10
    assert list(brief.repo.path(".git").rglob("*.lock")) == []
    collected(brief)
    assert brief.repo.has(content)
    brief.repo.fsck()


def collected_without_packing(repo: Repo) -> None:
    """As `git gc` with `gc.packRefs=false`, which a dead crossing's lock does not keep from working."""
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("-c", "gc.packRefs=false", "gc", "-q", "--prune=now")
