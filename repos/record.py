"""The record of one tracked branch: what both sides last agreed on, what is held, what a crossing intends.

It lives in git alone, as a commit at `refs/gitferry/base/<encoded branch>` whose parents (the record before it, S and
HEAD) and tree keep all that it names reachable. `record.json` in its tree says what they mean.

Records form a chain, so that what was read once stays reachable. There are two generations of it: `begin_chain` leaves
the chain so far at `refs/gitferry/kept/<encoded branch>`, in the place of the one before, and starts another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.repos import drop_refs
from gitferry.repos.content import FILE, TREE, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import EMPTY_TREE, Objects, Person
from gitferry.repos.review import Approval, Review

T = TypeVar("T")

BASE_REFS = "refs/gitferry/base/"
KEPT_REFS = "refs/gitferry/kept/"
OURSELVES = Person("gitferry", "gitferry@localhost")
_VERSION = 2
_LONGEST = 150  # characters of an encoded branch name
_OWN_KEPT = 1000  # own commits remembered: an amend or reset reaches back a few, never that many
_STEP = timedelta(hours=6)  # the most that a chain ages from one record to the next: a clock that jumps is not believed
_CHAIN = re.compile(r"^Chain: length (\d+), age (\d+) s$", re.MULTILINE)


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
    undone: tuple[Hold, ...] = ()  # of an undo: what is held once its push arrived and its files are replaced


@dataclass(frozen=True, slots=True)
class Chain:
    """How long a chain of records is. Each record's commit message says it."""

    length: int = 0  # records
    age: timedelta = timedelta()  # what passed between them, as far as the clock is believed


@dataclass(frozen=True, slots=True)
class Record:
    """One branch's record. `oid` is the commit it was read from, None before the first."""

    branch: str
    oid: str | None = None
    agreed: str | None = None  # S
    head: str | None = None  # where HEAD stood then
    log: str | None = None  # the newest entry of git's log of HEAD then, by its name in `repos.reflog`
    seen: str | None = None  # a later upstream commit that the user's own pulls brought into HEAD
    fetched: bool = False  # S was established; an empty remote later is a loss, not a beginning
    own: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    journal: Journal | None = None
    sent: tuple[Journal, ...] = ()  # pushes of which nobody knows whether they arrived, oldest first
    waiting: tuple[str, ...] = ()  # tasks changed here only, that may not travel yet
    guarded: tuple[str, ...] = ()  # of those, deletions that wait for a person's word
    snapshots: tuple[str, ...] = ()  # root trees observed and not carried
    reviews: tuple[Review, ...] = ()
    approvals: tuple[Approval, ...] = ()
    paused: bool = False
    paused_until: str | None = None
    pushes_held: bool = False
    sequence: int = 0

    def hold(self, unit: str) -> Hold | None:
        """Return the hold of a task, if it has one."""
        return next((hold for hold in self.holds if hold.unit == unit), None)

    def is_paused(self, at: datetime) -> bool:
        """Return whether its user has paused it, and not for a time that is over by then; such a pause stays here."""
        until = self.paused_until
        return self.paused and (until is None or at < datetime.fromisoformat(until))

    def review(self, unit: str) -> Review | None:
        """Return the review branch that a task goes to, if it has one that is not over."""
        return next((each for each in self.reviews if unit in each.units and each.over is None), None)

    def with_review(self, review: Review) -> Record:
        """Return the record with this review in the place of what it said of the same branch."""
        known = {each.branch: each for each in self.reviews} | {review.branch: review}
        return replace(self, reviews=tuple(known.values()))

    def with_own(self, commits: Iterable[str]) -> Record:
        """Return the record with these commits added as ours."""
        return replace(self, own=(*self.own, *commits)[-_OWN_KEPT:])


def ref_name(branch: str) -> str:
    """Return the ref of a branch's record."""
    return BASE_REFS + _encoded(branch)


def kept_name(branch: str) -> str:
    """Return the ref of the chain before the one that a branch's record belongs to."""
    return KEPT_REFS + _encoded(branch)


def _encoded(branch: str) -> str:
    """Return a branch's name as one component of a ref's, because `base/a` would block `base/a/b`."""
    raw = branch.encode("utf-8", "surrogateescape")
    encoded = quote(raw, safe="")
    if len(encoded) > _LONGEST:  # a file name holds 255 bytes
        return f"{encoded[:_LONGEST]}%{sha256(raw).hexdigest()}"
    return encoded


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


