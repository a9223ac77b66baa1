"""What the working tree holds now, written to the object database as a root tree.

The tree is the snapshot: whatever a crossing decides, the content it read stays reachable from the record.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gitferry.config.failpoints import fp
from gitferry.repos import drivers, governing, index, outside, sparse
from gitferry.repos.blobs import Blobs
from gitferry.repos.content import SUBMODULE, Entry, File
from gitferry.repos.disk_errors import EscapesTree, IsDirectory, TreeError
from gitferry.repos.governing import BEING_WRITTEN, Moment
from gitferry.repos.objects import Objects
from gitferry.repos.opened import Opened
from gitferry.repos.sparse import Sparse
from gitferry.repos.spelling import misspelled
from gitferry.repos.status import Change, Status, status, tracked

__all__ = ["BEING_WRITTEN", "Limits", "Observation", "Observer", "Stamp"]

_AT_ONCE = 64 << 20  # bytes of files that are held in memory before they are written

#: Modification time in nanoseconds, size and inode of a file; None where there was none.
Stamp: TypeAlias = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Observation:
    """The working tree against HEAD. `disk` is a root tree: HEAD's, with what the observed paths hold."""

    disk: str
    changes: Mapping[str, Change]
    unread: Mapping[str, str]  # path → why its content was not taken
    full: bool
    stamps: Mapping[str, Stamp]  # of what was read, as it was just before
    foreign: tuple[str, ...] = ()  # other repositories in the tree that git would take up as they are now


