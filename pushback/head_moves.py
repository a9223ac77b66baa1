"""What of the upstream HEAD had before the user moved it: what it lost, and what its files may still be of."""

from __future__ import annotations

from collections.abc import Iterable

from gitferry.repos.objects import Objects
from gitferry.repos.record import Record
from gitferry.repos.reflog import left_behind, was_at


def lost(objects: Objects, record: Record, head: str | None) -> str | None:
    """Return S where HEAD had it and no longer has it."""
    agreed = _known(objects, record.agreed)
    if agreed is None or head is None or objects.is_ancestor(agreed, head):
        return None
    stood = _known(objects, record.head)
    # At the first crossing it is what the user had fetched, and HEAD need not have had it.
    had = (stood is not None and objects.is_ancestor(agreed, stood)) or was_at(objects, agreed)
    return agreed if had else None


def moved_over(objects: Objects, record: Record, head: str | None) -> tuple[str, ...]:
    """Return the commits at which HEAD's moves since the last crossing may have left the files, the newest first."""
    stood = _known(objects, record.head)
    if stood is None or head is None or (head == stood and record.log is None):
        return ()
    return left_behind(objects, stood, record.log)  # also where it is back: it was at other commits meanwhile


def passed(objects: Objects, behind: Iterable[str], upstream: str | None) -> tuple[str, ...]:
    """Return the trees of what these commits, at which HEAD was moved over the files, have of the upstream.

    What the user had committed beyond that is an edit again.
    """
    if upstream is None:
        return ()
    bases = (base for left in behind for base in objects.merge_bases(left, upstream))
    return tuple(dict.fromkeys(objects.tree_of(base) for base in bases))


def _known(objects: Objects, commit: str | None) -> str | None:
    return commit if commit is not None and objects.has(commit) else None
