"""The record of one tracked branch: what both sides last agreed on, what is held, what a crossing intends.

It lives in git alone, as a commit at `refs/gitferry/base/<encoded branch>` whose parents (the record before it, S and
HEAD) and tree keep all that it names reachable. `record.json` in its tree says what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.repos.content import FILE, TREE, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import EMPTY_TREE, Objects, Person

BASE_REFS = "refs/gitferry/base/"
OURSELVES = Person("gitferry", "gitferry@localhost")
_VERSION = 1
_LONGEST = 150  # characters of an encoded branch name
_OWN_KEPT = 1000  # own commits remembered: an amend or reset reaches back a few, never that many


class RecordUnreadable(GitferryError):
    """The record was written by a newer gitferry, or by something else."""


class ObjectsPruned(GitferryError):
    """`git gc --prune=now` removed objects before a ref could name them; nothing is lost, and it is tried again."""

    def __init__(self) -> None:
        super().__init__("git pruned objects while they were being written", "nothing to do: it is tried again")


@dataclass(frozen=True, slots=True)
class Journal:
    """What a running crossing is about to do; while it stands, the crossing has not ended."""

    head: str | None
    tip: str
    before: str  # root tree the working tree was observed to hold
    after: str  # root tree the touched tasks will hold
    paths: tuple[str, ...]  # the files of the working tree that are replaced


@dataclass(frozen=True, slots=True)
class Record:
    """One branch's record. `oid` is the commit it was read from, None before the first."""

    branch: str
    oid: str | None = None
    agreed: str | None = None  # S
    seen: str | None = None  # a later upstream commit that the user's own pulls brought into HEAD
    fetched: bool = False  # S was established; an empty remote later is a loss, not a beginning
    own: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    journal: Journal | None = None
    waiting: tuple[str, ...] = ()  # tasks changed here only, that may not travel yet
    guarded: tuple[str, ...] = ()  # of those, deletions that wait for a person's word
    snapshots: tuple[str, ...] = ()  # root trees observed and not carried
    paused: bool = False
    paused_until: str | None = None
    pushes_held: bool = False
    sequence: int = 0

    def hold(self, unit: str) -> Hold | None:
        """Return the hold of a task, if it has one."""
        return next((hold for hold in self.holds if hold.unit == unit), None)

    def with_own(self, commits: Iterable[str]) -> Record:
        """Return the record with these commits added as ours."""
        return replace(self, own=(*self.own, *commits)[-_OWN_KEPT:])


def ref_name(branch: str) -> str:
    """Return the ref of a branch's record. Encoded, because `base/a` would block `base/a/b`."""
    raw = branch.encode("utf-8", "surrogateescape")
    encoded = quote(raw, safe="")
    if len(encoded) > _LONGEST:  # a file name holds 255 bytes
        encoded = f"{encoded[:_LONGEST]}%{sha256(raw).hexdigest()}"
    return BASE_REFS + encoded


def branches(objects: Objects) -> tuple[str, ...]:
    """Return the branches that have a record in this repository."""
    return tuple(_read(objects, oid)["branch"] for oid in objects.refs(BASE_REFS).values())


def load(objects: Objects, branch: str) -> Record:
    """Return the branch's record, or an empty one. Raises RecordUnreadable."""
    oid = objects.ref(ref_name(branch))
    return Record(branch) if oid is None else _from_json(_read(objects, oid), oid)


def _read(objects: Objects, oid: str) -> dict[str, Any]:
    entry = objects.file_at(objects.tree_of(oid), "record.json")
    if entry is None:
        raise RecordUnreadable(f"{oid} in {BASE_REFS} holds no record", f"inspect it with `git show {oid}`")
    data: dict[str, Any] = json.loads(objects.blob(entry.oid))
    if data["version"] > _VERSION:
        raise RecordUnreadable(
            f"the record of {data['branch']} was written by a newer gitferry (record version {data['version']})",
            "use that gitferry, or a newer one, with this repository",
        )
    return data


def save(objects: Objects, record: Record, *, head: str | None, at: datetime) -> Record:
    """Write the record and move its ref from what was read; return the record as it stands now.

    Raises RecordUnreadable where something else moved the ref meanwhile, ObjectsPruned.
    """
    body = json.dumps(_to_json(record), indent=1, sort_keys=True, default=_fields).encode()
    entries = {"record.json": Entry(FILE, objects.write_blob(body))}
    named = sorted(_named_trees(record))
    if named:
        entries["trees"] = Entry(TREE, objects.write_tree({oid: Entry(TREE, oid) for oid in named}))
    parents = dict.fromkeys(p for p in (record.oid, record.agreed, record.seen, head) if p is not None)
    oid = objects.write_commit(
        objects.write_tree(entries),
        parents,
        f"gitferry record of {record.branch}\n",
        author=OURSELVES,
        committer=OURSELVES,
        at=at,
    )
    name = ref_name(record.branch)
    move_ref(objects, name, oid, record.oid)
    if objects.pruned():
        if record.oid is None:
            objects.repo.references.delete(name)
        else:
            move_ref(objects, name, record.oid, oid)
        raise ObjectsPruned
    fp("record.saved")
    return replace(record, oid=oid)


def move_ref(objects: Objects, name: str, new: str, old: str | None) -> None:
    """Point one of our own refs at `new`, provided it still is at `old`.

    The lane's lock excludes other gitferries, so a difference means that something else writes `refs/gitferry/`.
    """
    found = objects.ref(name)
    if found != old:
        raise RecordUnreadable(
            f"{name} moved to {found} while a crossing ran", "another program writes refs/gitferry/; stop it"
        )
    objects.repo.references.create(name, new, force=True)


def _named_trees(record: Record) -> set[str]:
    named: set[str] = set(record.snapshots)
    for hold in record.holds:
        named.update((*hold.bases, hold.theirs, *hold.locals))
    if record.journal is not None:
        named.update((record.journal.before, record.journal.after))
    return named - {EMPTY_TREE}


def _to_json(record: Record) -> dict[str, Any]:
    known = {field.name: getattr(record, field.name) for field in fields(record) if field.name != "oid"}
    return {"version": _VERSION, **known}


def _fields(value: object) -> dict[str, Any]:
    """Return a dataclass as JSON's encoder asks for it."""
    if not isinstance(value, Hold | Journal):
        raise TypeError(f"{type(value).__name__} does not belong in a record")
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _from_json(data: dict[str, Any], oid: str) -> Record:
    known = {name: _tuple(value) for name, value in data.items() if name != "version"}
    known["holds"] = tuple(
        Hold(**{**{name: _tuple(value) for name, value in hold.items()}, "state": HoldState(hold["state"])})
        for hold in data["holds"]
    )
    if data["journal"] is not None:
        known["journal"] = Journal(**{name: _tuple(value) for name, value in data["journal"].items()})
    return Record(oid=oid, **known)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
