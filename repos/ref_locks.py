"""Locks on our own refs that a dead crossing left behind.

libgit2 makes `<ref>.lock` beside a ref that it writes; a SIGKILL in between leaves it, and every later write fails.
Only `refs/gitferry/` is looked at, and only under the lane's lock, so a lock there is a dead crossing's, or for a
moment `git pack-refs`'s: one that stays as it is for a while is nobody's. The one that we hold outside it says so.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from gitferry.repos import drop_refs

_DIRECTORIES = ("base", "kept", "ops", "review", "amended")
_PATIENCE = 1.0  # seconds


def sweep(common_dir: Path, *, wait: Callable[[float], None] = time.sleep) -> None:
    """Remove locks below refs/gitferry/ that nothing works on; `wait` is called only where there are some."""
    drop_refs.sweep(common_dir)
    found = _locks(common_dir)
    if not found:
        return
    wait(_PATIENCE)
    for path, stamp in _locks(common_dir).items():
        if found.get(path) == stamp:
            path.unlink(missing_ok=True)


def _locks(common_dir: Path) -> dict[Path, tuple[int, int, int]]:
    found = {}
    for name in _DIRECTORIES:
        directory = common_dir / "refs" / "gitferry" / name
        if not directory.is_dir():
            continue
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith(".lock"):
                    status = entry.stat(follow_symlinks=False)
                    found[directory / entry.name] = (status.st_ino, status.st_mtime_ns, status.st_size)
    return found
