"""The audit log as rows, filtered and in pages, on the command line and over HTTP alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from gitferry.config.errors import GitferryError
from gitferry.config.instants import instant
from gitferry.config.units import read_duration
from gitferry.security.audit import Wanted
from gitferry.security.audit_chain import read_detail

if TYPE_CHECKING:
    from gitferry.security.audit import AuditLog
    from gitferry.security.audit_chain import Record, Verification

Row = dict[str, Any]


class BadTime(GitferryError):
    """A time that was asked for is none."""

    exit_code = 2

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no time", "write 2026-01-31, 2026-01-31T12:00:00Z, or 90s, 5m, 2h, 7d for so long ago"
        )


class BadCursor(GitferryError):
    """A cursor that no answer gave."""

    exit_code = 2

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no cursor", "Begin again without a cursor.")


def records(log: AuditLog, wanted: Mapping[str, str | None], limit: int | None, now: datetime) -> Row:
    """Return the newest records of those that are wanted, and the cursor of the next, null at the end.

    Raises BadTime, BadCursor.
    """
    asked = Wanted(
        action=wanted.get("action"),
        actor=wanted.get("actor"),
        since=_time(wanted.get("since"), now),
        until=_time(wanted.get("until"), now),
        before=_cursor(wanted.get("cursor")),
        newest_first=True,
    )
    with closing(log.records(asked)) as found:
        rows = list(islice(_of(map(record, found), wanted.get("repository")), None if limit is None else limit + 1))
    shown = rows if limit is None else rows[:limit]
    return {"records": shown, "next_cursor": shown[-1]["id"] if len(shown) < len(rows) else None}


def record(found: Record) -> Row:
    """Return one record with all that its hash is taken over."""
    detail = read_detail(found.detail)
    return {
        "id": str(found.sequence),
        "sequence": found.sequence,
        "at": found.at,
        "action": found.action,
        "actor": found.actor,
        "subject": found.subject,
        "result": found.result,
        "repository": detail.get("repository"),
        "detail": detail,
        "key": found.key,
        "previous": found.previous,
        "hash": found.hash,
    }


def verification(found: Verification) -> Row:
    """Return what a look at the whole log came to."""
    return {
        "intact": found.intact,
        "records": found.records,
        "first": found.first,
        "last": found.last,
        "findings": [
            {"kind": each.kind, "first": each.first, "last": each.last, "what": each.what} for each in found.findings
        ],
    }


def _of(rows: Iterable[Row], repository: str | None) -> Iterable[Row]:
    return rows if repository is None else (row for row in rows if row["repository"] == repository)


def _time(text: str | None, now: datetime) -> str | None:
    if text is None:
        return None
    try:
        return instant(now - timedelta(seconds=read_duration(text)))
    except ValueError:
        pass  # not so long ago, then a moment
    try:
        return instant(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):
        raise BadTime(text) from None


def _cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadCursor(text)
    return int(text)
