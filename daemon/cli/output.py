"""How answers look: tables that fit the terminal, colour where it is wanted, local times, and progress."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

_ELLIPSIS = "…"
_GAP = "  "
_SMALLEST_COLUMN = 8
_NARROWEST = 40
_BELOW = "    "
_PAINT = re.compile(r"\x1b\[[0-9;]*m")
_WORDS = re.compile(r"(?:`[^`]*`|[^\s`]|`)+")

STATE_COLOURS = {
    "healthy": "green",
    "completed": "green",
    "in_progress": "cyan",
    "in_review": "cyan",
    "pending": "yellow",
    "waiting": "yellow",
    "awaiting_approval": "yellow",
    "paused": "yellow",
    "degraded": "yellow",
    "conflict": "red",
    "failing": "red",
    "failed": "red",
}


def print_json(row: dict[str, Any], *, indent: int | None = 2) -> None:
    """Print one JSON object; readable UTF-8, and escapes only where a path's bytes are not UTF-8."""
    import json

    text = json.dumps(row, ensure_ascii=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(row, indent=indent)
    click.echo(text)


def paint(text: str, colour: str | None, *, err: bool = False, bold: bool = False) -> str:
    """Return `text` with colour where the stream is a terminal that takes it and the user did not decline it."""
    if not coloured(err=err):
        return text
    return click.style(text, fg=colour, bold=bold or None)


def coloured(*, err: bool = False) -> bool:
    """Return whether colour is wanted. https://no-color.org: NO_COLOR counts when it is not empty."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return (sys.stderr if err else sys.stdout).isatty()


def printable(text: str, *, lines: bool = False) -> str:
    """Return `text` so that a terminal shows it: no control sequence of a file's name takes effect.

    Bytes that are not UTF-8 and control characters become `?`; line ends stay where `lines` says so.
    """
    if text.isascii() and text.isprintable():
        return text
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(each if each.isprintable() or (lines and each in "\n\t") else "?" for each in decoded)


def width() -> int:
    """Return how many columns a table may take: `$COLUMNS`, the terminal's, or 80 where there is none."""
    # As shutil.get_terminal_size does; importing shutil would cost a tenth of what `gitferry status` takes.
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given):
        return max(_NARROWEST, int(given))
    try:
        return max(_NARROWEST, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError):
        return 80


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, limit: int | None = None, beside: bool = False
) -> list[str]:
    """Return the lines of a table that fits `limit` columns: the terminal's, and without one there is no limit.

    The last column is never cut: in a row where it does not fit beside the others, it goes on below them; `beside`
    makes the others narrower instead, as far as that goes.
    """
    if limit is None and sys.stdout.isatty():
        limit = width()
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(_columns(row[column]) for row in cells) for column in range(len(header))]
    room = widths[-1]
    if limit is not None and _line(widths) > limit:
        others = widths[:-1]
        most = limit - (room + len(_GAP) if beside else 0)
        while _line(others) > most and max(others) > _SMALLEST_COLUMN:
            others[others.index(max(others))] -= 1
        room = max(0, limit - _line(others) - len(_GAP))
        widths = [*others, room]
    lines = []
    for number, row in enumerate(cells):
        fits = _columns(row[-1]) <= room
        padded = [_padded(cell, columns) for cell, columns in zip(row if fits else row[:-1], widths, strict=False)]
        line = _GAP.join(padded).rstrip()
        lines.append(paint(line, None, bold=True) if number == 0 else _with_colours(line, row, padded))
        if not fits and number > 0:
            lines += wrapped(row[-1], limit=limit, indent=_BELOW)
    return lines


