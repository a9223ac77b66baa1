"""Three-way merge of values: by key in mappings, by identified element in lists. It alone says what is a conflict."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from gitferry.pushback.value import Atom, Unsettled, Value

#: The fields that may tell the elements of a list apart, the first one first that does so on every side.
IDENTITY = ("id", "name", "uuid", "key")


def merge_values(base: Value, local: Value, remote: Value) -> Value:
    """Return the value that holds both sides' changes. Raises `Unsettled` where both changed the same thing."""
    if local in (base, remote):
        return remote
    if remote == base:
        return local
    if isinstance(base, dict) and isinstance(local, dict) and isinstance(remote, dict):
        return _merge_entries(base, local, remote)
    if isinstance(base, list) and isinstance(local, list) and isinstance(remote, list):
        return _merge_elements(base, local, remote)
    raise Unsettled("both sides changed one value")


def _merge_entries(base: dict[Atom, Value], local: dict[Atom, Value], remote: dict[Atom, Value]) -> dict[Atom, Value]:
    """Return the merged mapping, remote's keys first."""
    _no_rival_renames(base, local, remote)
    merged: dict[Atom, Value] = {}
    for key in [*remote, *(key for key in local if key not in remote)]:
        if key in local and key in remote:
            if key not in base and local[key] != remote[key]:
                raise Unsettled("both sides added one key")
            merged[key] = merge_values(base.get(key, local[key]), local[key], remote[key])
            continue
        kept = local.get(key, remote.get(key))
        if key not in base and kept is not None:
            merged[key] = kept
        elif kept != base.get(key):
            raise Unsettled("one side deleted what the other changed")
    return merged


def _no_rival_renames(base: dict[Atom, Value], local: dict[Atom, Value], remote: dict[Atom, Value]) -> None:
    """Raise where one key seems to have got two new names, or two keys the same new one.

    Once a merge is done, one side's keys are among the other's: then there is nothing to doubt.
    """
    here, there = _Keys.of(base, local), _Keys.of(base, remote)
    one_key = here.deleted & there.deleted and not _nested(here.added, there.added)
    one_name = here.added & there.added and not _nested(here.deleted, there.deleted)
    if one_key or one_name:
        raise Unsettled("both sides replaced one key, or two by one")


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a side did to the keys of a mapping."""

    added: frozenset[Atom]
    deleted: frozenset[Atom]

    @classmethod
    def of(cls, base: dict[Atom, Value], side: dict[Atom, Value]) -> _Keys:
        return cls(frozenset(side.keys() - base.keys()), frozenset(base.keys() - side.keys()))


def _nested(one: frozenset[Atom], other: frozenset[Atom]) -> bool:
    return one <= other or other <= one


def _merge_elements(base: list[Value], local: list[Value], remote: list[Value]) -> list[Value]:
    keys = identities((base, local, remote))
    sides = (keys.base, keys.local), (keys.base, keys.remote), (keys.local, keys.remote)
    if not all(same_order(one, other) for one, other in sides):
        raise Unsettled("a list was reordered")
    if keys.scalar:
        _no_shared_additions(keys)
        _no_touching_replacements(keys)
    merged = _merge_entries(
        dict(zip(keys.base, base, strict=True)),
        dict(zip(keys.local, local, strict=True)),
        dict(zip(keys.remote, remote, strict=True)),
    )
    return [merged[key] for key in order(keys, set(merged))]


def order(keys: Identities, kept: set[Atom]) -> list[Atom]:
    """Return the kept elements as remote has them, and each of ours behind the one it followed.

    Where both put new ones in one place, remote's come first; unless ours stand before an element that remote took
    away, since its new ones may well stand for that.
    """
    there = set(keys.remote)
    early, late = _places(keys, kept)
    new_there = there - set(keys.base) - set(keys.local)
    ordered, waiting = [*early.get(None, [])], late.get(None, [])
    for key in keys.remote:
        if key not in new_there:  # also one that we removed: what remote put behind it stands behind ours
            ordered += waiting
            waiting = late.get(key, [])
        if key in kept:
            ordered.append(key)
        ordered += early.get(key, [])
    return ordered + waiting


_Places: TypeAlias = dict[Atom | None, list[Atom]]


def _places(keys: Identities, kept: set[Atom]) -> tuple[_Places, _Places]:
    """Return our new elements by the one they follow: those to put before remote's new ones, and those behind."""
    base, there = set(keys.base), set(keys.remote)
    before_removed: set[Atom] = set()
    following: Atom | None = None
    for key in reversed(keys.local):
        if key in base:
            following = key
        elif following is not None and following not in there:
            before_removed.add(key)
    early: _Places = {}
    late: _Places = {}
    before: Atom | None = None
    for key in keys.local:
        if key in kept and key in there:
            before = key
        elif key in kept:
            (early if key in before_removed else late).setdefault(before, []).append(key)
    return early, late


