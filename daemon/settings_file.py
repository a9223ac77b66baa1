"""Notices that the settings file was edited, once the edit is over."""

from __future__ import annotations

from pathlib import Path


class SettingsFile:
    """Told apart by what stat(2) says; an edit counts when two looks in a row see the same new state.

    So an editor that saves in place is not read half way through, and one that replaces the file is seen too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = self._seen = self._state()

    def edited(self) -> bool:
        """Look; return True once for each edit that has come to rest."""
        now = self._state()
        rested, self._seen = now == self._seen, now
        if not rested or now == self._read:
            return False
        self._read = now
        return True

    def _state(self) -> tuple[int, int, int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
