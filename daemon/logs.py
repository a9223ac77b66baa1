"""How the daemon logs: one line a fact, as text or JSON, credentials masked in every one.

The journal is told each line's level, in the way of sd-daemon(3), and keeps the time itself.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from gitferry.security.redact import RedactingFilter

#: What every record has; the rest was given with `extra=` and belongs to the fact.
_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}

#: Libraries whose informative lines tell of their inside, not of the user's repositories.
_QUIET = ("uvicorn", "uvicorn.error", "uvicorn.access", "apscheduler", "alembic", "asyncio", "watchdog")


#: What the journal calls the levels: syslog(3). Python's own numbers are lower bounds.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))


def set_up(level: str, style: str, stream: TextIO | None = None, *, journal: bool = False) -> None:
    """Log everything from `level` on to `stream` (standard error) as `style` says, "text" or "json".

    With `journal` every line begins with its level for journald, and text has no time and level of its own.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    lines: logging.Formatter = JsonLines() if style == "json" else TextLines(bare=journal)
    handler.setFormatter(JournalLines(lines) if journal else lines)
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)  # Python would print them past the handler, secrets and all
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def to_journal(environ: Mapping[str, str], descriptor: int = 2) -> bool:
    """Return whether what is written to `descriptor` (standard error) goes to the journal.

    `JOURNAL_STREAM` is the device and inode number of the stream that systemd made: systemd.exec(5). A process that
    was started by a service may have inherited the variable and not the stream.
    """
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class TextLines(logging.Formatter):
    """`2025-01-31T12:00:00Z WARNING the remote of tasks is out of reach`; `bare`: without time and level."""

    def __init__(self, *, bare: bool = False) -> None:
        super().__init__()
        self._bare = bare

    def format(self, record: logging.LogRecord) -> str:
        line = record.getMessage()
        if not self._bare:
            line = f"{_instant(record)} {record.levelname} {line}"
        if record.exc_text:  # the filter wrote it, with credentials masked
            line += "\n" + record.exc_text
        return line


class JournalLines(logging.Formatter):
    """Each line of what `lines` writes behind `<4>`, say: journald makes an entry of every one (sd-daemon(3))."""

    def __init__(self, lines: logging.Formatter) -> None:
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        priority = next(number for least, number in _PRIORITIES if record.levelno >= least)
        return "\n".join(f"<{priority}>{line}" for line in self._lines.format(record).split("\n"))


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
