"""Files that are on the disk before anything counts on them: no power cut brings back less than was written."""

from __future__ import annotations

import os
from pathlib import Path


def write_flushed(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a new file, which has its content on the disk when this returns; one that a crash left there goes first.

    Its name is on the disk only after `flush_directory`. Raises OSError.
    """
    path.unlink(missing_ok=True)
    fill_flushed(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode), data)


def fill_flushed(descriptor: int, data: bytes) -> None:
    """Write all of a file and close it; its content is on the disk when this returns. Raises OSError."""
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def flush_directory(path: Path) -> None:
    """Have the names in a directory on the disk: what was made, renamed or removed there. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