def chain(objects: Objects, oid: str | None) -> Chain:
    """Return how long the chain is that ends in this record; what earlier gitferries wrote counts for nothing."""
    said = None if oid is None else _CHAIN.search(objects.message(oid))
    return Chain() if said is None else Chain(int(said[1]), timedelta(seconds=int(said[2])))


def save(objects: Objects, record: Record, *, head: str | None, at: datetime) -> Record:
    """Write the record and move its ref from what was read; return the record as it stands now.

    Raises RecordUnreadable where something else moved the ref meanwhile, ObjectsPruned.
    """
    so_far = chain(objects, record.oid)
    if record.oid is not None:
        passed = at.replace(microsecond=0) - objects.time_of(record.oid)  # commits have whole seconds
        so_far = Chain(so_far.length, so_far.age + min(max(passed, timedelta()), _STEP))
    parents = (record.oid, record.agreed, record.seen, head)
    return _write(objects, record, Chain(so_far.length + 1, so_far.age), parents, at)


def begin_chain(objects: Objects, record: Record, *, head: str | None, at: datetime) -> Record:
    """Write the record as the first of a new chain; the chain so far is kept until this is called again.

    Everything that the record names stays reachable from it. It has no journal. Raises what `save` raises.
    """
    name = kept_name(record.branch)
    if record.oid is not None:
        move_ref(objects, name, record.oid, objects.ref(name))
    fp("chain.kept")
    theirs = (hold.theirs_commit for hold in record.holds if hold.theirs_commit and objects.has(hold.theirs_commit))
    return _write(objects, record, Chain(1), (record.agreed, record.seen, record.head, head, *theirs), at)


def _write(objects: Objects, record: Record, so_far: Chain, parents: Iterable[str | None], at: datetime) -> Record:
    body = json.dumps(_to_json(record), indent=1, sort_keys=True, default=_fields).encode()
    entries = {"record.json": Entry(FILE, objects.write_blob(body))}
    named = sorted(_named_trees(record))
    if named:
        entries["trees"] = Entry(TREE, objects.write_tree({oid: Entry(TREE, oid) for oid in named}))
    oid = objects.write_commit(
        objects.write_tree(entries),
        dict.fromkeys(parent for parent in parents if parent is not None),
        f"gitferry record of {record.branch}\n\n"
        f"Chain: length {so_far.length}, age {round(so_far.age.total_seconds())} s\n",
        author=OURSELVES,
        committer=OURSELVES,
        at=at,
    )
    name = ref_name(record.branch)
    move_ref(objects, name, oid, record.oid)
    if objects.pruned():
        if record.oid is None:
            drop_refs.drop(objects.common_dir(), [name])
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
    holds = list(record.holds)
    for journal in (record.journal, *record.sent):
        if journal is not None:
            named.update((journal.before, journal.after))
            holds.extend(journal.undone)
    for hold in holds:
        named.update((*hold.bases, hold.theirs, *hold.locals))
    return named - {EMPTY_TREE}


def _to_json(record: Record) -> dict[str, Any]:
    known = {field.name: getattr(record, field.name) for field in fields(record) if field.name != "oid"}
    return {"version": _VERSION, **known}


def _fields(value: object) -> dict[str, Any]:
    """Return a dataclass as JSON's encoder asks for it."""
    if not isinstance(value, Hold | Journal | Review | Approval):
        raise TypeError(f"{type(value).__name__} does not belong in a record")
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _from_json(data: dict[str, Any], oid: str) -> Record:
    known = {name: _tuple(value) for name, value in data.items() if name != "version"}
    known.setdefault("head", known["agreed"])  # it was not written down once
    known["holds"] = tuple(_hold(hold) for hold in data["holds"])
    if data["journal"] is not None:
        known["journal"] = _journal(data["journal"])
    known["sent"] = tuple(_journal(sent) for sent in data.get("sent", ()))
    known["reviews"] = tuple(_value(Review, review) for review in data.get("reviews", ()))
    known["approvals"] = tuple(_value(Approval, approval) for approval in data.get("approvals", ()))
    return Record(oid=oid, **known)


def _hold(data: dict[str, Any]) -> Hold:
    known = {name: _tuple(value) for name, value in data.items()} | {"state": HoldState(data["state"])}
    known.pop("review", None)  # it stood here once; the branch is made anew
    return Hold(**known)


def _journal(data: dict[str, Any]) -> Journal:
    undone = tuple(_hold(hold) for hold in data.get("undone", ()))
    return replace(_value(Journal, data), undone=undone)


def _value(kind: type[T], data: dict[str, Any]) -> T:
    return kind(**{name: _tuple(value) for name, value in data.items()})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
