"""The audit log's records: written in transactions that exclude each other, given back as they stand in the file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, and_, delete, func, insert, or_, select, text

from gitferry.store import models
from gitferry.store.engine import READS_ONLY
from gitferry.store.faults import translated
from gitferry.store.rows import AuditRow

_TABLE = models.Base.metadata.tables["audit_records"]
_ADVISORY_KEY = 0x6769746175646974  # "gitaudit"
_AT_ONCE = 500  # rows


class AuditLike(Protocol):
    """A record of the audit log; `store` must not know the room that makes it."""

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


class WantedLike(Protocol):
    """Which records are asked for."""

    @property
    def action(self) -> str | None: ...
    @property
    def actor(self) -> str | None: ...
    @property
    def since(self) -> str | None: ...
    @property
    def until(self) -> str | None: ...
    @property
    def before(self) -> int | None: ...
    @property
    def newest_first(self) -> bool: ...


class AuditTable:
    """The records in the database of `engine`. Every method may raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(**{READS_ONLY: True})

    @contextmanager
    def writing(self) -> Iterator[AuditTransaction]:
        """Begin a transaction that excludes every other writer; it is committed at the end of the block."""
        with translated(self._engine.url), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
            yield AuditTransaction(connection)

    def read(self, wanted: WantedLike) -> Generator[AuditRow, None, None]:
        """Yield the records that are asked for by sequence, all as of one moment."""
        order = _TABLE.c.sequence.desc() if wanted.newest_first else _TABLE.c.sequence
        query = select(_TABLE).where(*_conditions(wanted)).order_by(order)
        with translated(self._engine.url), self._reader.connect() as connection:
            result = connection.execution_options(yield_per=_AT_ONCE).execute(query)
            for row in result:
                yield AuditRow(**{name: row[at] for at, name in enumerate(_NAMES)})


class AuditTransaction:
    """One transaction that nobody else writes in."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def head(self) -> tuple[int, str] | None:
        """Return sequence and hash of the newest record, None where there is none."""
        query = select(_TABLE.c.sequence, _TABLE.c.hash).order_by(_TABLE.c.sequence.desc()).limit(1)
        return _pair(self._connection.execute(query).first())

    def knows(self, key: str) -> bool:
        """Return whether a record has this key."""
        return self._connection.execute(select(_TABLE.c.sequence).where(_TABLE.c.key == key)).first() is not None

    def add(self, record: AuditLike) -> None:
        """Add a record."""
        self._connection.execute(insert(_TABLE).values({name: getattr(record, name) for name in _NAMES}))

    def last_before(self, at: str, newest: int) -> tuple[int, str] | None:
        """Return the last record that, with all before it, is older than `at` and none of the `newest`."""
        last = select(func.max(_TABLE.c.sequence)).scalar_subquery()
        kept = select(func.min(_TABLE.c.sequence)).where(_TABLE.c.at >= at).scalar_subquery()
        query = (
            select(_TABLE.c.sequence, _TABLE.c.hash)
            .where(_TABLE.c.sequence <= last - newest, _TABLE.c.sequence < func.coalesce(kept, last + 1))
            .order_by(_TABLE.c.sequence.desc())
            .limit(1)
        )
        return _pair(self._connection.execute(query).first())

    def remove_through(self, sequence: int) -> int:
        """Remove a record and all before it; return how many that were."""
        return int(self._connection.execute(delete(_TABLE).where(_TABLE.c.sequence <= sequence)).rowcount)


_NAMES = AuditRow.__slots__


def _pair(row: Any) -> tuple[int, str] | None:
    return None if row is None else (int(row[0]), str(row[1]))


def _conditions(wanted: WantedLike) -> list[Any]:
    columns, found = _TABLE.c, []
    if wanted.action is not None:
        group = columns.action.startswith(f"{wanted.action}.", autoescape=True)
        found.append(or_(columns.action == wanted.action, group))
    if wanted.actor is not None:
        found.append(columns.actor == wanted.actor)
    if wanted.since is not None or wanted.until is not None:
        found.append(and_(columns.at >= (wanted.since or ""), columns.at < (wanted.until or "~")))
    if wanted.before is not None:
        found.append(columns.sequence < wanted.before)
    return found
