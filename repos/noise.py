"""Ignored files that are written again and again: a growing log must not keep all other changes from settling."""

from __future__ import annotations

import threading
from typing import Final

from gitferry.repos.git import Git
from gitferry.repos.watched import ignored, rules

#: Events of one file after which git is asked whether it is ignored. A save makes three to five.
OFTEN: Final = 12
#: So many files are counted at once; beyond that counting begins anew.
COUNTED: Final = 10_000


class Noise:
    """Which often changed files git ignores. Asking per save would cost a process each; most files change rarely."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._lock = threading.Lock()
        self._events: dict[str, int] = {}
        self._ask: set[str] = set()
        self._ignored: frozenset[str] = frozenset()

    @property
    def asking(self) -> bool:
        """Whether `ask` has something to do."""
        return bool(self._ask)

    @property
    def ignored(self) -> frozenset[str]:
        """The files that are not reported."""
        return self._ignored

    def heard(self, path: str) -> bool:
        """Count an event of `path`; return whether it is worth reporting."""
        if path in self._ignored:
            return False
        with self._lock:
            if len(self._events) >= COUNTED:
                self._events.clear()
            count = self._events[path] = self._events.get(path, 0) + 1
            if count == OFTEN:
                self._ask.add(path)
        return True

    def ask(self) -> None:
        """Ask git about the files that change often; not in the reader's thread."""
        with self._lock:
            paths, self._ask = sorted(self._ask), set()
        found = frozenset(ignored(self._git, paths))
        if found:  # one of them may have become tracked since anything was asked last
            self._ignored |= found - rules(self._git).tracked_files

    def clear(self) -> None:
        """Forget all answers: the rules changed."""
        with self._lock:
            self._events.clear()
            self._ask.clear()
        self._ignored = frozenset()
