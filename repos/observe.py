"""What the working tree holds now, written to the object database as a root tree.

The tree is the snapshot: whatever a crossing decides, the content it read stays reachable from the record.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gitferry.config.failpoints import fp
from gitferry.repos import filters, index, outside, sparse
from gitferry.repos.content import EXECUTABLE, FILE, SUBMODULE, SYMLINK, Entry, File
from gitferry.repos.disk_errors import IsDirectory, TreeError
from gitferry.repos.git import Git
from gitferry.repos.objects import Objects
from gitferry.repos.sparse import Sparse
from gitferry.repos.state import Place, WorkingState
from gitferry.repos.status import Change, status
from gitferry.repos.worktree import Worktree

#: Modification time in nanoseconds, size and inode of a file; None where there was none.
Stamp: TypeAlias = tuple[int, int, int] | None

BEING_WRITTEN = "it is being written"


@dataclass(frozen=True, slots=True)
class Observation:
    """The working tree against HEAD. `disk` is a root tree: HEAD's, with what the observed paths hold."""

    disk: str
    changes: Mapping[str, Change]
    unread: Mapping[str, str]  # path → why its content was not taken
    full: bool
    stamps: Mapping[str, Stamp]  # of what was read, as it was just before


@dataclass(frozen=True, slots=True)
class Limits:
    """What is not read: files over `size` bytes, written less than `quiet` seconds before `now`, or `unsettled`."""

    size: int
    quiet: float = 0.0
    now: float = 0.0
    unsettled: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Reading:
    """What was read so far: index entries that stand for files and files that are gone, files, and what was not."""

    entries: dict[str, Entry | None] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)

    def doubt(self, patterns: Sparse | None) -> None:
        """Take back what a git command may just have made: it was changing the index while we looked.

        One that takes files out of the working tree, or brings those outside a sparse checkout back, writes its
        index last.
        """
        brought = {path for path in self.files if patterns is not None and not patterns.includes(path)}
        for path in brought | {path for path, entry in self.entries.items() if entry is None}:
            self.unread[path] = BEING_WRITTEN
            self.files.pop(path, None)
            self.entries.pop(path, None)


