"""The column types of our own: instants, text that git gave us, and short lists of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlalchemy import Dialect, String, Text
from sqlalchemy.types import TypeDecorator

_ESCAPED = "\x01"


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as RFC 3339 text in UTC with microseconds, so that text order is time order."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Return the text. A time without a zone is a fault of the caller: ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value.isoformat()}")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

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
