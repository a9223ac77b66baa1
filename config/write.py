"""Settings files reach the disk whole or not at all, through symbolic links, with their mode and owner."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitferry.config.durable import fill_flushed, flush_directory
from gitferry.config.errors import GitferryError


class NotWritten(GitferryError):
    """The settings file could not be written; what was there is there still."""


def create(path: Path, text: str) -> None:
    """Write a new file that only its owner may read (0600), and its missing parent directories (0700).

    Raises NotWritten, also when anything has that name already (a broken link too).
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fill_flushed(descriptor, text.encode())
        except OSError:
            path.unlink()
            raise
        flush_directory(path.parent)


def replace(path: Path, text: str, seen: bytes) -> None:
    """Replace the content of the file, or of the file a link leads to, keeping its mode and owner.

    Raises NotWritten, also when the content is no longer `seen`: someone else edited it meanwhile.
    """
    with _explained(path):
        target = path.resolve(strict=True)
        before = target.stat()
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        fresh = Path(name)
        try:
            os.fchmod(descriptor, before.st_mode & 0o7777)
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, before.st_uid, before.st_gid)
            fill_flushed(descriptor, text.encode())
            if target.read_bytes() != seen:
                raise NotWritten(f"{path} was edited by someone else meanwhile", "run the command again")
            fresh.rename(target)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        flush_directory(target.parent)


@contextmanager
def editing(path: Path) -> Iterator[None]:
    """Hold off other gitferry programs that edit a settings file in the same directory. Raises NotWritten.

    The lock is on the directory itself (flock(2)), so that no file is left in somebody's dotfiles.
    """
    with _explained(path):
        directory = path.resolve().parent
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, FileExistsError) and os.path.lexists(path):
            hint = "edit it, or name another file with --config; it is never overwritten"
            raise NotWritten(f"{path} exists already", hint) from error
        reason = (error.strerror or "unknown").lower()
        raise NotWritten(
            f"{path} cannot be written: {reason}", "make its directory one that this user may write to"
        ) from error
