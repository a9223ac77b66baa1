"""The column types of our own: instants, text that git gave us, and short lists of it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Dialect, LargeBinary, String, Text, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from gitferry.config.instants import instant

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

_ESCAPED = "\x01"


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as RFC 3339 text in UTC with microseconds, so that text order is time order."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Return the text. A time without a zone is a fault of the caller: ValueError."""
        return None if value is None else instant(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Return the aware datetime, in UTC."""
        return None if value is None else datetime.fromisoformat(value)


class GitText(TypeDecorator[str]):
    """Text that may hold what no database takes: undecodable bytes of a path (surrogates) and NUL.

    Ordinary text is kept as it is. Anything else is kept as JSON behind a control character.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return text that can be encoded as UTF-8 and holds no NUL."""
        if value is None or not (value.startswith(_ESCAPED) or "\0" in value or _has_surrogates(value)):
            return value
        return _ESCAPED + json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it was given."""
        if value is None or not value.startswith(_ESCAPED):
            return value
        return str(json.loads(value[1:]))


class _Bytes(FunctionElement[bytes]):
    """The bytes of a text as they stand in the database."""

    type = LargeBinary()
    inherit_cache = True


@compiles(_Bytes)
def _as_blob(element: _Bytes, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(_Bytes, "postgresql")
def _as_bytea(element: _Bytes, compiler: SQLCompiler, **options: Any) -> str:
    return f"convert_to({compiler.process(element.clauses, **options)}, 'UTF8')"


class StoredText(TypeDecorator[str]):
    """Text that is read whatever stands there: what somebody made undecodable comes back with surrogates.

    The driver would refuse such a row, and the audit log could not say which one it is.
    """

    impl = Text
    cache_ok = True

    def column_expression(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """Read the bytes, of whatever type SQLite keeps there."""
        return type_coerce(_Bytes(column), self)

    def process_result_value(self, value: object, dialect: Dialect) -> str | None:
        """Return the text; "" for what is null against the table's own rule is left to the caller."""
        return bytes(value).decode("utf-8", "surrogateescape") if isinstance(value, bytes | memoryview) else None


class TextList(TypeDecorator[tuple[str, ...]]):
    """A short list of texts, kept as a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        """Return the array; ASCII only, so that undecodable bytes survive as escapes."""
        return None if value is None else json.dumps(list(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        """Return the texts."""
        return None if value is None else tuple(json.loads(value))


def _has_surrogates(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False