class Observer:
    """Reads one working tree into one object database."""

    def __init__(
        self, place: Place, git: Git, objects: Objects, worktree: Worktree, state: WorkingState, *, trusted: bool
    ) -> None:
        self._place = place
        self._git = git
        self._objects = objects
        self._worktree = worktree
        self._state = state
        self._trusted = trusted

    def observe(
        self,
        head_tree: str,
        paths: Collection[str] | None,
        limits: Limits,
        wanted: Callable[[str], bool],
        *,
        always: Collection[str] = (),
    ) -> Observation:
        """Return what differs from HEAD at or below `paths` (None: anywhere).

        Untracked files are read where `wanted` says so, and otherwise left alone: nothing of them can travel. Files in
        `always` are read whatever git says: it does not look at those marked assume-unchanged or skip-worktree.
        """
        patterns = sparse.read(self._place, self._state.config)
        before = index.moment(self._place.git_dir)
        found = status(
            self._git,
            paths,
            file_mode=self._state.file_mode,
            extra_env=filters.silenced(self._state.config, trusted=self._trusted),
        )
        changes = {
            path: change
            for path, change in found.changes.items()
            if not change.nested and (not change.untracked or change.head or wanted(path))
        }
        reading = self._read(changes, always, limits, patterns)
        if before is None or index.moment(self._place.git_dir) != before:
            reading.doubt(patterns)
        entries, unread = reading.entries, reading.unread
        with self._objects.together():
            written, refused = self.entries(reading.files, {p: (c.head or c.index) for p, c in changes.items()})
            entries.update(written)
            unread.update(refused)
            disk = self._objects.apply(head_tree, entries)
        fp("snapshot.written")
        return Observation(disk, changes, unread, found.full, reading.stamps)

    def _read(
        self, changes: Mapping[str, Change], always: Collection[str], limits: Limits, patterns: Sparse | None
    ) -> _Reading:
        reading = _Reading()
        away = {} if patterns is None else outside.standing(patterns, self._git, changes, always)
        refused = {} if patterns is None else outside.refused(patterns, changes)
        for path, change in {**{path: Change(path) for path in always}, **changes}.items():
            reading.stamps[path] = self._stamp(path)
            if path in away:
                stands = away[path]
                if stands is not None:
                    reading.entries[path] = stands
                continue
            if change.submodule:
                continue  # only its index entry counts; what is inside is another repository's
            reason = refused.get(path) or self._reason_to_wait(path, change, limits)
            if reason is not None:
                reading.unread[path] = reason
                continue
            try:
                file = self._worktree.read(path)
            except IsDirectory:
                file = None  # its files are changes of their own
            except TreeError as error:
                reading.unread[path] = error.title
                continue
            if file is None:
                reading.entries[path] = None
            else:
                reading.files[path] = file
        return reading

    def still(self, seen: Observation) -> bool:
        """Return whether everything that was read is as it was then, by time and size: a cheap look before a push."""
        return all(self._stamp(path) == stamp for path, stamp in seen.stamps.items() if path not in seen.unread)

    def _stamp(self, path: str) -> Stamp:
        try:
            found = os.lstat(self._place.root / path)
        except OSError:
            return None  # absent, or not to be looked at: reading it says which
        return found.st_mtime_ns, found.st_size, found.st_ino

    def entries(
        self, files: Mapping[str, File], known: Mapping[str, Entry | None]
    ) -> tuple[dict[str, Entry], dict[str, str]]:
        """Write each file as the blob git would write; return the entries, and for those refused the reason."""
        regular = [path for path, file in files.items() if file.mode != SYMLINK]
        found = filters.conversions(self._git, self._place, self._state.config, regular, trusted=self._trusted)
        refused = {path: found[path].reason for path in regular if found[path].kind is filters.Kind.REFUSED}
        converted = [path for path in regular if path not in refused and not found[path].keeps(files[path].data)]
        by_git = filters.clean(self._git, self._place, converted) if converted else {}
        for path in by_git:
            if self._worktree.read(path) != files[path]:
                refused[path] = BEING_WRITTEN  # git may have cleaned the half of a save
        entries = {}
        for path, file in files.items():
            if path in refused:
                continue
            oid = by_git.get(path) or self._objects.write_blob(file.data)
            entries[path] = Entry(self._mode(file, known.get(path)), oid)
        return entries, refused

    def _mode(self, file: File, known: Entry | None) -> int:
        if self._state.file_mode or known is None or known.mode not in (FILE, EXECUTABLE) or file.mode == SYMLINK:
            return file.mode
        return known.mode  # core.fileMode=false: the file system does not keep the exec bit, so the tree does

    def _reason_to_wait(self, path: str, change: Change, limits: Limits) -> str | None:
        if change.unmerged:
            return "it has unmerged entries: finish the merge with `git add`"
        if any(side is not None and side.mode == SUBMODULE for side in (change.head, change.index)):
            return "it replaces a submodule"
        try:
            found = os.lstat(self._place.root / path)
        except PermissionError:
            return None  # reading it will say so
        except (FileNotFoundError, NotADirectoryError):
            # A deletion leaves its time on the directory: half a task may be gone while the rest still goes.
            found = self._nearest(path)
            return BEING_WRITTEN if self._is_fresh(path, found, limits) else None
        if found.st_size > limits.size:
            return f"{found.st_size:,} bytes, over the limit of {limits.size:,} (pushback.limits.file)"
        return BEING_WRITTEN if self._is_fresh(path, found, limits) else None

    def _is_fresh(self, path: str, found: os.stat_result, limits: Limits) -> bool:
        return path in limits.unsettled or 0 <= limits.now - found.st_mtime < limits.quiet

    def _nearest(self, path: str) -> os.stat_result:
        """Return the status of the nearest directory above a path that is gone."""
        parent = self._place.root / path
        while True:
            parent = parent.parent
            try:
                return parent.lstat()
            except (FileNotFoundError, NotADirectoryError):
                if parent == self._place.root:
                    raise
