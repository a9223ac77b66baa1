"""What a held task, and one in review, has outside a sparse checkout: the record says it, since nothing on disk does.

A file that is absent there reads as HEAD has it. But HEAD goes on past a held task, and never had what is in review.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from gitferry.repos.content import TREE, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import EMPTY_TREE, Objects
from gitferry.repos.observe import Observation
from gitferry.repos.record import Record
from gitferry.repos.sparse import Sparse


@dataclass(frozen=True, slots=True)
class Outside:
    """Reads what the record says of the files that a sparse checkout leaves out."""

    objects: Objects
    patterns: Sparse
    head: str  # root tree
    owner: Callable[[str], str]  # path → the task that it belongs to
    given: Callable[[str], bool] = lambda path: False  # path → whether the user's own git said what it is

    def with_record(self, record: Record, seen: Observation) -> Observation:
        """Return what was observed, with the files outside of held tasks and of those in review as they were left."""
        entries: dict[str, Entry | None] = {}
        for review in record.reviews:
            if review.over is None and review.tip is not None and self.objects.has(review.tip):
                for unit in review.units:
                    entries |= self._reviewed(unit, self.objects.tree_of(review.tip), seen.disk)
        for hold in sorted(record.holds, key=lambda hold: len(hold.unit)):  # of one inside another, its own counts
            if hold.state is not HoldState.PARKED:
                entries |= self._held(hold, seen.disk)
        return replace(seen, disk=self.objects.apply(seen.disk, entries)) if entries else seen

    def _held(self, hold: Hold, disk: str) -> dict[str, Entry | None]:
        """Return a held task's files outside: as they were, while nothing of it that can be seen has changed since.

        What the user staged or committed can be seen.
        """
        for tree in reversed(hold.locals):
            # Of what was a directory where a file is a task now, its hold says nothing.
            paths = tuple(path for path in self._differing(hold.unit, disk, tree) if hold.covers(path))
            if all(self.patterns.lacks(path) and not self.given(path) for path in paths):
                return {path: self.objects.file_at(tree, path) for path in paths}
        return {}

    def _reviewed(self, unit: str, tip: str, disk: str) -> dict[str, Entry | None]:
        """Return the files outside of a task in review: as the branch has them, unless all of it is back at HEAD."""
        edited = (path for path in self._differing(unit, disk, self.head) if self.owner(path) == unit)
        if all(self.patterns.lacks(path) for path in edited):
            return {}
        paths = (path for path in self._differing(unit, disk, tip) if self.owner(path) == unit)
        return {path: self.objects.file_at(tip, path) for path in paths if self.patterns.lacks(path)}

    def _differing(self, unit: str, one: str, other: str) -> Iterator[str]:
        """Yield the paths at or below a task's that differ between two root trees."""
        a, b = self.objects.at(one, unit), self.objects.at(other, unit)
        if a == b:
            return
        directories = [EMPTY_TREE if found is None or found.mode != TREE else found.oid for found in (a, b)]
        if any(found is not None and found.mode != TREE for found in (a, b)):
            yield unit
        yield from self.objects.changed(directories[0], directories[1], "" if unit == "." else unit + "/")
