"""The record of one tracked branch: what both sides last agreed on, what is held, what a crossing intends.

It lives in git alone, as a commit at `refs/gitferry/base/<encoded branch>` whose parents (the record before it, S and
HEAD) and tree keep all that it names reachable. `record.json` in its tree says what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.repos.content import FILE, Entry
from gitferry.repos.objects import EMPTY_TREE, Objects, Person
from gitferry.repos.tasks import Kind

BASE_REFS = "refs/gitferry/base/"
OURSELVES = Person("gitferry", "gitferry@localhost")
_VERSION = 1
_OWN_KEPT = 1000  # own commits remembered: an amend or reset reaches back a few, never that many
_TREE = 0o040000


class RecordUnreadable(GitferryError):
    """The record was written by a newer gitferry, or by something else."""


class HoldState(StrEnum):
    """Why a held task is held: waiting now, waiting for a stash to return, or undone by its user."""

    ACTIVE = "active"
    PARKED = "parked"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Hold:
    """A task whose remote change HEAD has passed and the working tree does not contain.

    `bases`, `theirs` and `locals` are root trees; the task's content is what stands at its path in them.
    """

    unit: str
    kind: Kind
    bases: tuple[str, ...]
    theirs: str
    locals: tuple[str, ...]
    reason: str
    theirs_commit: str | None = None
    state: HoldState = HoldState.ACTIVE
    since: str = ""


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
    fetched: bool = False  # S was established; an empty remote later is a loss, not a beginning
    own: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    journal: Journal | None = None
    waiting: tuple[str, ...] = ()  # tasks changed here only, that may not travel yet
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
    return BASE_REFS + quote(branch, safe="")


def branches(objects: Objects) -> tuple[str, ...]:
    """Return the branches that have a record in this repository."""
    return tuple(unquote(name.removeprefix(BASE_REFS)) for name in objects.refs(BASE_REFS))


def load(objects: Objects, branch: str) -> Record:
    """Return the branch's record, or an empty one. Raises RecordUnreadable."""
    oid = objects.ref(ref_name(branch))
    if oid is None:
        return Record(branch)
    entry = objects.file_at(objects.tree_of(oid), "record.json")
    if entry is None:
        raise RecordUnreadable(f"{ref_name(branch)} holds no record", f"inspect it with `git show {oid}`")
    data = json.loads(objects.blob(entry.oid))
    if data["version"] > _VERSION:
        raise RecordUnreadable(
            f"{ref_name(branch)} was written by a newer gitferry (record version {data['version']})",
            "use that gitferry, or a newer one, with this repository",
        )
    return _from_json(data, oid)


def save(objects: Objects, record: Record, *, head: str | None, at: datetime) -> Record:
    """Write the record and move its ref from what was read; return the record as it stands now.

    Raises RecordUnreadable where something else moved the ref meanwhile.
    """
    body = json.dumps(_to_json(record), indent=1, sort_keys=True).encode()
    entries = {"record.json": Entry(FILE, objects.write_blob(body))}
    named = sorted(_named_trees(record))
    if named:
        entries["trees"] = Entry(_TREE, objects.write_tree({oid: Entry(_TREE, oid) for oid in named}))
    parents = dict.fromkeys(p for p in (record.oid, record.agreed, head) if p is not None)
    oid = objects.write_commit(
        objects.write_tree(entries),
        parents,
        f"gitferry record of {record.branch}\n",
        author=OURSELVES,
        committer=OURSELVES,
        at=at,
    )
    move_ref(objects, ref_name(record.branch), oid, record.oid)
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
    journal = record.journal
    return {
        "version": _VERSION,
        "branch": record.branch,
        "agreed": record.agreed,
        "fetched": record.fetched,
        "own": list(record.own),
        "holds": [
            {
                "unit": hold.unit,
                "kind": hold.kind,
                "bases": list(hold.bases),
                "theirs": hold.theirs,
                "locals": list(hold.locals),
                "reason": hold.reason,
                "theirs_commit": hold.theirs_commit,
                "state": hold.state.value,
                "since": hold.since,
            }
            for hold in record.holds
        ],
        "journal": None
        if journal is None
        else {
            "head": journal.head,
            "tip": journal.tip,
            "before": journal.before,
            "after": journal.after,
            "paths": list(journal.paths),
        },
        "waiting": list(record.waiting),
        "snapshots": list(record.snapshots),
        "paused": record.paused,
        "paused_until": record.paused_until,
        "pushes_held": record.pushes_held,
        "sequence": record.sequence,
    }


def _from_json(data: dict[str, Any], oid: str) -> Record:
    journal = data["journal"]
    return Record(
        branch=data["branch"],
        oid=oid,
        agreed=data["agreed"],
        fetched=data["fetched"],
        own=tuple(data["own"]),
        holds=tuple(
            Hold(
                unit=hold["unit"],
                kind=hold["kind"],
                bases=tuple(hold["bases"]),
                theirs=hold["theirs"],
                locals=tuple(hold["locals"]),
                reason=hold["reason"],
                theirs_commit=hold["theirs_commit"],
                state=HoldState(hold["state"]),
                since=hold["since"],
            )
            for hold in data["holds"]
        ),
        journal=None
        if journal is None
        else Journal(
            journal["head"],
            journal["tip"],
            journal["before"],
            journal["after"],
            tuple(journal["paths"]),
        ),
        waiting=tuple(data["waiting"]),
        snapshots=tuple(data["snapshots"]),
        paused=data["paused"],
        paused_until=data["paused_until"],
        pushes_held=data["pushes_held"],
        sequence=data["sequence"],
    )