@dataclass(frozen=True, slots=True)
class Limits:
    """What is not read: files over `size` bytes, written less than `quiet` seconds from `now`, or `unsettled`."""

    size: int
    quiet: float = 0.0
    now: float = 0.0
    unsettled: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Reading:
    """What was read so far: the entries of files, None for those that are gone, and what was not taken.

    `files` are read and not written yet; they are held in memory.
    """

    entries: dict[str, Entry | None] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    size: int = 0  # bytes of `files`

    def add(self, path: str, file: File) -> None:
        self.files[path] = file
        self.there.add(path)
        self.size += len(file.data)

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Take these back."""
        for path, reason in reasons.items():
            self.unread[path] = reason
            self.entries.pop(path, None)

    def doubt(self, patterns: Sparse | None) -> None:
        """Take back what a git command may just have made: it was changing the index while we looked.

        One that takes files out of the working tree, or brings those outside a sparse checkout back, writes its
        index last.
        """
        brought = {path for path in self.there if patterns is not None and not patterns.includes(path)}
        self.refuse(dict.fromkeys(brought | {p for p, entry in self.entries.items() if entry is None}, BEING_WRITTEN))


class Observer:
    """Reads one working tree into one object database."""

    def __init__(self, tree: Opened) -> None:
        self._place = tree.place
        self._git = tree.git
        self._objects = tree.objects
        self._worktree = tree.worktree
        self._state = tree.state
        self._trusted = tree.trusted
        self._blobs = Blobs(tree)

    def observe(
        self,
        head_tree: str,
        paths: Collection[str] | None,
        limits: Limits,
        wanted: Callable[[str], bool],
        *,
        always: Collection[str] = (),
        carries: Callable[[str], bool] = lambda path: True,
        brought: Collection[str] = (),
        never: Collection[str] = (),
    ) -> Observation:
        """Return what differs from HEAD at or below `paths` (None: anywhere).

        Untracked files are read where `wanted` says so, and otherwise left alone: nothing of them can travel. Files in
        `always` are read whatever git says: it does not look at those marked assume-unchanged or skip-worktree.
        `carries` tells whether a path may travel at all. What a dead crossing may have `brought` nobody changed here.
        What HEAD has outside a sparse checkout and the user's side `never` had is no file that something displaced.
        """
        patterns = sparse.read(self._place, self._state.config)
        before = index.moment(self._place.git_dir)
        found = self._status(paths)
        changes = {
            path: change
            for path, change in found.changes.items()
            if not change.nested and (not change.untracked or change.head or wanted(path))
        }
        quiet = {path: _as_in(head_tree, self._objects, path) for path in always if path not in changes}
        self._blobs.attributed_here(changes.keys() - set(brought))
        attributes = governing.moments(self._place.root, {**quiet, **changes})
        reading, away, refused = _Reading(), dict[str, Entry | None](), self._misspelled(changes)
        if patterns is not None:
            reading.unread |= outside.displaced(patterns, {**quiet, **changes}, never)
            away = outside.standing(patterns, self._git, changes, quiet, reading.unread)
            refused |= outside.refused(patterns, changes)
            refused |= outside.displacing(patterns, self._objects, head_tree, changes, never)
        self._read(reading, {**quiet, **changes}, quiet, limits, away, refused)
        reading.refuse(self._misgoverned(head_tree, changes, reading, attributes, carries))
        if before is None or index.moment(self._place.git_dir) != before:
            reading.doubt(patterns)
        with self._objects.together():
            disk = self._objects.apply(head_tree, reading.entries)
        fp("snapshot.written")
        return Observation(disk, changes, reading.unread, found.full, reading.stamps, _foreign(found.changes))

    def _read(
        self,
        reading: _Reading,
        changes: Mapping[str, Change],
        quiet: Collection[str],
        limits: Limits,
        away: Mapping[str, Entry | None],
        refused: Mapping[str, str],
    ) -> None:
        """Read what changed and what git is `quiet` about, but for what is `away` or `refused`."""
        known = {path: change.head or change.index for path, change in changes.items()}
        for path, change in changes.items():
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
            except EscapesTree as error:
                if path in quiet or change.worktree_mode or change.head is None:
                    reading.unread[path] = error.title
                    continue
                file = None  # a link stands where a directory was
            except TreeError as error:
                reading.unread[path] = error.title
                continue
            if file is None:
                reading.entries[path] = None
                continue
            reading.add(path, file)
            if reading.size > _AT_ONCE:
                self._write(reading, known)
        self._write(reading, known)

    def _write(self, reading: _Reading, known: Mapping[str, Entry | None]) -> None:
        with self._objects.together():
            written, refused = self.entries(reading.files, known)
        reading.entries.update(written)
        reading.unread.update(refused)
        reading.files.clear()
        reading.size = 0

    def _misgoverned(
        self,
        head_tree: str,
        changes: Mapping[str, Change],
        reading: _Reading,
        before: Mapping[str, Moment],
        carries: Callable[[str], bool],
    ) -> dict[str, str]:
        """Return the files that were read by other attributes than go with them, and why they wait."""

        def stays(file: str) -> bool:
            known = changes.get(file) or _as_in(head_tree, self._objects, file)
            goes = file in reading.entries and reading.entries[file] is None and carries(file)
            return known.index is not None and not goes

        edited = {
            path
            for path, entry in reading.entries.items()
            if entry is not None and entry != self._objects.file_at(head_tree, path)
        }
        return governing.objections(self._git, self._place, before, edited, stays)

    def _status(self, paths: Collection[str] | None) -> Status:
        """Return what git says has changed; more than that where a filter fails."""

        def look(environment: Mapping[str, str]) -> Status:
            return status(self._git, paths, file_mode=self._state.file_mode, extra_env=environment)

        return drivers.despite_filters(self._state.config, look, trusted=self._trusted)

    def _misspelled(self, changes: Mapping[str, Change]) -> dict[str, str]:
        """Return the files that git would record under another name, and why."""
        there = [path for path, change in changes.items() if change.worktree_mode]
        if not there or not self._state.config.flag("core.ignorecase"):
            return {}
        return {
            path: f"core.ignorecase is set, and {rival!r} is there too, which git takes for the same name"
            for path, rival in misspelled(there, tracked(self._git)).items()
        }

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
        """Write each file as the blob git would write; return the entries, and for those refused the reason.

        `known` is what each was: a file that nobody edited since keeps its entry.
        """
        return self._blobs.write(files, known)

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
        # Either way: what is written as we look was not there `now`.
        return path in limits.unsettled or abs(limits.now - found.st_mtime) < limits.quiet

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


def _as_in(tree: str, objects: Objects, path: str) -> Change:
    """Return what stands for a path of which git says nothing: it is as HEAD has it, or hidden from git."""
    head = objects.file_at(tree, path)
    return Change(path, head, head, submodule=head is not None and head.mode == SUBMODULE)


def _foreign(changes: Mapping[str, Change]) -> tuple[str, ...]:
    """Return the submodules that are elsewhere than HEAD has them, and the repositories that are none yet."""
    return tuple(path for path, change in changes.items() if change.nested or (change.submodule and not change.staged))
