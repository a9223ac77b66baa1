"""The URL of a database: read, and the file that it names where that is SQLite's."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, exc, make_url

from gitferry.store.faults import StoreError


def parsed(url: str) -> URL:
    """Return the URL. Raises StoreError: it is malformed, or of a kind of database that is not supported."""
    try:
        found = make_url(url)
    except (exc.ArgumentError, ValueError) as error:  # ValueError: its port is no number
        raise StoreError(
            "database.url is not a database URL", "write sqlite:////path/of/file.db or postgresql://user@host/name"
        ) from error
    if found.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"database.url names {found.get_backend_name()}", "SQLite and PostgreSQL are supported")
    try:
        found.get_dialect()
    except exc.NoSuchModuleError:
        raise StoreError(f"database.url names {found.drivername}", "SQLite and PostgreSQL are supported") from None
    return found


def sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite database, None for a server's and for one in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))
