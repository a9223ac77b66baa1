"""Watching of a git directory: only what tells that a ref, HEAD, the index or an operation's state moved.

Objects, logs, lock files and our own `refs/gitferry` are noise: they change at every command, ours included. What we
write ourselves (the tracked branch, HEAD, the index, the tracking ref) does come back as a hint. It cannot make a
loop: the crossing that it asks for finds everything agreed, writes nothing, and so causes no further event.
Source: gitrepository-layout(5).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from gitferry.repos.directories import Directories, child
from gitferry.repos.inotify import Inotify

# In the git directory of this working tree.
_OWN: Final = frozenset({
    "HEAD", "index", "config.worktree",
    "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply", "sequencer",
})  # fmt: skip
# In the directory that all working trees of the repository share.
_SHARED: Final = frozenset({"packed-refs", "config"})
# Branches, and what the user's own fetches bring: a pull that needs no network.
_REFS: Final = ("refs/heads", "refs/remotes")


class GitDirWatch:
    """The watches of one repository's git directory. `hint` is called for what moved, `rules` for ignore rules."""

    def __init__(
        self,
        git_dir: Path,
        common_dir: Path,
        inotify: Inotify | None,
        *,
        hint: Callable[[str], None],
        rules: Callable[[], None],
        later: Callable[[], None],
    ) -> None:
        """`hint` gets what moved: a file's name, or "refs". `later` asks for a call of `tend` from another thread."""
        self._own = str(git_dir)
        self._shared = str(common_dir)
        self._hint = hint
        self._rules = rules
        self._later = later
        self._new: deque[str] = deque()
        self._directories = Directories("", inotify, self)

    def start(self) -> None:
        """Watch all there is; again after the git directory vanished and came back."""
        for directory in (self._own, self._shared, *self._named("info", "refs", "reftable")):
            self._directories.cover(directory)
        for directory in self._named(*_REFS):
            self._cover_refs(directory)

    def close(self) -> None:
        """End all watches."""
        self._directories.clear()

    def tend(self) -> None:
        """Watch the directories that appeared; what is already in them is what the hint is for."""
        found = False
        while self._new:
            directory = self._new.popleft()
            found = True
            if self._is_refs(directory):
                self._cover_refs(directory)
            else:
                self.start()
        if found:
            self._hint("refs")

    def look(self) -> None:
        """Look at the directories that have no watch."""
        for found in self._directories.look():
            self._entry(found.directory, found.name, is_directory=found.is_directory, gone=found.gone)

    def blind(self) -> None:
        """From now on look at everything."""
        self._directories.blind()

    def _named(self, *names: str) -> tuple[str, ...]:
        return tuple(child(self._shared, name) for name in names)

    def _cover_refs(self, directory: str) -> None:
        held = self._directories.cover(directory)
        for name in held.directories if held else ():
            self._cover_refs(child(directory, name))

    def _is_refs(self, path: str) -> bool:
        return any(path == area or path.startswith(f"{area}/") for area in self._named(*_REFS))

    # What watchdog's reader thread calls.

    def on_event(self, event: InotifyEvent) -> None:
        """Take one event of the kernel."""
        directory = self._directories.at(event.wd)
        if directory is None:
            return
        if not event.name:
            if event.mask & (InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MOVE_SELF) and directory in {
                self._own,
                self._shared,
            }:
                self._hint("HEAD")
            return
        gone = bool(event.mask & (InotifyConstants.IN_DELETE | InotifyConstants.IN_MOVED_FROM))
        self._entry(directory, os.fsdecode(event.name), is_directory=event.is_directory, gone=gone)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The kernel ended a watch: git removes empty directories of refs, and makes them again."""
        directory = self._directories.ended(wd)
        if directory is not None and Path(directory).is_dir():
            self._appeared(directory)

    def on_queue_overflow(self) -> None:
        """Events were lost: the watch of the working tree hears the same, counts it and calls `start` again."""

    def _entry(self, directory: str, name: str, *, is_directory: bool, gone: bool) -> None:
        if name.endswith(".lock"):
            return
        path = child(directory, name)
        if self._is_refs(path):
            if is_directory:
                if gone:
                    self._directories.drop(path)
                else:
                    self._appeared(path)
            self._hint("refs")
        elif directory == child(self._shared, "info"):
            if name == "exclude":
                self._rules()
        elif directory == child(self._shared, "reftable"):
            if name == "tables.list":
                self._hint("refs")
        elif directory == self._shared and is_directory and name in {"info", "refs", "reftable"}:
            self._appeared(path)
        elif (directory == self._own and name in _OWN) or (directory == self._shared and name in _SHARED):
            self._hint(name)

    def _appeared(self, directory: str) -> None:
        self._new.append(directory)
        self._later()
