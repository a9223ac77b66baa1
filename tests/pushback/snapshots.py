"""What fixtures make again and again is made once and copied: clones that have crossed cost more than most tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from pathlib import Path

from gitferry.tests.repo import Repo


class Snapshots:
    """Directories as they were made first, in a session."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[Hashable, tuple[Path, Path]] = {}  # where the copy is, and where it was made
        self.times: dict[Hashable, datetime] = {}  # what a clone's clock said afterwards

    def give(self, key: Hashable, place: Path, names: Sequence[str], make: Callable[[], None]) -> None:
        """Let `place` hold the directories `names` as `make` leaves them there, which runs once for a key.

        The key must say all that the outcome depends on. Paths below `place` may stand in git's settings alone.
        """
        if key not in self._known:
            make()
            copy = self._directory / str(len(self._known))
            for name in names:
                shutil.copytree(place / name, copy / name, symlinks=True)
            self._known[key] = (copy, place)
            return
        copy, made_at = self._known[key]
        for name in names:
            target = place / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(copy / name, target, symlinks=True)
            if (target / ".git").exists():
                config = target / ".git" / "config"
                config.write_text(config.read_text().replace(f"{made_at}/", f"{place}/"))
                Repo(target).git("update-index", "-q", "--refresh")


def state(bare: Repo) -> tuple[tuple[str, bytes], ...]:
    """Return what tells the state of a bare repository from another one: its refs."""
    files = [bare.root / "HEAD", bare.root / "packed-refs", *sorted((bare.root / "refs").rglob("*"))]
    return tuple((str(file.relative_to(bare.root)), file.read_bytes()) for file in files if file.is_file())
