"""How the daemon logs: one line a fact, as text or JSON, credentials masked in every one."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from gitferry.security.redact import RedactingFilter

#: What every record has; the rest was given with `extra=` and belongs to the fact.
_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}

#: Libraries whose informative lines tell of their inside, not of the user's repositories.
_QUIET = ("uvicorn", "uvicorn.error", "uvicorn.access", "apscheduler", "alembic", "asyncio", "watchdog")


def set_up(level: str, style: str, stream: TextIO | None = None) -> None:
    """Log everything from `level` on to `stream` (standard error) as `style` says, "text" or "json"."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)  # Python would print them past the handler, secrets and all
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class TextLines(logging.Formatter):
    """`2025-01-31T12:00:00Z WARNING the remote of tasks is out of reach`."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_instant(record)} {record.levelname} {record.getMessage()}"
        if record.exc_text:  # the filter wrote it, with credentials masked
            line += "\n" + record.exc_text
        return line


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message and what the fact carries (action, repository, …)."""

    def format(self, record: logging.LogRecord) -> str:
        row: dict[str, object] = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        row.update({name: value for name, value in record.__dict__.items() if name not in _STANDARD})
        if record.exc_text:
            row["exception"] = record.exc_text
        return json.dumps(row, default=str)


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
