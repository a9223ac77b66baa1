"""A copy of the SQLite file as an older version left it, made before its tables are changed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from gitferry.config.durable import flush_directory
from gitferry.store.database_url import sqlite_file
from gitferry.store.faults import StoreError

_BUSY_SECONDS = 30.0


def kept(url: URL) -> tuple[Path, ...]:
    """Return the copies that stand beside the SQLite file of `url`, oldest version first."""
    path = sqlite_file(url)
    return () if path is None else tuple(sorted(path.parent.glob(f"{path.name}.version-*")))


def back_up(url: URL, version: str) -> Path | None:
    """Copy the SQLite file of `url`, whose tables are of `version`, to `<name>.version-<version>`; return the copy.

    Copies of versions before that go: their keys and secrets would stay for ever. None for a database server, whose
    tables change in one transaction and whose copies are its administrator's. Raises StoreError.

    https://www.sqlite.org/backup.html: the copy is consistent, whoever writes meanwhile.
    """
    path = sqlite_file(url)
    if path is None:
        return None
    copy = path.with_name(f"{path.name}.version-{version}")
    half = copy.with_name(f".{copy.name}.{os.getpid()}")
    try:
        os.close(os.open(half, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        try:
            if _copied(path, half) != version:
                return None  # another process was faster
            half.replace(copy)
            flush_directory(copy.parent)  # the tables change next: by then the copy has its name, whatever happens
        finally:
            half.unlink(missing_ok=True)
        for other in kept(url):
            if other != copy:
                other.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"no copy of the database {path} could be made before it is brought to this version: {error}",
            f"free some space in {path.parent}, or go on with the gitferry that you had: nothing was changed",
        ) from error
    return copy


def _copied(path: Path, half: Path) -> str:
    """Copy, and return the version of the tables that were copied."""
    with (
        closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as source,
        closing(sqlite3.connect(half)) as target,
    ):
        source.backup(target)
        (version,) = target.execute("SELECT version_num FROM alembic_version").fetchone()
    with half.open("rb") as written:
        os.fsync(written.fileno())
    return str(version)
