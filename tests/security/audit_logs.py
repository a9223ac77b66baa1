"""Real audit logs in real databases, and everything that somebody can do to one behind its back."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gitferry.security.audit import AuditLog
from gitferry.security.audit_chain import GENESIS, Record
from gitferry.store.store import Store

NAMES = ("sequence", "at", "action", "actor", "subject", "result", "detail", "key", "previous", "hash")
Row = tuple[Any, ...]
START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = ", ".join(f'"{name}"' for name in NAMES)
INSERT = f"INSERT INTO audit_records ({COLUMNS}) VALUES ({', '.join('?' * len(NAMES))})"


@dataclass
class Clock:
    """A clock that ticks a minute a look."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


class Log:
    """One audit log with its database and anchor, and the tools of somebody who wants to change the past."""

    def __init__(self, directory: Path, clock: Callable[[], datetime] | None = None) -> None:
        self.directory = directory
        self.anchor = directory / "audit.head"
        self._database = directory / "gitferry.db"
        self.store = Store(f"sqlite:///{self._database}")
        self.audit = AuditLog(self.store.audit, directory, host="here", clock=clock or Clock())

    def fill(self, count: int) -> None:
        """Append `count` records."""
        for number in range(count):
            self.audit.record(
                ("push", "credential.used", "approval", "settings")[number % 4],
                actor=f"person {number % 3}",
                subject=f"tasks/{number}",
                result="accepted",
                detail={"commit": f"{number:040x}", "task": "notes.txt"},
                key=f"push:{number}" if number % 2 else None,
            )

    def rows(self) -> list[Row]:
        """Every row as it stands in the table."""
        with self.raw() as connection:
            return list(connection.execute(f"SELECT {COLUMNS} FROM audit_records ORDER BY 1"))

    def write(self, rows: list[Row]) -> None:
        """Have exactly these rows in the table."""
        with self.raw() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM audit_records")
            connection.executemany(INSERT, rows)
            connection.execute("COMMIT")

    @contextmanager
    def raw(self) -> Iterator[sqlite3.Connection]:
        """Go behind gitferry's back."""
        with closing(sqlite3.connect(self._database, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            yield connection

    def said(self) -> list[str]:
        """What `verify` finds, a line each."""
        return [found.what for found in self.audit.verify().findings]


def record_of(row: Row) -> Record:
    return Record(*row)


def resealed(rows: list[Row], start: int) -> list[Row]:
    """The rows with every hash from `start` on made anew, as one who knows how it is done would."""
    sealed = list(rows[:start])
    for row in rows[start:]:
        previous = sealed[-1][9] if sealed else GENESIS
        record = record_of((*row[:8], previous, ""))
        sealed.append((*row[:8], previous, record.sealed().hash))
    return sealed


def edited(rows: list[Row], chance: random.Random) -> list[Row]:
    """One column of one row is another."""
    at, column = chance.randrange(len(rows)), chance.randrange(1, len(NAMES))
    value = chance.choice([*_values(rows[at][column], chance)])
    return [*rows[:at], (*rows[at][:column], value, *rows[at][column + 1 :]), *rows[at + 1 :]]


def _values(value: Any, chance: random.Random) -> Iterator[Any]:
    text = value or ""
    place = chance.randrange(len(text) + 1)
    yield text[:place] + chance.choice("x\n\x00é\U0001f600'\"") + text[place:]
    yield text[:place]
    yield text.swapcase()
    yield ""
    yield chance.randbytes(8)  # a blob that is no text
    yield b"\xff" + text.encode()
    yield chance.randrange(10**6)
    yield "[" * 5000


def removed(rows: list[Row], chance: random.Random) -> list[Row]:
    """Some rows in a row are gone, not at the end."""
    first = chance.randrange(len(rows) - 1)
    last = chance.randrange(first + 1, len(rows))
    return [*rows[:first], *rows[last:]]


def truncated(rows: list[Row], chance: random.Random) -> list[Row]:
    """The newest rows are gone."""
    return rows[: chance.randrange(len(rows))]


def inserted(rows: list[Row], chance: random.Random) -> list[Row]:
    """A well-formed row stands after the end, or before the beginning, or numbers are moved up for one in between."""
    kind = chance.randrange(3)
    forged = ("2026-01-01T00:00:00.000000Z", "push", "nobody", "tasks/9", "accepted", "{}", None)
    if kind == 0:
        return resealed([*rows, (rows[-1][0] + 1, *forged, "", "")], len(rows))
    if kind == 1:
        return resealed([(rows[0][0] - 1, *forged, GENESIS, "")], 0) + rows
    at = chance.randrange(1, len(rows))
    moved = [(row[0] + 1, *row[1:]) for row in rows[at:]]
    new = [*rows[:at], (rows[at][0], *forged, rows[at - 1][9], chance.randbytes(32).hex()), *moved]
    return resealed(new, at) if chance.random() < 0.5 else new


def reordered(rows: list[Row], chance: random.Random) -> list[Row]:
    """Two rows have each other's place."""
    one, other = chance.sample(range(len(rows)), 2)
    new = list(rows)
    new[one] = (rows[one][0], *rows[other][1:])
    new[other] = (rows[other][0], *rows[one][1:])
    return [(*row[:7], None if row[7] is None else f"{row[7]}", *row[8:]) for row in new]


def rewritten(rows: list[Row], chance: random.Random) -> list[Row]:
    """A row is another and all hashes after it are made anew; or only its own."""
    new = edited(rows, chance)
    at = next((at for at, (was, now) in enumerate(zip(rows, new, strict=True)) if was != now), 0)
    if not all(isinstance(value, str) or value is None for value in new[at][1:8]):
        return new
    sealed = resealed(new, at)
    return sealed if chance.random() < 0.5 else [*sealed[: at + 1], *new[at + 1 :]]


MUTATIONS = (edited, removed, truncated, inserted, reordered, rewritten)
