"""The vault's records in the database. They are sealed by whoever writes them; here they are bytes.

Reading gives what is there however damaged: a database file can hold anything in any column, and it is the seal that
tells, naming the record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, LargeBinary, Table, cast, delete, insert, select, update

from gitferry.store import models
from gitferry.store.store import Store

_KEYS = models.Base.metadata.tables["vault_keys"]
_CREDENTIALS = models.Base.metadata.tables["credentials"]
_BINARY = frozenset({"proof", "forward", "back", "wrapped", "sealed"})
_NO_VERSION = 0  # versions count from 1, so that what cannot be read as one is none

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key of the vault as it is kept."""

    id: str
    state: str
    source: str
    parameters: str
    created: str
    proof: bytes = field(repr=False)
    forward: bytes | None = field(repr=False)
    back: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential as it is kept."""

    id: str
    name: str
    kind: str
    username: str | None
    version: int
    created: str
    rotated: str
    expires: str | None
    key_id: str
    wrapped: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    last_used: str | None


class KeyLike(Protocol):
    """A key's record as it is given."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def parameters(self) -> str: ...
    @property
    def created(self) -> str: ...
    @property
    def proof(self) -> bytes: ...
    @property
    def forward(self) -> bytes | None: ...
    @property
    def back(self) -> bytes | None: ...


class CredentialLike(Protocol):
    """A credential's record as it is given."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def username(self) -> str | None: ...
    @property
    def version(self) -> int: ...
    @property
    def created(self) -> str: ...
    @property
    def rotated(self) -> str: ...
    @property
    def expires(self) -> str | None: ...
    @property
    def key_id(self) -> str: ...
    @property
    def wrapped(self) -> bytes: ...
    @property
    def sealed(self) -> bytes: ...
    @property
    def last_used(self) -> str | None: ...


class StoredVault:
    """The vault's two tables. Every method is one transaction and may raise StoreError."""

    def __init__(self, store: Callable[[], Store]) -> None:
        """`store` gives the open database: it may be another one after a damaged one was moved aside."""
        self._store = store

    def vault_keys(self) -> tuple[KeyRow, ...]:
        """Return every key's record, the oldest first."""
        return self._rows(_KEYS, KeyRow, "created")

    def credentials(self) -> tuple[CredentialRow, ...]:
        """Return every credential's record, by name."""
        return self._rows(_CREDENTIALS, CredentialRow, "name")

    def credential(self, name: str) -> CredentialRow | None:
        """Return one credential's record."""
        found = self._rows(_CREDENTIALS, CredentialRow, "name", name)
        return found[0] if found else None

    def add_key(self, key: KeyLike) -> None:
        """Add a key's record."""
        self._write(lambda connection: connection.execute(insert(_KEYS).values(_values(_KEYS, key))))

    def switch(self, key_id: str) -> bool:
        """Make the next key the current one and the current one retired; False where credentials are not under it."""

        def change(connection: Connection) -> bool:
            others = select(_CREDENTIALS.c.id).where(_CREDENTIALS.c.key_id != key_id).limit(1)
            if connection.execute(others).first() is not None:
                return False
            plain = {"forward": None, "back": None}
            retire = update(_KEYS).where(_KEYS.c.state == "current").values(state="retired", **plain)
            connection.execute(retire)
            connection.execute(update(_KEYS).where(_KEYS.c.id == key_id).values(state="current", **plain))
            return True

        return self._write(change)

    def drop_key(self, key_id: str) -> None:
        """Remove a key's record."""
        self._write(lambda connection: connection.execute(delete(_KEYS).where(_KEYS.c.id == key_id)))

    def add(self, credential: CredentialLike) -> bool:
        """Add a credential; False where one has the name."""

        def change(connection: Connection) -> bool:
            taken = select(_CREDENTIALS.c.id).where(_CREDENTIALS.c.name == credential.name)
            if connection.execute(taken).first() is not None:
                return False
            connection.execute(insert(_CREDENTIALS).values(_values(_CREDENTIALS, credential)))
            return True

        return self._write(change)

    def replace(self, credential: CredentialLike) -> None:
        """Put this in the place of the record of that name, or add it."""

        def change(connection: Connection) -> None:
            connection.execute(delete(_CREDENTIALS).where(_CREDENTIALS.c.name == credential.name))
            connection.execute(insert(_CREDENTIALS).values(_values(_CREDENTIALS, credential)))

        self._write(change)

    def rewrap(self, credential: CredentialLike, key_id: str, wrapped: bytes) -> bool:
        """Put another wrapping to a record that is still as `credential`; False where it is not."""
        found = _CREDENTIALS.c
        same = (found.id == credential.id, found.version == credential.version, found.key_id == credential.key_id)
        statement = update(_CREDENTIALS).where(*same).values(key_id=key_id, wrapped=wrapped)
        return self._write(lambda connection: connection.execute(statement).rowcount == 1)

    def remove(self, credential: CredentialLike) -> bool:
        """Remove the credential of this id or name; False where there is none."""
        same = (_CREDENTIALS.c.id == credential.id) | (_CREDENTIALS.c.name == credential.name)
        statement = delete(_CREDENTIALS).where(same)
        return self._write(lambda connection: connection.execute(statement).rowcount > 0)

    def used(self, name: str, at: str) -> None:
        """Note when a credential was used last."""
        statement = update(_CREDENTIALS).where(_CREDENTIALS.c.name == name).values(last_used=at)
        self._write(lambda connection: connection.execute(statement))

    def _write(self, change: Callable[[Connection], T]) -> T:
        with self._store().writing() as session:
            return change(session.connection())

    def _rows(self, table: Table, kind: Callable[..., T], order: str, only: str | None = None) -> tuple[T, ...]:
        with self._store().reading() as session:
            connection = session.connection()
            # SQLite columns hold any type (https://www.sqlite.org/datatype3.html): as bytes they can all be read.
            anything = connection.dialect.name == "sqlite"
            columns = [cast(each, LargeBinary).label(each.name) if anything else each for each in table.columns]
            query = select(*columns).order_by(table.c[order])
            if only is not None:
                query = query.where(table.c[order] == only)
            return tuple(kind(**read_row(row)) for row in connection.execute(query).mappings())


def _values(table: Table, given: object) -> dict[str, Any]:
    return {column.name: getattr(given, column.name) for column in table.columns}


def read_row(row: Any) -> dict[str, Any]:
    """Return a row whose text was read as bytes with text in its place, however damaged."""
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return {"version": _NO_VERSION}.get(name)
    if name in _BINARY or not isinstance(value, bytes):
        return value
    text = value.decode("utf-8", "backslashreplace")
    if name != "version":
        return text
    counts = text.isascii() and text.isdigit() and len(text) < 16 and not text.startswith("0")
    return int(text) if counts else _NO_VERSION
