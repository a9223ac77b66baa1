"""Which disk a path is on, told without touching it: a file system that does not answer must not be asked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def mount_points(table: Path = _MOUNTS) -> tuple[str, ...]:
    """Return where file systems are mounted, as proc(5) tells it of this process; nothing where that is not told."""
    try:
        lines = table.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ()
    # fstab(5): blanks and backslashes in a field are octal numbers.
    return tuple(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), line.split(" ")[1]) for line in lines if " " in line)


def disk_of(path: Path, points: Iterable[str]) -> str:
    """Return the mount point that `path` lies below by its name. Pure: no symbolic link is followed."""
    name = os.path.normpath(path)
    below = (point for point in points if name == point or name.startswith(point.rstrip("/") + "/"))
    return max(below, key=len, default="/")
