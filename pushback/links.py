"""Which tasks belong together: a file moved between them, or a file of one stands where the other needs a directory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from gitferry.pushback.sides import Sides
from gitferry.repos.governing import ATTRIBUTES
from gitferry.repos.hold import HoldState
from gitferry.repos.objects import Objects
from gitferry.repos.record import Record
from gitferry.repos.tasks import Unit


class Links:
    """The links of one crossing; `owner` returns the task that a path belongs to."""

    def __init__(self, objects: Objects, record: Record, sides: Sides, owner: Callable[[str], Unit]) -> None:
        self._objects = objects
        self._record = record
        self._sides = sides
        self._owner = owner
        self._renames_known: dict[tuple[str, str], list[tuple[str, str]]] = {}  # many are held by the same trees
        self._moved: defaultdict[str, set[str]] = defaultdict(set)
        self.in_place: set[str] = set()  # tasks that stand where another one needs a directory, or the other way
        #: Pairs of tasks; of a rename, the one it came from first.
        self.pairs = tuple(
            dict.fromkeys((*self._renamed(), *self._partners(), *self._standing(), *self._held(), *self._governed()))
        )

    def moved(self, unit: str) -> frozenset[str]:
        """Return the files of a task that a side moved as they are, or that stand in another task's place."""
        return frozenset(self._moved[unit])

    def _renamed(self) -> Iterator[tuple[str, str]]:
        sides = self._sides
        base = sides.bases[0] if sides.bases else sides.head
        for tree in dict.fromkeys((sides.local, sides.upstream)):
            for old, new in self._renames(base, tree):
                if tree == sides.local and self._never_came(old):
                    continue
                yield from self._joined(old, new)
                if self._objects.file_at(base, old) == self._objects.file_at(tree, new):
                    self._note(old, new)

    def _never_came(self, path: str) -> bool:
        """Whether a file came to the remote while its task was held here: nobody can have moved it away."""
        hold = self._record.hold(self._owner(path).path)
        if hold is None or hold.state is HoldState.PARKED:
            return False
        return all(self._objects.file_at(base, path) is None for base in hold.bases)

    def _partners(self) -> Iterator[tuple[str, str]]:
        """Yield the pairs that were held together, unless both are where no side has moved anything between them."""
        for hold in self._record.holds:
            if hold.partner is not None and not self._stand_apart(hold.partner, hold.unit):
                yield hold.partner, hold.unit

    def _stand_apart(self, one: str, other: str) -> bool:
        """Whether both sides have the old half, and nothing was moved between the two since any of their bases."""
        sides = (self._sides.local, self._sides.upstream)
        if any(self._objects.at(tree, one) is None for tree in sides):
            return False
        pair = {one, other}
        bases = {base for hold in self._record.holds if hold.unit in pair for base in hold.bases}
        moved = (move for base in bases for tree in sides for move in self._renames(base, tree))
        return not any({self._owner(old).path, self._owner(new).path} == pair for old, new in moved)

    def _standing(self) -> Iterator[tuple[str, str]]:
        sides, objects = self._sides, self._objects
        for tree in dict.fromkeys((sides.local, sides.head)):
            for path in objects.changed(tree, sides.upstream):
                above = path.rpartition("/")[0]
                while above:
                    if objects.file_at(tree, above) or objects.file_at(sides.upstream, above):
                        found = tuple(self._joined(above, path))
                        self.in_place |= {unit for pair in found for unit in pair}
                        self._note(above, path)
                        yield from found
                    above = above.rpartition("/")[0]

    def _held(self) -> Iterator[tuple[str, str]]:
        """Yield what the half of a rename that is held tells by its own base."""
        upstream, local = self._sides.upstream, self._sides.local
        for hold in self._record.holds:
            for tree in dict.fromkeys((*hold.bases[:1], upstream)):
                for old, new in self._renames(tree, local):
                    # What the remote has as well only looks like the other half: it came later, or travelled.
                    alone = hold.unit == self._owner(old).path and self._objects.file_at(upstream, new) is None
                    if hold.unit == self._owner(new).path or alone:
                        yield from self._joined(old, new)
                        if self._objects.file_at(tree, old) == self._objects.file_at(local, new):
                            self._note(old, new)

    def _governed(self) -> Iterator[tuple[str, str]]:
        """Yield attributes that were deleted here with the files below that were edited: those were read without."""
        head, local = self._sides.head, self._sides.local
        changed = tuple(self._objects.changed(head, local))
        gone = [p for p in changed if p.rpartition("/")[2] == ATTRIBUTES and self._objects.file_at(local, p) is None]
        for file in gone:
            for path in changed:
                if path.startswith(file.removesuffix(ATTRIBUTES)) and self._objects.file_at(local, path) is not None:
                    yield from self._joined(file, path)

    def _renames(self, old: str, new: str) -> list[tuple[str, str]]:
        if (old, new) not in self._renames_known:
            self._renames_known[old, new] = self._objects.renames(old, new)
        return self._renames_known[old, new]

    def _joined(self, old: str, new: str) -> Iterator[tuple[str, str]]:
        one, two = self._owner(old).path, self._owner(new).path
        if one != two:
            yield one, two

    def _note(self, *paths: str) -> None:
        for path in paths:
            self._moved[self._owner(path).path].add(path)
