"""What the tests of watching share: a repository, a watcher, and what it told."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchdog.observers.inotify_c import InotifyFD

from gitferry.repos.watch import Watcher

PATIENCE = 10.0  # seconds until a test gives up; far more than a busy machine needs


def git(root: Path, *args: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(root), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def repository(path: Path) -> Path:
    path.mkdir(parents=True)
    git(path, "init", "-q", "-b", "main")
    (path / "kept").mkdir()
    (path / "kept" / "a.txt").write_text("a\n")
    git(path, "add", ".")
    git(path, "commit", "-qm", "first")
    return path


def until(condition: Callable[[], bool], what: str = "") -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what or "did not happen"
        time.sleep(0.01)


class Heard:
    """What a watcher told, per repository."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls: list[tuple[str, frozenset[str] | None]] = []
        self.hints: list[str] = []
        self.threads: set[str] = set()

    def change(self, name: str, paths: frozenset[str] | None) -> None:
        with self.lock:
            self.threads.add(threading.current_thread().name)
            self.calls.append((name, paths))

    def refs(self, name: str) -> None:
        with self.lock:
            self.hints.append(name)

    def paths(self, name: str = "r") -> set[str]:
        with self.lock:
            return {path for who, paths in self.calls if who == name and paths for path in paths}

    def has(self, paths: set[str], name: str = "r") -> bool:
        return self.paths(name) >= paths

    def everything(self, name: str = "r") -> int:
        with self.lock:
            return sum(1 for who, paths in self.calls if who == name and paths is None)

    def clear(self) -> None:
        """Forget what was told, once the last write's further events (a save makes several) were told too."""
        self.quiet(0.15)
        with self.lock:
            self.calls.clear()
            self.hints.clear()

    def count(self) -> int:
        with self.lock:
            return len(self.calls) + len(self.hints)

    def quiet(self, seconds: float = 0.3) -> None:
        """Wait until nothing was heard for `seconds`: fails if that never comes, which would be a loop."""
        end = time.monotonic() + PATIENCE
        before, since = self.count(), time.monotonic()
        while time.monotonic() - since < seconds:
            assert time.monotonic() < end, "events never end"
            time.sleep(0.02)
            if self.count() != before:
                before, since = self.count(), time.monotonic()


@contextmanager
def watching(*roots: Path, poll: float = 10.0, max_watches: int | None = None) -> Iterator[tuple[Watcher, Heard]]:
    heard = Heard()
    watcher = Watcher(heard.change, heard.refs, poll, max_watches)
    try:
        for root in roots:
            watcher.add("r" if len(roots) == 1 else root.name, root, root / ".git", root / ".git")
        heard.quiet(0.05)
        heard.clear()
        yield watcher, heard
    finally:
        watcher.close()


def reader(watcher: Watcher) -> InotifyFD:
    assert watcher._inotify is not None
    return watcher._inotify._reader