def wrapped(text: str, *, limit: int | None = None, indent: str = "", first: str | None = None) -> list[str]:
    """Return `text` as lines of at most `limit` columns, words and what stands in backquotes left whole.

    `indent` begins every line, `first` the first one instead; without a limit a terminal's is taken, or there is none.
    """
    if limit is None and sys.stdout.isatty():
        limit = width()
    lines: list[str] = []
    line = indent if first is None else first
    fresh = True
    for word in _WORDS.findall(text):
        if limit is not None and not fresh and _columns(f"{line} {word}") > limit:
            lines.append(line)
            line, fresh = indent, True
        line += word if fresh else f" {word}"
        fresh = False
    return lines if fresh else [*lines, line]


def said(text: str, *, indent: str, first: str) -> list[str]:
    """Return a message of one or more lines for standard error, long ones wrapped where that is a terminal."""
    lines: list[str] = []
    for number, line in enumerate(text.split("\n")):
        start = "" if number else first
        fits = not sys.stderr.isatty() or _columns(start + line) <= width()
        lines += [start + line] if fits else wrapped(line, limit=width(), indent=indent, first=start)
    return lines


def _line(widths: Sequence[int]) -> int:
    """Return how many columns a table's line takes."""
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _with_colours(line: str, row: Sequence[str], padded: Sequence[str]) -> str:
    if not coloured():
        return line
    return _GAP.join(
        paint(shown, STATE_COLOURS[cell]) if cell in STATE_COLOURS else shown
        for cell, shown in zip(row, padded, strict=False)
    ).rstrip()


def _padded(text: str, room: int) -> str:
    if _columns(text) > room:
        while _columns(text) > room - 1:
            text = text[:-1]
        text += _ELLIPSIS
    return text + " " * (room - _columns(text))


def _columns(text: str) -> int:
    """Return how many columns a terminal gives to `text`: wide and combining characters are counted, colours not."""
    if "\x1b" in text:
        text = _PAINT.sub("", text)
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def relative(instant: str | None, now: datetime | None = None) -> str:
    """Return an RFC 3339 instant as `3 min ago` or `in 2 h`; a dash for none."""
    if instant is None:
        return "-"
    seconds = (datetime.fromisoformat(instant) - (now or datetime.now(UTC))).total_seconds()
    # What is two hours away when it is asked for is a little less when it is told.
    size = abs(seconds) if seconds <= 0 else seconds + 1
    if size < 1:
        return "now"
    amount = next(
        (f"{int(size // unit)} {name}" for unit, name in ((86400, "d"), (3600, "h"), (60, "min")) if size >= unit),
        f"{int(size)} s",
    )
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def remaining(instant: str, now: datetime | None = None) -> str:
    """Return how long it is until an RFC 3339 instant, as `1 h 59 min left`, `40 s left`; `over` once it is past."""
    left = (datetime.fromisoformat(instant) - (now or datetime.now(UTC))).total_seconds()
    if left <= 0:
        return "over"
    if left < 120:
        return f"{math.ceil(left)} s left"
    minutes = math.ceil(left / 60)
    sizes = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    shown = [f"{amount} {unit}" for amount, unit in sizes if amount]
    return f"{' '.join(shown[:2])} left"


def local(instant: str | None) -> str:
    """Return an RFC 3339 instant as the local `2025-03-01 13:00:05`; a dash for none."""
    if instant is None:
        return "-"
    return datetime.fromisoformat(instant).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def counted(number: int, noun: str) -> str:
    """Return `1 task`, `2 tasks`, `2 branches`, `2 repositories`."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{number} {noun.removesuffix('y')}ies"
    return f"{number} {noun}{'es' if noun.endswith('ch') else 's'}"


@contextmanager
def progress(doing: str) -> Iterator[None]:
    """Show on a terminal's standard error, from the second second on, what is being waited for, and erase it."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    import threading

    done = threading.Event()

    def show() -> None:
        seconds = 1
        while not done.wait(1):
            sys.stderr.write(f"\r{doing}{_ELLIPSIS} {seconds} s\x1b[K")
            sys.stderr.flush()
            seconds += 1
        if seconds > 1:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
