"""Whether a repository is exactly as it was: told by what stat(2) says of all its files, without any git command.

For the look at a whole tree that is due every quarter of an hour whatever the watcher said: of hundreds of repositories
nearly all are as they were, and `git status` for each would be most of what a daemon costs.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Files and directories, of the working tree and of git's own; a larger repository is looked at by git, faster.
MOST: Final = 4_000
#: Nanoseconds before a look in which nothing may have changed: file systems count in whole seconds, or two.
_RACY: Final = 2_000_000_000
_STAT: Final = struct.Struct("=QQqqqI")
#: What git keeps beside its state and never reads again to tell what has changed, and what is ours.
_NOT_STATE: Final = frozenset({"objects", "logs", "gitferry", "hooks", "lfs", "modules", "worktrees", "FETCH_HEAD"})


@dataclass(frozen=True, slots=True)
class Stillness:
    """What a repository looked like; the same value again means that nothing was written, made, moved or removed."""

    digest: bytes
    newest_ns: int  # when the last of it changed

    def settled(self, now_ns: int) -> bool:
        """Return whether it lies so far back that a change since the look would show."""
        return now_ns - self.newest_ns > _RACY


def stillness(root: Path, git_dir: Path, common_dir: Path, environ: Mapping[str, str]) -> Stillness | None:
    """Return what the repository looks like now; None where it has too many files, or cannot be looked at."""
    found = hashlib.blake2b(digest_size=16)
    newest, left = 0, MOST
    try:
        for path, stat in _everything(root, git_dir, common_dir, environ):
            left -= 1
            if left < 0:
                return None
            found.update(path)
            if stat is not None:
                times = (stat.st_mtime_ns, stat.st_ctime_ns)
                found.update(_STAT.pack(stat.st_dev, stat.st_ino, stat.st_size, *times, stat.st_mode))
                newest = max(newest, *times)
    except (OSError, RecursionError):
        return None  # something vanished, may not be read, or lies too deep: the real look tells
    return Stillness(found.digest(), newest)


def _everything(
    root: Path, git_dir: Path, common_dir: Path, environ: Mapping[str, str]
) -> Iterator[tuple[bytes, os.stat_result | None]]:
    yield os.fsencode(root), os.lstat(root)
    yield from _below(root, leaving_out=frozenset({".git"}), locks=True)
    for directory in dict.fromkeys((git_dir, common_dir)):
        # Of git's own directory the time alone tells nothing: every command makes lock files in it.
        yield from _below(directory, leaving_out=_NOT_STATE, locks=False)
    for file in _settings(environ):
        try:
            yield os.fsencode(file), os.lstat(file)
        except FileNotFoundError:
            yield os.fsencode(file), None


def _below(directory: Path, *, leaving_out: frozenset[str], locks: bool) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield all below a directory in a fixed order; `leaving_out` are names directly in it.

    What is named as git names its locks is left out without `locks`: in a working tree it is a file like any other.
    """
    with os.scandir(directory) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.name in leaving_out or (entry.name.endswith(".lock") and not locks):
            continue
        yield os.fsencode(entry.path), entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path), leaving_out=frozenset(), locks=locks)


def _settings(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the user's and the machine's files that say what git ignores and how it converts: git-config(1), FILES."""
    yield Path("/etc/gitconfig")
    yield Path("/etc/gitattributes")
    if home := environ.get("HOME"):
        yield Path(home, ".gitconfig")
        base = Path(environ.get("XDG_CONFIG_HOME") or Path(home, ".config"), "git")
        yield from (base / name for name in ("config", "ignore", "attributes"))
