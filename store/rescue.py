"""What a database that was moved aside still holds of the vault is brought over: git cannot make credentials again.

Nothing damaged gets in unnoticed: each record is sealed, and one that was hit names itself when it is opened.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gitferry.config.failpoints import fp
from gitferry.store import models
from gitferry.store.store import Store
from gitferry.store.vault import CredentialRow, KeyRow, StoredVault, read_row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rescued:
    """The names of the credentials that were brought over; `whole` tells that all there were could be read."""

    names: tuple[str, ...]
    whole: bool

    @property
    def said(self) -> str | None:
        """The sentence for whoever keeps credentials here; None: there were none, for certain."""
        brought = ", ".join(self.names)
        if self.whole:
            return f"its credentials were brought over: {brought}" if self.names else None
        if self.names:
            return f"of its credentials these were brought over, and others may be lost: {brought}"
        return "credentials that it may have held are lost: `gitferry vault import` brings what an export has"


def rescue(aside: Path, store: Store) -> Rescued:
    """Copy the vault's records out of the file `aside`, which stays as it is; what is there already stays too."""
    vault = StoredVault(lambda: store)
    # SQLite writes beside what it reads, and folds a journal in: into a copy.
    with tempfile.TemporaryDirectory(prefix=".rescue-", dir=aside.parent) as directory:
        copy = Path(directory) / aside.name
        for journal in ("", "-wal"):
            if Path(f"{aside}{journal}").exists():
                shutil.copyfile(f"{aside}{journal}", f"{copy}{journal}")
        keys, keys_whole = _rows(copy, "vault_keys", KeyRow)
        found, found_whole = _rows(copy, "credentials", CredentialRow)
    there = {each.id for each in vault.vault_keys()}
    for key in keys:
        if key.id not in there:
            vault.add_key(key)
    fp("rescue.partial")
    for credential in found:
        vault.add(credential)
    return Rescued(tuple(sorted(each.name for each in found)), keys_whole and found_whole)


def _rows(database: Path, table: str, kind: Callable[..., T]) -> tuple[list[T], bool]:
    """Return what can be read of a table, from both ends towards a damaged place, and whether that is all."""
    names = [each.name for each in models.Base.metadata.tables[table].columns]
    columns = ", ".join(f"CAST({name} AS BLOB) AS {name}" for name in names)
    found: dict[int, T] = {}
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.row_factory = sqlite3.Row
            if _missing(connection, table):
                return [], True
            whole = False
            for order in ("ASC", "DESC"):
                query = f"SELECT rowid AS at, {columns} FROM {table} NOT INDEXED ORDER BY rowid {order}"  # noqa: S608 - our own names
                whole = _collect(connection.execute(query), kind, found) or whole
    except (sqlite3.Error, OSError):
        return list(found.values()), False
    return list(found.values()), whole


def _missing(connection: sqlite3.Connection, table: str) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(query, (table,)).fetchone() is None


def _collect(rows: Iterator[Any], kind: Callable[..., T], found: dict[int, T]) -> bool:
    """Take rows until the file's damage ends them; return whether all could be read."""
    try:
        for row in rows:
            values = dict(row)
            at = values.pop("at")
            found.setdefault(at, kind(**read_row(values)))
    except sqlite3.Error:
        return False
    return True
