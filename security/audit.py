"""The audit log: who did what, to what, with what result. Appended to, never changed, and telling when it was."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.config.instants import instant
from gitferry.security import audit_chain as chain
from gitferry.security.audit_anchor import AnchorFile, AnchorUnreadable
from gitferry.security.audit_chain import Anchor, Finding, Place, Record, Verification
from gitferry.security.redact import redact

_LONGEST: Final = 16_384  # characters of one text
_FIELDS: Final = tuple(each.name for each in fields(Record))
_NEWEST_KEPT: Final = 1000  # records, however old: a clock that jumps empties no log


class Tampered(GitferryError):
    """The log is not as it was written; it is not pruned, since that would remove the evidence."""


class RecordLike(Protocol):
    """A record as the database gives it back, whatever was done to it there."""

    @property
    def sequence(self) -> int: ...
    @property
    def at(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def actor(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def key(self) -> str | None: ...
    @property
    def previous(self) -> str: ...
    @property
    def hash(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are asked for; a time is RFC 3339 in UTC as records have it."""

    action: str | None = None  # also the beginning of one: `credential` asks for `credential.used` too
    actor: str | None = None
    since: str | None = None
    until: str | None = None
    before: int | None = None  # those with a lower sequence
    newest_first: bool = False


class AuditWriting(Protocol):
    """One exclusive transaction on the records."""

    def head(self) -> tuple[int, str] | None:
        """Return sequence and hash of the newest record."""
        ...

    def knows(self, key: str) -> bool:
        """Return whether a record has this key."""
        ...

    def add(self, record: RecordLike) -> None:
        """Add a record."""
        ...

    def last_before(self, at: str, newest: int) -> tuple[int, str] | None:
        """Return the last record that, with all before it, is older than `at` and none of the `newest`."""
        ...

    def remove_through(self, sequence: int) -> int:
        """Remove a record and all before it; return how many that were."""
        ...


class AuditRecords(Protocol):
    """Where records are kept."""

    def writing(self) -> AbstractContextManager[AuditWriting]:
        """Begin a transaction that excludes other writers, also of other processes, and commit it at the end."""
        ...

    def read(self, wanted: Wanted) -> Generator[RecordLike, None, None]:
        """Yield records by sequence, all as of one moment."""
        ...


