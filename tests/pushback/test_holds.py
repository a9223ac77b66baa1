"""Which holds stand before a crossing moves anything, after something raced, and when all is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitferry.pushback.decision import UNDONE, Action, Decision, HeldView, Side, View
from gitferry.pushback.gather import Gathered
from gitferry.pushback.holds import Holds
from gitferry.pushback.planning import Planned
from gitferry.pushback.sides import Sides
from gitferry.repos.content import FILE, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import Objects
from gitferry.repos.observe import Observation
from gitferry.repos.record import Record
from gitferry.repos.tasks import Unit
from gitferry.tests.repo import Repo

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EARLIER = "2025-12-31T00:00:00+00:00"
PATH = "t/p"


@dataclass
class World:
    """One task t of one file, whose content on each side is a word."""

    objects: Objects

    def tree(self, word: str, *, beside: str = "") -> str:
        """A root tree in which t holds the word; `beside` makes it another tree, with the same t."""
        files = {PATH: Entry(FILE, self.objects.write_blob(word.encode()))}
        if beside:
            files["other"] = Entry(FILE, self.objects.write_blob(beside.encode()))
        return self.objects.apply(self.objects.tree_of(None), files)

    def side(self, tree: str) -> Side:
        """The task's content in a tree."""
        return Side(self.objects.content(tree, [PATH]), tree)

    def hold(self, bases: tuple[str, ...], theirs: str, locals_: tuple[str, ...]) -> Hold:
        """An earlier crossing's hold of t."""
        return Hold("t", "directory", bases, theirs, locals_, "both sides changed it", since=EARLIER)

    def planned(self, decision: Decision, *, old: Hold | None, upstream: str, local: str) -> Planned:
        """A plan that decides on t alone."""
        sides = Sides(local, "a" * 40, local, "b" * 40, upstream, (), ())
        gathered = Gathered((decision.view,), {"t": (PATH,)}, {"t": Unit("t", "directory", True)}, ())
        record = Record("main", holds=() if old is None else (old,))
        return Planned(sides, Observation(local, {}, {}, True, {}), gathered, (decision,), record)

    def holds(
        self, action: Action, *, local: str, upstream: str, base: str, old: Hold | None = None, **more: object
    ) -> Holds:
        """The holds of a crossing that decided so on t."""
        held = None
        if old is not None:
            held = HeldView(
                tuple(self.side(tree) for tree in old.bases), tuple(self.side(tree) for tree in old.locals), old.state
            )
        local_side, remote, base_side = self.side(local), self.side(upstream), self.side(base)
        view = View("t", local_side, remote, remote, (base_side,), held=held)
        bases = held.bases if held is not None else (base_side,)
        decision = replace(Decision(view, action, reason="both sides changed it", bases=bases), **more)  # type: ignore[arg-type]  # the fields are named by the tests below
        return Holds(self.objects, self.planned(decision, old=old, upstream=upstream, local=local), AT)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    objects = Objects(Repo.init(tmp_path / "objects.git", "--bare").root)
    yield World(objects)
    objects.close()


def test_a_new_hold_remembers_the_base_both_sides_and_when(world: World) -> None:
    base, mine, theirs = world.tree("base"), world.tree("mine"), world.tree("theirs")
    (hold,) = world.holds(Action.HOLD, local=mine, upstream=theirs, base=base).intended()
    assert (hold.unit, hold.kind, hold.state) == ("t", "directory", HoldState.ACTIVE)
    assert (hold.bases, hold.theirs, hold.locals) == ((base,), theirs, (mine,))
    assert (hold.theirs_commit, hold.since) == ("b" * 40, "2026-01-02T03:04:05+00:00")


@pytest.mark.parametrize("action", [Action.PUSH, Action.PULL, Action.AGREED, Action.WAIT])
def test_what_is_not_held_gets_no_hold(world: World, action: Action) -> None:
    base, mine, theirs = world.tree("base"), world.tree("mine"), world.tree("theirs")
    assert world.holds(action, local=mine, upstream=theirs, base=base).intended() == ()


def test_every_content_that_a_held_task_had_is_remembered_once(world: World) -> None:
    base, one, two, theirs = (world.tree(word) for word in ("base", "one", "two", "theirs"))
    old = world.hold((base,), theirs, (one,))
    (same,) = world.holds(Action.HOLD, local=one, upstream=theirs, base=base, old=old).intended()
    assert same.locals == (one,)
    (edited,) = world.holds(Action.HOLD, local=two, upstream=theirs, base=base, old=old).intended()
    assert edited.locals == (one, two)
    assert edited.since == EARLIER
    assert edited.bases == (base,)


