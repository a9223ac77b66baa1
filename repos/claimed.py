"""Directories that belong to a running process: removed with it, or found and removed once it is gone.

Each has a lock file of its name beside it, held by flock(2): the kernel drops that with its holder, however it ends.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
import stat
import weakref
from pathlib import Path

from gitferry.config.errors import GitferryError

log = logging.getLogger(__name__)

_LOCK = ".lock"
_TRIES = 5


class NotOurs(GitferryError):
    """What is to hold our directories belongs to somebody else, or others may write into it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not a directory that only this user can use",
            "see who made it; once it is removed, it is made anew",
        )


class Claimed:
    """One new directory below `parent`, of mode 0700, for as long as this object or this process lives."""

    def __init__(self, parent: Path) -> None:
        """Remove what dead processes left in `parent`, then make the directory. Raises OSError, NotOurs."""
        _require_ours(parent)
        sweep(parent)
        self.path, handle = _claim(parent)
        # At the latest when the interpreter ends.
        self._release = weakref.finalize(self, _released, self.path, handle, os.getpid())

    def release(self) -> None:
        """Remove the directory now; what cannot be removed is left to the next `sweep`."""
        self._release()


def sweep(parent: Path) -> None:
    """Remove every directory in `parent` whose process is gone. Raises OSError where `parent` cannot be listed."""
    names = {entry.name for entry in parent.iterdir()}
    for name in {name.removesuffix(_LOCK) for name in names}:
        lock = parent / f"{name}{_LOCK}"
        try:
            handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            if not lock.exists():
                remove(parent / name)  # the lock comes first and goes last, so nobody is about to use this one
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(handle, lock) and remove(parent / name):
                lock.unlink()
        except BlockingIOError:
            continue  # it lives
        finally:
            os.close(handle)


def remove(path: Path) -> bool:
    """Remove a directory or file with all that is in it, never through a link; False where some of it stays."""
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return True
        _opened(path)
        shutil.rmtree(path)
    except FileNotFoundError:
        return not os.path.lexists(path)
    except OSError as failure:
        # A mount point, a file that may not be changed, or a process that still writes there.
        log.warning("%s stays: %s", path, failure.strerror or failure, extra={"action": "sweep"})
        return False
    return True


def _opened(path: Path) -> None:
    """Let us into every directory below: build tools make read-only ones (Go's module cache does)."""
    path.chmod(stat.S_IRWXU)
    for directory, names, _ in os.walk(path):
        for name in names:
            found = Path(directory, name)
            mode = found.lstat().st_mode
            if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
                found.chmod(stat.S_IRWXU)


def _require_ours(parent: Path) -> None:
    """Make `parent` where it is missing. In a shared repository, others may write beside it."""
    parent.mkdir(mode=0o700, exist_ok=True)
    found = parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise NotOurs(parent)


def _claim(parent: Path) -> tuple[Path, int]:
    for _ in range(_TRIES):
        path = parent / secrets.token_hex(4)
        lock = parent / f"{path.name}{_LOCK}"
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(handle, lock):
                path.mkdir(mode=0o700)
                return path, handle
        except BlockingIOError:
            pass  # another process sweeps, and took it for a dead one's
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    raise BlockingIOError(f"other processes take each new lock file in {parent}")


def _is_at(handle: int, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), lock.lstat())
    except FileNotFoundError:
        return False


def _released(path: Path, handle: int, process: int) -> None:
    if os.getpid() == process and remove(path):  # a fork has our objects, not our directories
        path.with_name(f"{path.name}{_LOCK}").unlink(missing_ok=True)
    os.close(handle)