class AuditLog:
    """The one log of a state directory, usable from any thread and process.

    A record is in the database before the anchor names it as the head, and the anchor tells of it before the database
    has it. So after a kill at any point either both know it or the next look can tell that it was being written. No
    method may be called inside another transaction on the same database.
    """

    def __init__(self, records: AuditRecords, state_dir: Path, *, host: str, clock: Callable[[], datetime]) -> None:
        """`host` is this machine's name, which every record tells."""
        self._records = records
        self._anchor = AnchorFile(state_dir)
        self._host = host
        self._clock = clock

    def record(
        self,
        action: str,
        *,
        actor: str,
        subject: str,
        result: str,
        detail: Mapping[str, str],
        key: str | None = None,
    ) -> None:
        """Append a record, secrets masked; of two with the same `key` the second is left out.

        Raises AnchorUnwritable and what the store raises.
        """
        about = {"host": self._host} | {_clean(name): _clean(value) for name, value in detail.items()}
        with self._anchor.locked(), self._appending() as appending:
            if key is not None and appending.knows(_clean(key)):
                return
            appending.append(
                Record(
                    sequence=0,
                    at=instant(self._clock()),
                    action=_clean(action),
                    actor=_clean(actor),
                    subject=_clean(subject),
                    result=_clean(result),
                    detail=chain.written_detail(about),
                    key=None if key is None else _clean(key),
                    previous="",
                )
            )

    def records(self, wanted: Wanted) -> Generator[Record, None, None]:
        """Yield the records that are asked for; closing it early ends the look at the database."""
        with closing(self._records.read(wanted)) as rows:
            for found in rows:
                yield _record(found)

    def newest(self, wanted: Wanted) -> Record | None:
        """Return the newest record of those that are asked for."""
        with closing(self.records(replace(wanted, newest_first=True))) as records:
            return next(records, None)

    def verify(self) -> Verification:
        """Return what was done to the log since it was written; what a kill left behind is nothing of it."""
        with self._anchor.locked():
            try:
                anchor = self._anchor.read()
                unreadable = None
            except AnchorUnreadable as error:
                anchor, unreadable = None, error
            records = self.records(Wanted())
            first = next(records, None)  # from here on the database shows one moment, that of the anchor
        with closing(records):
            found = chain.verify(_with(first, records), anchor)
        if unreadable is None:
            return found
        said = Finding("anchor", found.last or 0, found.last or 0, unreadable.title)
        others = tuple(each for each in found.findings if each.kind != "anchor" or each.first != (found.last or 0))
        return Verification(found.records, found.first, found.last, (*others, said))

    def prune(self, before: datetime, *, newest: int = _NEWEST_KEPT) -> int:
        """Remove the records from before a time, but for the `newest`; return how many went.

        A checkpoint record takes their place in the chain. Raises Tampered where the log does not verify.
        """
        limit = instant(before)
        with closing(self.records(Wanted())) as records:
            oldest = next(records, None)
        if oldest is None or oldest.at >= limit:
            return 0
        found = self.verify()
        if not found.intact:
            raise Tampered(
                f"the audit log was changed: {found.findings[0].what}", "`gitferry audit verify` tells what was done"
            )
        with self._anchor.locked(), self._appending() as appending:
            return appending.remove_before(limit, newest, instant(self._clock()), self._host)

    @contextmanager
    def _appending(self) -> Iterator[_Appending]:
        """Give what is appended in one transaction, between the two words to the anchor."""
        with self._records.writing() as writing:
            head = writing.head()
            try:
                anchor = self._anchor.read()
            except AnchorUnreadable:
                anchor = None
            place = None if head is None else Place(*head)
            begun = chain.tip(anchor, place)
            lost = anchor is None and (place is not None or self._anchor.path.exists())
            appending = _Appending(writing, begun, lost)
            yield appending
            if appending.tip != begun:
                self._anchor.write(Anchor(begun, appending.tip))
        if appending.tip != begun:
            fp("audit.appended")
            self._anchor.write(Anchor(appending.tip), durable=False)


class _Appending:
    """Adds records at the end of the chain, `tip`; `lost` tells that the anchor should be there and is not."""

    def __init__(self, writing: AuditWriting, tip: Place, lost: bool) -> None:
        self.tip = tip
        self._writing = writing
        self._lost = lost

    def knows(self, key: str) -> bool:
        """Return whether a record has this key."""
        return self._writing.knows(key)

    def append(self, record: Record) -> None:
        """Add a record at the end of the chain."""
        if self._lost:
            self._lost = False
            self._add(_own(chain.ANCHOR_LOST, record.at, {"follows": str(self.tip.sequence)}))
        self._add(record)

    def remove_before(self, limit: str, newest: int, at: str, host: str) -> int:
        """Remove the records that are older than `limit` and leave a checkpoint; return how many went."""
        last = self._writing.last_before(limit, newest)
        if last is None:
            return 0
        sequence, found = last
        self.append(_own(chain.CHECKPOINT, at, {"host": host, "through": str(sequence), "hash": found}))
        return self._writing.remove_through(sequence)

    def _add(self, record: Record) -> None:
        placed = replace(record, sequence=self.tip.sequence + 1, previous=self.tip.hash).sealed()
        self._writing.add(placed)
        self.tip = Place(placed.sequence, placed.hash)


def _own(action: str, at: str, detail: Mapping[str, str]) -> Record:
    return Record(0, at, action, "gitferry", "audit", "done", chain.written_detail(detail), None, "")


def _record(found: RecordLike) -> Record:
    return Record(*(getattr(found, name) for name in _FIELDS))


def _clean(text: str) -> str:
    """Return a text without secrets, and without what no database takes (undecodable bytes, NUL)."""
    # What is cut off first may be the half by which a secret is known.
    shown = redact(text)[:_LONGEST].encode("utf-8", "backslashreplace").decode()
    return shown.replace("\0", "\\x00")


def _with(first: Record | None, others: Iterator[Record]) -> Iterator[Record]:
    if first is not None:
        yield first
    yield from others
