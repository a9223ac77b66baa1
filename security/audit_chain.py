"""The chain of audit records: what each one's hash is taken over, and what was done to one that does not hold. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

#: What the first record of all follows.
GENESIS: Final = "0" * 64
#: The record that stands for older ones which were removed when their time had come.
CHECKPOINT: Final = "audit.checkpoint"
#: The record that says that the anchor was gone when it was written.
ANCHOR_LOST: Final = "audit.anchor_lost"

_COMPARED: Final = 100  # wrong records that are compared with each other
_DOMAIN: Final = b"gitferry audit record 1\n"

Kind: TypeAlias = Literal["edited", "replaced", "moved", "removed", "inserted", "truncated", "anchor"]


@dataclass(frozen=True, slots=True)
class Record:
    """One record. Everything but `hash` goes into `hash`; `detail` is JSON text, as it was written."""

    sequence: int  # from 1 on, without a gap
    at: str  # RFC 3339, UTC
    action: str
    actor: str
    subject: str
    result: str
    detail: str
    key: str | None
    previous: str  # hash of the record before it
    hash: str = ""

    def sealed(self) -> Record:
        """Return the record with its hash."""
        return replace(self, hash=digest(self))


@dataclass(frozen=True, slots=True)
class Place:
    """One place in the chain."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is known of the chain's end outside the database.

    `next` is a record that was about to be written: it stands, or does not, and either is right.
    """

    head: Place
    next: Place | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was done to the log. `first` to `last` are the records that it was done to."""

    kind: Kind
    first: int
    last: int
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at the whole log found; no finding means that nothing was changed since it was written."""

    records: int
    first: int | None
    last: int | None
    findings: tuple[Finding, ...]

    @property
    def intact(self) -> bool:
        return not self.findings


def canonical(record: Record) -> bytes:
    """Return the bytes that the hash is taken over: one JSON array in ASCII, so that no two records share them."""
    fields = [
        record.sequence,
        record.at,
        record.action,
        record.actor,
        record.subject,
        record.result,
        record.detail,
        record.key,
        record.previous,
    ]
    return _DOMAIN + json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def digest(record: Record) -> str:
    """Return the SHA-256 of a record over its fields and its predecessor's hash, as 64 hex digits."""
    return hashlib.sha256(canonical(record)).hexdigest()


