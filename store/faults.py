"""What can go wrong with the database, in words that name the file and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, exc

from gitferry.config.errors import GitferryError

# Primary result codes, https://www.sqlite.org/rescode.html: the low byte of an extended code.
_BUSY, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 8, 10, 11, 13, 14, 26

_HINTS = {
    _BUSY: "another process holds it for longer than usual: see who with `fuser`, and try again",
    _READONLY: "make the file and its directory writable for this user",
    _IOERR: "look at the disk: the system log tells more",
    _FULL: "free some space; nothing in the repositories was lost",
    _CANTOPEN: "see that the directory exists and that this user may write in it",
}


class StoreError(GitferryError):
    """The database cannot be used."""


class CorruptStore(StoreError):
    """The file is damaged, or is no database. It is never removed by gitferry itself."""


class OutdatedStore(StoreError):
    """The tables are not the ones that their version has: a development version made them."""


class NewerStore(StoreError):
    """A later gitferry wrote this database."""


class ForeignStore(StoreError):
    """The database holds tables and none of them tells that gitferry made it."""


def place(url: URL) -> str:
    """Return how messages name the database: the file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "the database in memory"
    return url.render_as_string(hide_password=True)


def corrupt(url: URL, found: str) -> CorruptStore:
    """Return the error for a damaged file, with the commands that move it out of the way."""
    path = place(url)
    return CorruptStore(
        f"the database {path} is damaged ({found})",
        f"stop gitferry, move {path}, {path}-wal and {path}-shm aside and start it again: "
        "what they held is rebuilt from the repositories, and of credentials what can still be read is brought over",
    )


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn what the database driver raises into a StoreError that names the database and the remedy."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _translate(url, error) from error


def _translate(url: URL, error: exc.DBAPIError) -> StoreError:
    code = getattr(error.orig, "sqlite_errorcode", None)
    said = str(error.orig).strip()
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in (_CORRUPT, _NOTADB):
        return corrupt(url, said)
    if primary in _HINTS:
        return StoreError(f"the database {place(url)} cannot be used: {said}", _HINTS[primary])
    if isinstance(error, exc.OperationalError):
        return StoreError(f"the database {place(url)} cannot be reached: {said}", "see that it runs, and the URL")
    return StoreError(f"the database {place(url)} refused a statement: {said}", "this is a fault of gitferry")
