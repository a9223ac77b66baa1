"""What a path holds: an entry of a git tree, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

FILE = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
SUBMODULE = 0o160000
TREE = 0o040000  # a directory; never in a Content

#: Modes of what has lines and bytes of its own; no symlink, submodule or directory.
REGULAR = (FILE, EXECUTABLE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One path's state as git's trees name it: mode and object id (hex)."""

    mode: int
    oid: str


@dataclass(frozen=True, slots=True)
class File:
    """One path's state as the disk holds it. `data` of a symlink is its target."""

    mode: int
    data: bytes


#: A task's content: every path of it that exists, and its entry. Absent is the empty mapping.
Content: TypeAlias = Mapping[str, Entry]
