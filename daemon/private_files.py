"""Which of gitferry's own files and directories other users can reach: state, database, sockets."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitferry.config.paths import runtime_dir, state_dir
from gitferry.daemon.safe import require_private_vault
from gitferry.security.modes import OpenToOthers


def open_to_others(environ: Mapping[str, str], database: Path | None = None) -> tuple[Path, ...]:
    """Return those that have a mode for others than their owner; what is not there is none of them.

    They are the state directory with what lies in it, the directory of the socket, and the file of the database where
    the settings put it elsewhere, with its journals.
    """
    return tuple(dict.fromkeys(path for path in _ours(environ, database) if _is_open(path)))


def starts_all_the_same(environ: Mapping[str, str]) -> bool:
    """Return whether none of them is one that the daemon refuses to start over."""
    try:
        require_private_vault(environ)
    except OpenToOthers:
        return False
    return True


def database_file(url: str) -> Path | None:
    """Return the file of a database URL, None where that is a server's."""
    kind, separator, rest = url.partition(":///")
    return Path(rest.partition("?")[0]) if separator and kind.partition("+")[0] == "sqlite" else None


def _ours(environ: Mapping[str, str], database: Path | None) -> Iterator[Path]:
    directory = state_dir(environ)
    yield directory
    yield runtime_dir(environ)
    if directory.is_dir():
        for entry in sorted(directory.iterdir()):
            if entry.is_symlink() or entry.name == "run":  # sockets have their own rules
                continue
            yield entry
            if entry.is_dir() and entry.name == "crashes":
                yield from sorted(entry.iterdir())
    if database is not None:
        for ending in ("", "-wal", "-shm"):
            yield database.with_name(database.name + ending)


def _is_open(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.lstat().st_mode) & 0o077)
    except (FileNotFoundError, NotADirectoryError):  # a journal of the database's that came and went
        return False