def written_detail(detail: Mapping[str, str]) -> str:
    """Return the details as they are kept: a JSON object, its keys in order."""
    return json.dumps(dict(detail), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def read_detail(text: str) -> dict[str, str]:
    """Return the details of a record; of one that somebody made unreadable its text under `unreadable`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return {"unreadable": text}
    return {str(name): value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}


def tip(anchor: Anchor | None, head: Place | None) -> Place:
    """Return what the next record follows, where the database ends with `head`.

    Where the two do not agree it is what the anchor says: the next record then does not fit to what stands before it,
    and shows for good that something was changed there.
    """
    if anchor is None:
        return head or Place(0, GENESIS)
    if anchor.next is not None and head == anchor.next:
        return anchor.next
    return Place(max(anchor.head.sequence, head.sequence if head else 0), anchor.head.hash)


def verify(records: Iterable[Record], anchor: Anchor | None) -> Verification:
    """Return what was done to a log, given by rising sequence, since it was written."""
    chain = _Chain(anchor)
    for record in records:
        chain.take(record)
    return chain.end()


class _Chain:
    """One pass over the records."""

    def __init__(self, anchor: Anchor | None) -> None:
        self._anchor = anchor
        self._findings: list[Finding] = []
        self._count = 0
        self._first: Record | None = None
        self._before: Record | None = None
        self._anchored: str | None = None  # the hash that stands where the anchor's head should
        self._checkpoint: Place | None = None  # the newest record that was removed for its age
        self._wrong: list[Record] = []  # their content is not what their hash was taken over
        self._followers: dict[str, int] = {}  # hash → the sequence of the record that says to follow it

    def take(self, record: Record) -> None:
        """Look at the next record."""
        self._count += 1
        self._first = self._first or record
        self._followers[record.previous] = record.sequence
        sound = digest(record) == record.hash
        if not sound:
            self._wrong.append(record)
        elif record.action == CHECKPOINT:
            self._checkpoint = _removed(record) or self._checkpoint
        elif record.action == ANCHOR_LOST:
            what = f"the anchor was gone when record {record.sequence} was written: records before it may be missing"
            self._find("anchor", record.sequence, record.sequence, what)
        if self._anchor is not None and record.sequence == self._anchor.head.sequence:
            self._anchored = record.hash
        self._link(record, sound)
        self._before = record

    def end(self) -> Verification:
        """Return what was found, the records in order."""
        for record in self._wrong[:_COMPARED]:
            self._explain(record)
        for record in self._wrong[_COMPARED:]:
            self._find("edited", record.sequence, record.sequence, f"record {record.sequence} was edited")
        self._begin()
        self._close()
        self._findings.sort(key=lambda found: (found.first, found.last))
        first, last = self._first, self._before
        return Verification(
            self._count,
            first.sequence if first else None,
            last.sequence if last else None,
            tuple(dict.fromkeys(self._findings)),
        )

    def _find(self, kind: Kind, first: int, last: int, what: str) -> None:
        self._findings.append(Finding(kind, first, last, what))

    def _link(self, record: Record, sound: bool) -> None:
        before = self._before
        if before is None:
            return
        if record.sequence > before.sequence + 1:
            first, last = before.sequence + 1, record.sequence - 1
            self._find("removed", first, last, f"{_named(first, last)} removed")
        elif sound and before not in self._wrong[-1:] and record.previous != before.hash:
            what = f"record {record.sequence} does not follow record {before.sequence}: one of the two was replaced"
            self._find("replaced", before.sequence, record.sequence, what)

    def _explain(self, record: Record) -> None:
        """Say of a record whose content is not its hash's whether it comes from another place."""
        places = {self._followers.get(record.hash, 0) - 1, *(each.sequence for each in self._wrong[:_COMPARED])}
        for sequence in places - {record.sequence}:
            if digest(replace(record, sequence=sequence)) == record.hash:
                what = f"record {sequence} stands in the place of record {record.sequence}"
                self._find("moved", record.sequence, record.sequence, what)
                return
        self._find("edited", record.sequence, record.sequence, f"record {record.sequence} was edited")

    def _begin(self) -> None:
        """Look at where the log begins: at the first record of all, or at the one that a checkpoint names."""
        first, checkpoint = self._first, self._checkpoint
        if first is None:
            return
        kept = checkpoint.sequence if checkpoint else 0
        if first.sequence <= kept:
            what = f"{_named(first.sequence, kept)} inserted: everything before {kept + 1} had been removed for its age"
            self._find("inserted", first.sequence, kept, what)
        elif first.sequence > kept + 1:
            self._find("removed", kept + 1, first.sequence - 1, f"{_named(kept + 1, first.sequence - 1)} removed")
        elif first.previous != (checkpoint.hash if checkpoint else GENESIS):
            what = f"record {first.sequence} does not follow what was before it: it was replaced"
            self._find("replaced", first.sequence, first.sequence, what)

    def _close(self) -> None:
        """Compare the log's end with the anchor."""
        anchor, last = self._anchor, self._before
        if anchor is None:
            if last is not None:
                self._find("anchor", last.sequence, last.sequence, "the anchor is gone: the newest records may be too")
            return
        end = Place(last.sequence, last.hash) if last else Place(0, GENESIS)
        head = anchor.head
        if end.sequence < head.sequence:
            first = end.sequence + 1
            what = f"{_named(first, head.sequence)} cut off at the end"
            self._find("truncated", first, head.sequence, what)
            return
        if head.sequence and self._anchored not in (None, head.hash):
            what = f"record {head.sequence} is not the one that the anchor names: it was replaced"
            self._find("replaced", head.sequence, head.sequence, what)
        if head.sequence == 0 and head.hash != GENESIS:
            self._find("anchor", 0, 0, "the anchor names a beginning that there never was")
        if end.sequence > head.sequence and end != anchor.next:
            first = head.sequence + 1
            self._find("inserted", first, end.sequence, f"{_named(first, end.sequence)} added by something else")


def _removed(record: Record) -> Place | None:
    detail = read_detail(record.detail)
    through, last = detail.get("through", ""), detail.get("hash", "")
    return Place(int(through), last) if through.isascii() and through.isdigit() else None


def _named(first: int, last: int) -> str:
    return f"record {first} was" if first == last else f"records {first} to {last} were"
