"""The lane lock: one crossing of a repository at a time, across threads, processes and users.

It is flock(2) on a file in the git common directory. The kernel drops it with its holder, so there is never a stale
lock; the file itself stays, because removing it would let two holders lock two different files of one name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gitferry.config.errors import GitferryError

_RETRY: Final = 0.05  # seconds between two tries
_NOT_WRITABLE: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class LockBusy(GitferryError):
    """Somebody else holds the lock; `holder` says who, as far as they told."""

    def __init__(self, path: Path, holder: str, waited: float) -> None:
        self.holder = holder
        super().__init__(
            f"{path.parent.parent} is being synced by {holder} (waited {waited:g} s)",
            "try again when it is done; `gitferry status` shows what it does",
        )


class LockUnavailable(GitferryError):
    """The lock file can be neither made nor locked here."""


def lock_path(common_dir: Path) -> Path:
    """Where the lock of the repository with this git common directory is."""
    return common_dir / "gitferry" / "lock"


@contextlib.contextmanager
def lane_lock(common_dir: Path, *, wait: float) -> Iterator[None]:
    """Hold the lock of one repository; `wait` is how many seconds to wait for it, 0 for one try.

    Raises LockBusy with its holder, and LockUnavailable where the git directory is not writable or its file system
    knows no locks.
    """
    path = lock_path(common_dir)
    handle = _open(common_dir, path)
    try:
        _acquire(handle, path, wait)
        _write_holder(handle, f"process {os.getpid()} on {socket.gethostname()}")
        try:
            yield
        finally:
            _write_holder(handle, "")
    finally:
        os.close(handle)


def _open(common_dir: Path, path: Path) -> int:
    """The open lock file, as accessible as the git directory itself whatever our umask: others of a shared
    repository must be able to take the same lock."""
    try:
        mode = common_dir.stat().st_mode
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir()
            path.parent.chmod(mode & 0o2777)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            return _open_existing(path)
        os.fchmod(handle, mode & 0o666)
    except OSError as failure:
        raise _unavailable(common_dir, failure) from failure
    return handle


def _open_existing(path: Path) -> int:
    """flock(2) needs no write access on a local file system: another user's file that we may only read will do."""
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)


def _acquire(handle: int, path: Path, wait: float) -> None:
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            if time.monotonic() >= end:
                raise LockBusy(path, _holder(handle), wait) from busy
        except OSError as failure:
            raise _unavailable(path.parent.parent, failure) from failure
        else:
            return
        time.sleep(min(_RETRY, max(0.0, end - time.monotonic())))


def _holder(handle: int) -> str:
    text = os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
    return text or "another process"


def _write_holder(handle: int, text: str) -> None:
    """Best effort: the text is for a message only, and a full disk must not keep a crossing from running."""
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)


def _unavailable(common_dir: Path, failure: OSError) -> LockUnavailable:
    if failure.errno in _NOT_WRITABLE:
        hint = "make the git directory writable for this user, or run gitferry as the user who owns it"
    elif failure.errno == errno.ENOENT:
        hint = "is its disk mounted, and is it still a git repository?"
    elif failure.errno in {errno.ENOLCK, errno.EOPNOTSUPP}:
        hint = "its file system supports no locks: mount it with them, or keep the clone on another disk"
    else:
        hint = "free some space, or see what stands in the way"
    reason = os.strerror(failure.errno) if failure.errno else str(failure)
    return LockUnavailable(f"{common_dir} cannot be locked: {reason}", hint)
