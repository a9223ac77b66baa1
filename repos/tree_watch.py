"""Watching of one repository: what the kernel's events, and the looks in their place, say about its working tree."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from gitferry.repos.directories import Directories, Listing, child, parent
from gitferry.repos.git import Git
from gitferry.repos.git_dir_watch import GitDirWatch
from gitferry.repos.inotify import Inotify
from gitferry.repos.noise import Noise
from gitferry.repos.watched import Rules, rules, survey

log = logging.getLogger(__name__)

_APPEARED: Final = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO
_GONE: Final = InotifyConstants.IN_DELETE | InotifyConstants.IN_MOVED_FROM
_SELF_GONE: Final = InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MOVE_SELF | InotifyConstants.IN_UNMOUNT


class TreeWatch:
    """One repository's watches.

    The reader's thread only notes what happened (`on_event`); asking git and walking directories is the work of
    `tend` and `look`, for another thread, and of `open`.
    """

    def __init__(
        self,
        root: Path,
        git_dir: Path,
        common_dir: Path,
        inotify: Inotify | None,
        *,
        changed: Callable[[frozenset[str] | None], None],
        refs: Callable[[], None],
        later: Callable[[], None],
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.root = str(root)
        self._git = Git(root, git_dir=git_dir, environ=environ)
        self._git_dir = git_dir
        self._changed = changed
        self._refs = refs
        self._later = later
        self._working = threading.Lock()  # one walk at a time
        self._appeared: deque[str] = deque()
        self._stale = False  # rules changed, or events were lost: walk everything again
        self._missed = False  # events were lost
        self._index_moved = False
        self._closed = False
        self._identity: tuple[int, int] | None = None
        self._rules = Rules(self._git)
        self._left_out: frozenset[str] = frozenset()
        self._noise = Noise(self._git)
        self.lost = True
        self.overflows = 0
        self.directories = Directories(self.root, inotify, self)
        self._refs_watch = GitDirWatch(
            git_dir, common_dir, inotify, hint=self._ref_moved, rules=self._rules_changed, later=later
        )

    # What other threads than the reader's call.

    def open(self) -> None:
        """Set all watches; a root that is not there is lost until it comes back. What is there is not reported."""
        with self._working:
            if not self._closed:
                self._begin()

    def close(self) -> None:
        """End all watches; nothing is reported from now on."""
        self._closed = True
        with self._working:
            self._refs_watch.close()
            self.directories.clear()

    def tend(self) -> None:
        """Do what the events asked for. Returns at once while `open` is at work: it ends with a call of `later`."""
        if not self._working.acquire(blocking=False):
            return
        try:
            if self._closed:
                return
            if self.lost:
                if self._begin():
                    self._changed(None)
                return
            self._catch_up()
        except BaseException:
            self._stale = True  # what was being done is lost: walk everything next time
            raise
        finally:
            self._working.release()

    def _catch_up(self) -> None:
        self._refs_watch.tend()
        if self._stale:
            missed = self._missed
            self._stale = self._missed = False
            self._refs_watch.start()
            found = self._walk()
            if missed:
                # Once more: a crossing may have looked at a directory before the walk had set its watch anew.
                self._changed(None)
            else:
                self._report(found)
        else:
            self._report(self._extend())
        self._noise.ask()

    def look(self) -> None:
        """Look at what the kernel does not tell: directories without a watch, and whether the root is the same."""
        if not self.lost and self._identity != _identity(self.root):
            self._lose()
        self.tend()
        if self.lost or self._closed:
            return
        self._refs_watch.look()
        for found in self.directories.look():
            self._entry(found.directory, found.name, is_directory=found.is_directory, gone=found.gone, news=True)
        if self._index_moved:
            self._index_moved = False
            self._check_tracked()

    def refresh(self) -> None:
        """Ask git again what is ignored, and find directories that are not covered (rules outside the tree changed)."""
        self._stale = True
        self._later()

    def blind(self) -> None:
        """From now on look at everything."""
        with self._working:
            self.directories.blind()
            self._refs_watch.blind()
        self._changed(None)

    def _begin(self) -> bool:
        """Set all watches; return whether the root is there."""
        identity = _identity(self.root)
        if identity is None or not self._git_dir.exists():
            return False
        self._identity = identity
        self._refs_watch.start()
        self._walk()
        self.lost = "" not in self.directories
        return not self.lost

    def _walk(self) -> frozenset[str]:
        """Cover what is to be covered now and nothing else; return the files in newly covered directories."""
        self._rules = rules(self._git)
        self._noise.clear()
        before = self.directories.names
        done = survey(self.root, [""], self._rules.left_out, self._cover)
        self._left_out = done.left_out
        self.directories.drop(*(before - done.kept))
        return frozenset(path for path in done.files if parent(path) not in before)

    def _extend(self) -> frozenset[str]:
        """Cover the directories that appeared; return the files in them."""
        starts: dict[str, None] = {}
        while self._appeared:
            directory = self._appeared.popleft()
            if directory == "" or parent(directory) in self.directories:
                starts[directory] = None
        if not starts:
            return frozenset()
        done = survey(self.root, starts, self._rules.left_out, self._cover)
        self._left_out |= done.left_out
        self.directories.drop(*(starts.keys() - done.kept))
        if _has_rules(done.files):
            self._rules_changed()
        return done.files

    def _cover(self, directory: str) -> Listing | None:
        return None if self._closed else self.directories.cover(directory)

    def _check_tracked(self) -> None:
        """Walk again if something that the rules ignore became tracked (`git add -f`, a pull)."""
        if not self._left_out and not self._noise.ignored:
            return
        now = rules(self._git)
        if now.tracked & self._left_out or now.tracked_files & self._noise.ignored:
            self.refresh()

    # What the reader's thread calls (and the looks in its place).

    def on_event(self, event: InotifyEvent) -> None:
        """Take one event of the kernel."""
        directory = self.directories.at(event.wd)
        if directory is None or self._closed:
            return
        if not event.name:
            if directory == "" and event.mask & _SELF_GONE:
                self._lose()
            return
        self._entry(
            directory,
            os.fsdecode(event.name),
            is_directory=bool(event.mask & InotifyConstants.IN_ISDIR),
            gone=bool(event.mask & _GONE),
            news=bool(event.mask & (_APPEARED | _GONE)),
        )

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The kernel ended a watch: its directory was removed, or something was unmounted there."""
        directory = self.directories.ended(wd)
        if self._closed or directory is None:
            return
        if directory == "":
            self._lose()
        else:
            self._directory_appeared(directory)

    def on_queue_overflow(self) -> None:
        """The kernel dropped events: anything may have changed, and directories may be without a watch."""
        if self._closed:
            return
        self.overflows += 1
        self._missed = True
        self.refresh()
        self._changed(None)

    def _entry(self, directory: str, name: str, *, is_directory: bool, gone: bool, news: bool) -> None:
        """Take what happened to an entry of a directory; `news`: it appeared or is gone, not just changed."""
        if name == ".git":
            if news:
                self._git_entry(directory, gone=gone)
            return
        path = child(directory, name)
        if not is_directory:
            self._file(path, name)
        elif gone:
            self._directory_gone(path)
        elif news:
            self._directory_appeared(path)

    def _file(self, path: str, name: str) -> None:
        if name == ".gitignore":
            self._rules_changed()
        if self._noise.heard(path):
            self._report(frozenset((path,)))
        if self._noise.asking:
            self._later()

    def _git_entry(self, directory: str, *, gone: bool) -> None:
        if directory == "":
            self.refresh()  # its watches are set anew
            self._refs()
        elif not gone:  # a repository begins here: not ours any longer
            self._directory_appeared(directory)

    def _directory_appeared(self, path: str) -> None:
        if path not in self._left_out:
            self._appeared.append(path)
            self._later()

    def _directory_gone(self, path: str) -> None:
        self.directories.drop(path)
        if path not in self._left_out:
            self._report(frozenset((path,)))

    def _rules_changed(self) -> None:
        self.refresh()
        self._changed(None)  # files that were ignored may be new ones now

    def _ref_moved(self, name: str) -> None:
        self._index_moved = self._index_moved or name == "index"
        if not self._closed:
            self._refs()

    def _lose(self) -> None:
        self.lost = True
        self.directories.clear()
        self._changed(None)
        self._later()

    def _report(self, paths: frozenset[str]) -> None:
        if paths and not self._closed:
            self._changed(paths)


def _has_rules(paths: Iterable[str]) -> bool:
    return any(path.rpartition("/")[2] == ".gitignore" for path in paths)


def _identity(path: str) -> tuple[int, int] | None:
    """Which directory it is that `path` names now (device and inode), None for none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
