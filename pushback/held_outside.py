"""What a held task has outside a sparse checkout: the record says it, since nothing on disk does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gitferry.repos.content import TREE, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import EMPTY_TREE, Objects
from gitferry.repos.observe import Observation
from gitferry.repos.sparse import Sparse


def with_held(objects: Objects, patterns: Sparse, holds: Iterable[Hold], seen: Observation) -> Observation:
    """Return what was observed, with the held tasks' files outside as they were when the tasks were held.

    A file that is absent there reads as HEAD has it, and HEAD goes on past a held task. It is what it was for as long
    as nothing of the task that can be seen has changed since; after that, only what can be seen is the user's word.
    """
    entries: dict[str, Entry | None] = {}
    for hold in sorted(holds, key=lambda hold: len(hold.unit)):  # of a task inside another, its own hold counts
        if hold.state is not HoldState.PARKED:
            entries |= _held(objects, patterns, hold, seen.disk)
    return replace(seen, disk=objects.apply(seen.disk, entries)) if entries else seen


def _held(objects: Objects, patterns: Sparse, hold: Hold, disk: str) -> dict[str, Entry | None]:
    for tree in reversed(hold.locals):
        paths = _differing(objects, hold, disk, tree)
        if all(patterns.leaves_out(path) for path in paths):
            return {path: objects.file_at(tree, path) for path in paths}
    return {}


def _differing(objects: Objects, hold: Hold, one: str, other: str) -> list[str]:
    if hold.kind == "file":
        return [hold.unit] if objects.file_at(one, hold.unit) != objects.file_at(other, hold.unit) else []
    prefix = "" if hold.unit == "." else hold.unit + "/"
    return list(objects.changed(_subtree(objects, one, hold), _subtree(objects, other, hold), prefix))


def _subtree(objects: Objects, tree: str, hold: Hold) -> str:
    found = objects.at(tree, hold.unit)
    return found.oid if found is not None and found.mode == TREE else EMPTY_TREE
