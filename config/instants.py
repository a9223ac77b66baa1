"""A point in time as text that sorts as time does: RFC 3339, in UTC, with microseconds. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """Return the text. Raises ValueError: a time without a zone; OverflowError: one that UTC has no year for."""
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at.isoformat()}")
    # strftime(3) would write the year 999 with three digits.
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