# --- What tells the elements of a list apart ---


@dataclass(frozen=True, slots=True)
class Identities:
    """What each element of a list is known by, on every side; `scalar` where that is the element itself."""

    base: list[Atom]
    local: list[Atom]
    remote: list[Atom]
    scalar: bool


def identities(sides: tuple[Sequence[Value], Sequence[Value], Sequence[Value]]) -> Identities:
    """Return what the elements of base, local and remote are known by. Raises `Unsettled` where nothing tells them."""
    elements = [element for side in sides for element in side]
    if all(isinstance(element, Atom) for element in elements):
        return _unique([[each for each in side if isinstance(each, Atom)] for side in sides], scalar=True)
    for name in IDENTITY:
        found = [[_field(element, name) for element in side] for side in sides]
        known = [[key for key in side if key is not None] for side in found]
        if known == found and all(len(set(side)) == len(side) for side in known):
            return _unique(known, scalar=False)
    raise Unsettled("nothing tells the elements of a list apart")


def _field(element: Value, name: str) -> Atom | None:
    if not isinstance(element, dict):
        return None
    found = next((value for key, value in element.items() if key.text == name), None)
    return found if isinstance(found, Atom) else None


def _unique(keys: list[list[Atom]], *, scalar: bool) -> Identities:
    if any(len(set(side)) < len(side) for side in keys):
        raise Unsettled("an element of a list stands twice")
    known = {key for side in keys for key in side}
    if len({key.text for key in known}) < len(known):
        raise Unsettled("elements of a list are told apart by their kinds only")
    base, local, remote = keys
    return Identities(base, local, remote, scalar)


# --- What is not certain enough in a list ---


def same_order(one: Sequence[Atom], other: Sequence[Atom]) -> bool:
    """Return whether what both hold stands in the same order in both."""
    here, there = set(one), set(other)
    return [key for key in one if key in there] == [key for key in other if key in here]


def _no_shared_additions(keys: Identities) -> None:
    """Raise where both added one plain element and each another: it may belong to either, as a value to its option."""
    here, there = frozenset(keys.local) - set(keys.base), frozenset(keys.remote) - set(keys.base)
    if here & there and not _nested(here, there):
        raise Unsettled("both sides added one element of a list among others")


@dataclass(frozen=True, slots=True)
class _Change:
    """Elements `start` to `end` of the base gave way to `added`."""

    start: int
    end: int
    added: tuple[Atom, ...]


def _no_touching_replacements(keys: Identities) -> None:
    """Raise where a side replaced plain elements and the other changed these or their neighbours.

    Two that both make 10 of [1, 10] something else have changed one bound of a range, not removed an element and added
    two. Where both only add, or both only remove, there is no such doubt.
    """
    here, there = _changes(keys.base, keys.local), _changes(keys.base, keys.remote)
    ends = [change.end for change in there]
    for ours in here:
        for theirs in there[bisect_left(ends, ours.start) :]:
            if theirs.start > ours.end:
                break
            both_add = ours.start == ours.end and theirs.start == theirs.end
            both_remove = not ours.added and not theirs.added
            if not both_add and not both_remove and ours != theirs:
                raise Unsettled("both sides changed neighbouring elements of a list")


def _changes(base: list[Atom], side: list[Atom]) -> list[_Change]:
    """Return how `side` came from `base`, whose elements it has in the same order."""
    at_base = {key: place for place, key in enumerate(base)}
    kept = [(at_base[key], place) for place, key in enumerate(side) if key in at_base]
    marks = [(-1, -1), *kept, (len(base), len(side))]
    found = [
        _Change(at + 1, next_at, tuple(side[place + 1 : next_place]))
        for (at, place), (next_at, next_place) in pairwise(marks)
    ]
    return [change for change in found if change.start < change.end or change.added]
