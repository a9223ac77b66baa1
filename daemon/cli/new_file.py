"""A file that a verb makes: new, for its owner only, whole or not there, and never in another's place."""

from __future__ import annotations

import os
from pathlib import Path

from gitferry.config.durable import fill_flushed
from gitferry.config.errors import GitferryError


class NotWritten(GitferryError):
    """The file could not be written; what had its name is there still."""


def require_new(path: Path) -> None:
    """Raise NotWritten where anything has that name already, a broken link too."""
    if os.path.lexists(path):
        raise _taken(path)


def write_new(path: Path, text: str) -> None:
    """Write a new file, and make its missing directories (0700). Raises NotWritten, as `require_new` does too."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fill_flushed(descriptor, text.encode())
        except OSError:
            path.unlink()
            raise
    except OSError as error:
        if isinstance(error, FileExistsError) and os.path.lexists(path):
            raise _taken(path) from None
        raise NotWritten(f"{path} cannot be written: {error.strerror}", "give the name of a new file") from error


def _taken(path: Path) -> NotWritten:
    return NotWritten(f"{path} is there already", "give the name of a new file")
