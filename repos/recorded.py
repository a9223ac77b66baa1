"""What the index remembers of files on disk: by it git tells an untouched file without reading it.

Source: git-ls-files(1), `--debug`; racy-git in git's Documentation/technical. git compares times in whole seconds, so
that a file as young as the index is read again, by whatever attributes there are by then. The index has nanoseconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitferry.repos.git import Git
from gitferry.repos.status import MAX_PATHS

_RECORD = re.compile(
    rb"[0-7]+ (?P<oid>[0-9a-f]+) 0\t(?P<path>[^\0]+)\0"
    rb"  ctime: (?P<ctime>\d+:\d+)\n  mtime: (?P<mtime>\d+:\d+)\n  dev: \d+\tino: (?P<inode>\d+)\n"
    rb"  uid: \d+\tgid: \d+\n  size: (?P<size>\d+)\tflags: [0-9a-f]+\n"
)
_SECOND = 1_000_000_000
_TICK = 20_000_000  # nanoseconds; kernels count time in steps of up to 10 ms
_COARSE = 2 * _SECOND  # of file systems that keep whole seconds
_INODE = 0xFFFFFFFF  # bits of an inode's number that the index keeps


@dataclass(frozen=True, slots=True)
class Recorded:
    """One path's index entry: which blob, and the file on disk when it was known to be that."""

    oid: str
    changed_ns: int
    modified_ns: int
    inode: int
    size: int

    def untouched(self, file: Path) -> bool:
        """Return whether nothing wrote to the file since; see `doubtful`."""
        try:
            found = file.lstat()
        except OSError:
            return False
        times = (self.changed_ns, self.modified_ns) == (found.st_ctime_ns, found.st_mtime_ns)
        return times and self.inode == found.st_ino & _INODE and self.size in (0, found.st_size)

    def doubtful(self, index_ns: int) -> bool:
        """Return whether a file that seems untouched may have been edited in the instant in which git looked at it.

        git sets the size to 0 where it looked again and found another content (racy-git): edited, or read by other
        attributes. An index as young as the file has not been looked through so. `index_ns` is when it was written.
        """
        tick = _TICK if self.changed_ns % _SECOND else _COARSE
        return self.size == 0 or index_ns - self.changed_ns < tick


def recorded(git: Git, paths: Sequence[str]) -> dict[str, Recorded]:
    """Return what the index remembers of these paths; of what it does not have, or has unmerged, nothing."""
    found = {}
    for start in range(0, len(paths), MAX_PATHS):
        chunk = paths[start : start + MAX_PATHS]
        listed = git.run("--literal-pathspecs", "ls-files", "--stage", "--debug", "-z", "--", *chunk).stdout
        for record in _RECORD.finditer(listed):
            path = os.fsdecode(record["path"])
            found[path] = Recorded(
                record["oid"].decode(),
                _nanoseconds(record["ctime"]),
                _nanoseconds(record["mtime"]),
                int(record["inode"]),
                int(record["size"]),
            )
    return found


def _nanoseconds(text: bytes) -> int:
    seconds, _, nanoseconds = text.partition(b":")
    return int(seconds) * 1_000_000_000 + int(nanoseconds)
