"""Edits that a `git switch` took along: they were made for the branch that they came from, and wait on this one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from gitferry.repos import record as records
from gitferry.repos.objects import Objects
from gitferry.repos.record import Record

_STEPS = 200
_SWITCHED = re.compile(r"checkout: moving from (.+) to (.+)")


@dataclass(frozen=True, slots=True)
class Moved:
    """The branch that was left last, and what its record says of edits that were not carried there."""

    record: Record
    objects: Objects

    def has(self, unit: str, paths: Sequence[str], tree: str) -> bool:
        """Return whether this content of a task, that of a root tree, waited or was held on that branch."""
        hold = self.record.hold(unit)
        known = hold.locals if hold is not None else ()
        if unit in self.record.waiting:
            known = (*known, *self.record.snapshots)
        content = self.objects.content(tree, paths)
        return any(self.objects.content(one, paths) == content for one in known)


def moved_to(objects: Objects, branch: str) -> Moved | None:
    """Return what was left behind at the last switch to `branch`, as HEAD's log tells it (git-reflog(1)).

    None where the log tells of none, HEAD is detached, or the other branch was never crossed here.
    """
    if branch == "HEAD":
        return None
    for entry in islice(objects.repo.lookup_reference("HEAD").log(), _STEPS):
        switched = _SWITCHED.fullmatch(entry.message or "")
        if switched is None or switched[1] == switched[2]:
            continue  # `git checkout main` on main is logged as a switch
        left = switched[1]
        if switched[2] != branch or objects.ref(records.ref_name(left)) is None:
            return None
        return Moved(records.load(objects, left), objects)
    return None
