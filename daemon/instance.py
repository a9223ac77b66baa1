"""One daemon per state directory: a lock that ends with its process, and the pid for people."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitferry.config.errors import GitferryError


class StateUnusable(GitferryError):
    """The state directory cannot be made or written."""

    def __init__(self, state_dir: Path, failure: OSError) -> None:
        super().__init__(
            f"the state directory {state_dir} cannot be used: {(failure.strerror or str(failure)).lower()}",
            "make it one that this user may write to, or set GITFERRY_STATE_DIR to another directory",
        )


class AlreadyRunning(GitferryError):
    """Another daemon keeps this state directory. `pid` is its process, None where it did not say yet."""

    def __init__(self, state_dir: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"a daemon already runs on {state_dir}: {who}",
            f"Use that one, stop it (`kill {pid}`), or set GITFERRY_STATE_DIR to another directory."
            if pid
            else "Wait for it to end, or set GITFERRY_STATE_DIR to another directory.",
        )
        self.pid = pid


@contextmanager
def only_instance(state_dir: Path) -> Iterator[Callable[[], bool]]:
    """Hold the state directory for this process until the block ends; the pid file goes with it.

    The block is given what tells whether the directory is still held: it may be removed below us. The lock is
    flock(2) on the pid file: a killed daemon leaves a file, never a lock. Raises AlreadyRunning, StateUnusable.
    """
    path = state_dir / "daemon.pid"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = _locked(path, state_dir)
    except OSError as failure:
        raise StateUnusable(state_dir, failure) from failure
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield lambda: _same_file(descriptor, path)
    finally:
        # Removed while still locked: whoever opened the old file meanwhile sees that it is gone and opens anew.
        if _same_file(descriptor, path):
            with suppress(FileNotFoundError):
                path.unlink()
        os.close(descriptor)


def _locked(path: Path, state_dir: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same_file(descriptor, path):
                return descriptor
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                os.close(descriptor)
                raise
            pid = _pid(descriptor)
            os.close(descriptor)
            raise AlreadyRunning(state_dir, pid) from None
        os.close(descriptor)


def _same_file(descriptor: int, path: Path) -> bool:
    held = os.fstat(descriptor)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return (held.st_dev, held.st_ino) == (found.st_dev, found.st_ino)


def _pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
