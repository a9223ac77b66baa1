"""A database that cannot be used is moved out of the way: nothing is removed, and all of it is made anew from git."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url

_NAME = "gitferry.db"
_MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html#magic_header_string


def move_aside(url: str) -> Path | None:
    """Rename the SQLite file of `url`, with its journals, to `<name>.broken-<date>`; return the new path.

    None where that cannot be done, and where the file may be somebody else's, named by mistake: it has another name
    than ours and was never a database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    path = Path(str(parsed.database))
    aside = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    try:
        with path.open("rb") as file:
            if path.name != _NAME and file.read(len(_MAGIC)) != _MAGIC:
                return None
        # The journals first: one left beside a new database would be taken for its own.
        for journal in ("-wal", "-shm"):
            if os.path.lexists(f"{path}{journal}"):
                Path(f"{path}{journal}").rename(f"{aside}{journal}")
        path.rename(aside)
    except OSError:
        return None  # what is wrong with the database is told, and how to move it by hand
    return aside
