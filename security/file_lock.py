"""One process, and one thread of it, at a time: flock(2) on a file of its own, which ends with its holder."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

_SECONDS_BETWEEN = 0.002  # looks at a lock that somebody has


def take(path: Path, seconds: float) -> int:
    """Return the descriptor that keeps the lock until it is closed; the file and its directory are made if missing.

    Raises TimeoutError where somebody else keeps it for longer than that many seconds, and OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    give_up = time.monotonic() + seconds
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    raise TimeoutError from None
                time.sleep(_SECONDS_BETWEEN)
            else:
                return descriptor
    except BaseException:
        os.close(descriptor)
        raise
