"""What an undo leaves held: tasks whose sides are not the same then, each with what both come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gitferry.pushback.commit import Tip
from gitferry.pushback.decision import UNDONE
from gitferry.pushback.gather import Gatherer
from gitferry.pushback.sides import Sides
from gitferry.repos.content import Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import Objects
from gitferry.repos.record import Record
from gitferry.repos.tasks import Unit


@dataclass(frozen=True, slots=True)
class Held:
    """The record's holds after an undo, and of these the ones that it makes or changes."""

    all: tuple[Hold, ...]
    changed: tuple[Hold, ...]


class Undone:
    """Makes the holds of one undo. `local`: the root tree that the working tree will hold."""

    def __init__(
        self, objects: Objects, record: Record, gatherer: Gatherer, local: str, tip: Tip, at: datetime
    ) -> None:
        self._objects = objects
        self._record = record
        self._owner = gatherer.owner
        self._gathered = gatherer.gather()
        self._elsewhere = {view.unit for view in self._gathered.views if view.elsewhere}
        self._local = local
        self._tip = tip
        self._since = at.isoformat(timespec="seconds")

    def holds(self, bases: Mapping[str, str | None]) -> Held:
        """Return what is held when files went back; `bases`: for each of these, a root tree that it is made from.

        None: what its task's hold says, and without one what the remote has. A task keeps what it was held for
        before: its other files, and what a stash or another branch has of it.
        """
        files: defaultdict[str, dict[str, str | None]] = defaultdict(dict)
        units: dict[str, Unit] = {}
        for path, base in bases.items():
            unit = self._owner(path)
            units[unit.path] = unit
            files[unit.path][path] = base
        changed = [hold for name, unit in units.items() if (hold := self._hold(unit, files[name])) is not None]
        others = (hold for hold in self._record.holds if hold.unit not in units)
        return Held((*others, *changed), tuple(changed))

    def _hold(self, unit: Unit, made_from: Mapping[str, str | None]) -> Hold | None:
        known = self._record.hold(unit.path)
        paths = {*made_from} if known is None else {*made_from, *self._gathered.paths[unit.path]}
        aside = unit.path in self._elsewhere
        here, there = (self._objects.content(tree, paths) for tree in (self._local, self._tip.tree))
        if here == there:
            return replace(known, state=HoldState.PARKED) if known is not None and aside else None
        hold = Hold(
            unit.path,
            unit.kind,
            bases=self._bases(known, made_from, aside=aside),
            theirs=self._tip.tree,
            locals=(self._local,),
            reason=UNDONE,
            theirs_commit=self._tip.commit,
            state=HoldState.UNDONE,
            since=self._since,
        )
        return hold if known is None else replace(hold, partner=known.partner)

    def _bases(self, known: Hold | None, made_from: Mapping[str, str | None], *, aside: bool) -> tuple[str, ...]:
        """Return what the whole task is made from: the files that went back, and the others as before."""
        if known is not None and not known.bases:
            return ()
        files = {path: self._objects.file_at(tree, path) for path, tree in made_from.items() if tree is not None}
        if known is None or aside:
            here = self._objects.apply(self._tip.tree, files)
            return (here,) if known is None else tuple(dict.fromkeys((*known.bases, here)))
        return tuple(self._objects.apply(base, files) for base in known.bases)


def taken_up(objects: Objects, record: Record, sides: Sides) -> Record:
    """Return the record with what an undo left held that was broken off: all of it that came as far as the files.

    Where the push did not arrive, nothing was undone. Which content an edit was made from that was saved between is
    known to nobody.
    """
    holds = {hold.unit: hold for hold in record.holds}
    for sent in (*record.sent, record.journal):
        if sent is None or not sent.undone or not _arrived(objects, sent.tip, sides):
            continue
        began = sent is record.journal  # where a push is not acknowledged, no file is touched
        now, before, after = (objects.content(tree, sent.paths) for tree in (sides.local, sent.before, sent.after))
        for hold in sent.undone:
            files = [path for path in sent.paths if hold.covers(path)]
            if not files or (began and _same(now, after, files)):
                holds[hold.unit] = hold
            elif began and not _same(now, before, files):
                holds[hold.unit] = replace(hold, unsure=True)
    return replace(record, holds=tuple(holds.values()))


def _arrived(objects: Objects, tip: str, sides: Sides) -> bool:
    upstream = sides.upstream_commit
    return upstream is not None and bool(tip) and objects.has(tip) and objects.is_ancestor(tip, upstream)


def _same(one: Mapping[str, Entry], other: Mapping[str, Entry], paths: Iterable[str]) -> bool:
    return all(one.get(path) == other.get(path) for path in paths)