def test_the_contents_remembered_are_bounded_and_the_newest_stays(world: World) -> None:
    base, theirs = world.tree("base"), world.tree("theirs")
    old = world.hold((base,), theirs, tuple(world.tree(f"edit {number}") for number in range(100)))
    newest = world.tree("newest")
    (hold,) = world.holds(Action.HOLD, local=newest, upstream=theirs, base=base, old=old).intended()
    assert hold.locals == (*old.locals[1:], newest)


def test_the_remotes_side_changes_only_with_the_tasks_content_there(world: World) -> None:
    base, mine, theirs = world.tree("base"), world.tree("mine"), world.tree("theirs")
    old = replace(world.hold((base,), theirs, (mine,)), theirs_commit="c" * 40)
    elsewhere = world.tree("theirs", beside="another file changed")
    (same,) = world.holds(Action.HOLD, local=mine, upstream=elsewhere, base=base, old=old).intended()
    assert (same.theirs, same.theirs_commit) == (theirs, "c" * 40)
    newer = world.tree("theirs, newer")
    (changed,) = world.holds(Action.HOLD, local=mine, upstream=newer, base=base, old=old).intended()
    assert (changed.theirs, changed.theirs_commit) == (newer, "b" * 40)


def test_a_hold_outlives_its_pull_until_that_is_done(world: World) -> None:
    base, theirs = world.tree("base"), world.tree("theirs")
    old = world.hold((base,), theirs, (world.tree("mine"),))
    holds = world.holds(Action.PULL, local=base, upstream=theirs, base=base, old=old)
    assert holds.intended() == (old,)
    assert holds.settled(holds.intended(), {}) == ()


def test_a_pull_that_raced_is_held_from_what_it_would_have_replaced(world: World) -> None:
    base, theirs = world.tree("base"), world.tree("theirs")
    holds = world.holds(Action.PULL, local=base, upstream=theirs, base=base)
    assert holds.intended() == ()
    (raced,) = holds.raced((), {"t": "it was changed"})
    assert (raced.bases, raced.theirs, raced.reason) == ((base,), theirs, "it was changed")
    assert holds.settled((raced,), {"t": "it was changed"}) == (raced,)


def test_a_held_task_whose_pull_raced_is_held_once(world: World) -> None:
    base, theirs = world.tree("base"), world.tree("theirs")
    old = world.hold((world.tree("older"),), theirs, (world.tree("mine"),))
    holds = world.holds(Action.PULL, local=base, upstream=theirs, base=base, old=old)
    (raced,) = holds.raced(holds.intended(), {"t": "it was changed"})
    assert raced.bases == (base,)
    assert old.locals[0] in raced.locals


def test_an_answered_hold_is_gone(world: World) -> None:
    base, theirs = world.tree("base"), world.tree("theirs")
    old = world.hold((base,), theirs, (world.tree("mine"),))
    assert world.holds(Action.AGREED, local=theirs, upstream=theirs, base=base, old=old).intended() == ()


@pytest.mark.parametrize("action", [Action.AGREED, Action.PULL])
def test_a_stashed_hold_is_parked_with_the_base_it_had(world: World, action: Action) -> None:
    base, theirs = world.tree("base"), world.tree("theirs")
    old = world.hold((base,), theirs, (world.tree("mine"),))
    holds = world.holds(action, local=base, upstream=theirs, base=base, old=old, park=True)
    (parked,) = holds.intended()
    assert parked == replace(old, state=HoldState.PARKED)
    assert holds.settled((parked,), {}) == (parked,)
    again = world.holds(action, local=base, upstream=theirs, base=base, old=parked, park=True)
    assert again.intended() == (parked,)


def test_an_undone_task_stays_undone_while_it_is_stashed(world: World) -> None:
    base, theirs = world.tree("base"), world.tree("theirs")
    old = replace(world.hold((base,), theirs, (world.tree("mine"),)), state=HoldState.UNDONE)
    assert world.holds(Action.PULL, local=base, upstream=theirs, base=base, old=old, park=True).intended() == (old,)


def test_an_undone_task_stays_undone_until_it_is_edited(world: World) -> None:
    base, mine, theirs = world.tree("base"), world.tree("mine"), world.tree("theirs")
    old = replace(world.hold((base,), theirs, (mine,)), state=HoldState.UNDONE)
    (same,) = world.holds(Action.HOLD, local=mine, upstream=theirs, base=base, old=old, reason=UNDONE).intended()
    assert same.state is HoldState.UNDONE
    edited = world.tree("edited")
    (active,) = world.holds(Action.HOLD, local=edited, upstream=theirs, base=base, old=old).intended()
    assert active.state is HoldState.ACTIVE
