"""Opens the database: a SQLite file that survives power loss and concurrent writers, or PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from gitferry.store.database_url import parsed, sqlite_file
from gitferry.store.faults import StoreError, corrupt, place

_BUSY_SECONDS = 30.0

# Execution option of a connection that only reads: in WAL mode it then neither waits for a writer nor stops one.
READS_ONLY = "gitferry_reads_only"


def open_engine(url: str) -> Engine:
    """Return an engine for `url` (`sqlite:///file`, `postgresql://…`), creating a missing SQLite file as 0600.

    Raises StoreError: the URL is malformed, of another kind or its driver is missing; CorruptStore: the file is no
    database. https://docs.sqlalchemy.org/en/latest/core/engines.html#database-urls
    """
    found = parsed(url)
    if found.get_backend_name() != "sqlite":
        return _server_engine(found)
    path = sqlite_file(found)
    if path is None:
        raise StoreError("the database must be a file: one in memory is lost at every stop", "give database.url a path")
    _create(path)
    _write_ahead(path, found)
    engine = create_engine(found, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _server_engine(url: URL) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        return create_engine(url, pool_pre_ping=True)
    except ImportError as error:
        raise StoreError(
            f"the database {place(url)} needs a driver that is not installed: {error.name}",
            "pip install 'psycopg[binary]' into gitferry's environment",
        ) from error


def _create(path: Path) -> None:
    """Make the file, readable for its owner only from its first instant; SQLite gives -wal and -shm the same mode."""
    try:
        missing = [parent for parent in path.parents if not parent.exists()]
        for parent in reversed(missing):
            # One by one: `parents=True` would give the ones above the last the ordinary mode.
            parent.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(
            f"the database {path} cannot be opened: {error.strerror}",
            "see that this user may write there, or set another place with database.url or GITFERRY_STATE_DIR",
        ) from error


def _write_ahead(path: Path, url: URL) -> None:
    """Switch the file to WAL, which it then stays in. https://www.sqlite.org/wal.html

    SQLite reports "locked" at once, whatever the time-out, when two connections switch at the same time.
    """
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise StoreError(f"the database {path} cannot be used: {error}", "see the file and its disk") from error
            time.sleep(0.02)
        except sqlite3.DatabaseError as error:
            raise corrupt(url, str(error)) from error


def _on_connect(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN is deferred and late: of two that read and then write, one write is lost. See
    # "serializable isolation", https://docs.sqlalchemy.org/en/latest/dialects/sqlite.html
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {int(_BUSY_SECONDS * 1000)}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
