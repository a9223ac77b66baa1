"""A database that cannot be used is moved out of the way: nothing is removed, and git tells its index anew."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gitferry.config.durable import write_flushed
from gitferry.store.database_url import parsed, sqlite_file

_NAME = "gitferry.db"
_MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html#magic_header_string


def move_aside(url: str) -> Path | None:
    """Rename the SQLite file of `url`, with its journals, to `<name>.broken-<date>`; return the new path.

    None where that cannot be done, and where the file may be somebody else's, named by mistake: it has another name
    than ours and was never a database.
    """
    path = sqlite_file(parsed(url))
    if path is None:
        return None
    aside = _unused(path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
    try:
        with path.open("rb") as file:
            if path.name != _NAME and file.read(len(_MAGIC)) != _MAGIC:
                return None
        write_flushed(_marker(path), os.fsencode(aside.name))
        _move(path, aside)
    except OSError:
        return None  # what is wrong with the database is told, and how to move it by hand
    return aside


def is_unfinished(url: str) -> bool:
    """Return whether the database was being moved aside, and nobody said that what it holds was brought over."""
    path = sqlite_file(parsed(url))
    return path is not None and os.path.lexists(_marker(path))


def unfinished(url: str) -> Path | None:
    """Finish moving what a dead process was moving aside; return that file, None: there is none. Call it `alone`."""
    path = sqlite_file(parsed(url))
    if path is None:
        return None
    try:
        name = os.fsdecode(_marker(path).read_bytes())
        if not name:
            return None  # it died before the name was written, and nothing is moved before that
        aside = path.with_name(Path(name).name)
        if not os.path.lexists(aside) and os.path.lexists(path):
            _move(path, aside)
    except OSError:
        return None
    return aside if os.path.lexists(aside) else None


def brought_over(url: str) -> None:
    """What was moved aside is of no further use to the database."""
    path = sqlite_file(parsed(url))
    if path is not None:
        with contextlib.suppress(OSError):
            _marker(path).unlink(missing_ok=True)


@contextlib.contextmanager
def alone(url: str) -> Iterator[None]:
    """Keep every other process and thread from moving that database aside."""
    path = sqlite_file(parsed(url))
    try:
        lock = None if path is None else os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        lock = None  # nothing can be moved there either
    try:
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.rescue")


def _unused(path: Path) -> Path:
    """`path`, or a name like it that no file has: what two processes move in one second are two files."""
    found, more = path, 1
    while os.path.lexists(found):
        more += 1
        found = path.with_name(f"{path.name}-{more}")
    return found


def _move(path: Path, aside: Path) -> None:
    # The journals first: one left beside a new database would be taken for its own.
    for journal in ("-wal", "-shm"):
        if os.path.lexists(f"{path}{journal}"):
            Path(f"{path}{journal}").rename(f"{aside}{journal}")
    path.rename(aside)
