"""Large files that were read here keep a second name beside git-lfs's own store, which forgets what was never pushed.

`git lfs prune` goes by branches, tags and stashes: what only an operation of ours names would be gone with it. A second
name is a hard link and takes no room while the store has the file too. Source: git-lfs-prune(1), git-lfs-config(5),
`lfs.storage`; docs/spec.md of git-lfs.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from gitferry.repos.gitconfig import Config
from gitferry.repos.state import Place

_POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n"
)


def named_by(pointer: bytes) -> str | None:
    """Return the SHA-256 of the file that a pointer names; None where it is none."""
    found = _POINTER.match(pointer)
    return None if found is None else found[1].decode()


def size_told_by(pointer: bytes) -> int | None:
    """Return how many bytes the file has that a pointer names; None where it is none."""
    found = _POINTER.match(pointer)
    return None if found is None else int(found[2])


class LargeFiles:
    """The large files of one repository, by SHA-256. Methods raise OSError."""

    def __init__(self, place: Place, config: Config) -> None:
        own = config.path("lfs.storage", os.environ)
        self._store = place.common_dir / (own or "lfs") / "objects"
        self._kept = place.common_dir / "gitferry" / "large"

    def keep(self, names: Iterable[str]) -> None:
        """Give files of the store a second name; one that has it counts as kept anew."""
        for name in names:
            source, second = self._in_store(name), self._kept / name
            if source.exists():
                self._kept.mkdir(parents=True, exist_ok=True)
                second.unlink(missing_ok=True)
                _link(source, second)

    def bring_back(self, names: Iterable[str]) -> None:
        """Give the store the files again that it has no more."""
        for name in names:
            second, place = self._kept / name, self._in_store(name)
            if second.exists() and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                _link(second, place)

    def drop(self, before: datetime) -> None:
        """Forget what was kept, or last named, before a time."""
        with contextlib.suppress(FileNotFoundError):
            for second in self._kept.iterdir():
                if second.stat().st_ctime < before.timestamp():
                    second.unlink(missing_ok=True)

    def _in_store(self, name: str) -> Path:
        return self._store / name[:2] / name[2:4] / name


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return  # somebody else was first
    except OSError:
        # Another file system, or one without hard links.
        part = target.with_name(f"{target.name}.part-{os.getpid()}")
        shutil.copyfile(source, part)
        part.replace(target)
