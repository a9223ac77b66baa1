"""The working tree gets the remote's content, file by file, each only if it is still as observed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from gitferry.config.failpoints import fp
from gitferry.pushback.gitlinks import file_of
from gitferry.pushback.ground import Ground
from gitferry.repos import drivers, filters, index, sparse
from gitferry.repos.content import FILE, SYMLINK, Entry, File
from gitferry.repos.disk_errors import (
    EscapesTree,
    IsDirectory,
    NotAFile,
    Obstructed,
    StillChanging,
    TreeError,
    UnsafeName,
)
from gitferry.repos.governing import ATTRIBUTES
from gitferry.repos.hold import HoldState
from gitferry.repos.large_files import LargeFiles, named_by, size_told_by
from gitferry.repos.observe import Observer
from gitferry.repos.record import Record
from gitferry.repos.smudging import Wanted, smudge
from gitferry.repos.sparse import Sparse
from gitferry.repos.worktree import Raced, Worktree

#: What keeps one file from being replaced; its task is held. Anything else (a full disk) stops the crossing.
_IN_THE_WAY = (EscapesTree, IsDirectory, NotAFile, Obstructed, StillChanging, UnsafeName)

_AT_ONCE = 64 << 20  # bytes of blobs that are held in memory
_LARGEST_POINTER = 1024  # bytes; docs/spec.md of git-lfs
_LONGEST_TARGET = 4096  # bytes, path_resolution(7)

#: Task → its files that must be replaced, each with what it will hold.
Steps: TypeAlias = Mapping[str, tuple[tuple[str, Entry | None], ...]]
#: The same of one file.
Step: TypeAlias = tuple[str, str, Entry | None]


class Unchanged:
    """Tells whether one file is still what was observed; asked about the file in place, then about what was displaced.

    A converted file (line ends, a filter) is compared through git once, where it stands; after that by its bytes.
    """

    def __init__(self, observer: Observer, path: str, entry: Entry | None) -> None:
        self._observer = observer
        self._path = path
        self._entry = entry
        self._known: list[str | None] = []  # the digest of what was found to be the same
        self._raced = False

    def __call__(self, file: File | None) -> bool:
        """Return whether this is what was observed."""
        if self._raced:
            return False
        if self._known:
            return _digest(file) == self._known[0]
        if file is None or self._entry is None:
            same = file is None and self._entry is None
        else:
            entries, _ = self._observer.entries({self._path: file}, {self._path: self._entry})
            same = entries.get(self._path) == self._entry
        if same:
            self._known.append(_digest(file))
        return same

    def look(self, worktree: Worktree) -> None:
        """Compare what stands there now: by other attributes it would not be what it was observed to be."""
        try:
            file = worktree.read(self._path)
        except IsDirectory:
            file = None
        except TreeError:
            return  # it is in the way, and replacing it will say so
        self._raced = not self(file)


def patterns_now(ground: Ground) -> Sparse | None:
    """Return what of a sparse checkout is checked out at this moment; None: all of it."""
    if not ground.state.sparse:
        return None
    return sparse.read(ground.place, ground.host.known.config(ground.git, ground.place, ground.host.environ))


def left_out(ground: Ground, steps: Steps, tip: str, record: Record) -> dict[str, Entry | None]:
    """Return the files of `steps` that are to stay absent, being outside the sparse checkout, and what each becomes.

    Each is to become what the root tree `tip` has, which HEAD will name; then its index entry stands for it. Or its
    task is undone or in review, and the record says what it was. Any other that is to differ from HEAD is written, as
    git writes what conflicts.
    """
    patterns = patterns_now(ground)
    if patterns is None:
        return {}
    known = {unit for review in record.reviews if review.over is None for unit in review.units}
    undone = () if record.journal is None else record.journal.undone
    known |= {hold.unit for hold in (*record.holds, *undone) if hold.state is HoldState.UNDONE}
    return {
        path: entry
        for unit, files in steps.items()
        for path, entry in files
        if not patterns.includes(path)
        and not ground.worktree.has_file(path)
        and (unit in known or entry == ground.objects.file_at(tip, path))
    }


def stays_out(ground: Ground, patterns: Sparse, path: str, entry: Entry | None) -> bool:
    """Return whether a file that was left out, and is `entry` from now on, is outside and absent still.

    What goes may have given way to a directory, or to a link over its own: those we have written ourselves.
    """
    if entry is None:
        return not patterns.includes(path) and not ground.worktree.has_file(path)
    return patterns.leaves_out(path)


def check_out(
    ground: Ground, observer: Observer, disk: str, steps: Steps, left: Mapping[str, Entry | None] | None = None
) -> tuple[dict[str, str], dict[str, Entry | None]]:
    """Replace file by file; return the tasks that could not be, and why, and those of `left` that stay out.

    `disk` is the root tree that was observed. The files in `left` (`left_out`) are not touched, unless a directory or
    a link stands in their place that did not go. Raises DiskFull and its like, with every file either as it
    was or as it will be.
    """
    left = left or {}
    flat = [(unit, path, entry) for unit, files in steps.items() for path, entry in files]
    patterns = patterns_now(ground)
    absent = _hidden(ground, patterns, disk, [path for _, path, _ in flat])
    outside = frozenset(path for path in absent if patterns is not None and not patterns.includes(path))
    here = [step for step in flat if step[1] not in left]
    attributes = [step for step in here if step[1].rpartition("/")[2] == ATTRIBUTES]
    attributes += [step for step in here if step not in attributes and _gives_way(step, attributes)]
    others = [step for step in here if step not in attributes]
    seen = {
        path: Unchanged(observer, path, None if path in absent else file_of(ground.objects, disk, path))
        for _, path, _ in flat
    }
    raced: dict[str, str] = {}
    if attributes:
        # The attributes that arrive decide how the other files are written, not what those were until now.
        for _, path, _ in others:
            seen[path].look(ground.worktree)
        raced |= _attributes(ground, attributes, seen, outside)
    raced |= _group(ground, others, seen, outside)[0]
    obstructed = [step for step in flat if step[1] in left and _is_obstructed(ground, patterns, step)]
    raced |= _group(ground, obstructed, seen, outside)[0]
    ground.worktree.flush()
    return raced, {path: left[path] for path in left.keys() - {path for _, path, _ in obstructed}}


def _is_obstructed(ground: Ground, patterns: Sparse | None, step: Step) -> bool:
    """Whether a directory, or a link above it, still stands where a file was left out: git takes that for the file."""
    _, path, entry = step
    outside = patterns is not None and not patterns.includes(path) and not patterns.leaves_out(path)
    return entry is not None and outside and not ground.worktree.has_file(path)


def _gives_way(step: Step, attributes: Sequence[Step]) -> bool:
    """Whether a file goes that stands where a directory of attributes will, or below a file of attributes."""
    _, path, entry = step
    arriving = [other for _, other, new in attributes if new is not None]
    return entry is None and any(o.startswith(f"{path}/") or path.startswith(f"{o}/") for o in arriving)


def _attributes(
    ground: Ground, steps: Sequence[Step], seen: Mapping[str, Unchanged], outside: Collection[str]
) -> dict[str, str]:
    """Replace files of attributes, and once they stand, write them by what they say of themselves."""
    raced, written = _group(ground, steps, seen, outside)
    standing = [step for step in steps if step[1] in written]
    known = {path: partial(_holds, digest) for path, digest in written.items()}
    return raced | _group(ground, standing, known, outside)[0]


def _holds(digest: bytes, found: File | None) -> bool:
    return found is not None and hashlib.sha256(found.data).digest() == digest


def _group(
    ground: Ground,
    steps: Sequence[Step],
    seen: Mapping[str, Callable[[File | None], bool]],
    outside: Collection[str],
) -> tuple[dict[str, str], dict[str, bytes]]:
    """Replace these files; return the tasks that could not be, and why, and the digests of what was written."""
    raced: dict[str, str] = {}
    written: dict[str, bytes] = {}
    for portion in _portions(ground, sorted(steps, key=_deletions_first)):
        files, refused = _files(ground, {path: entry for _, path, entry in portion if entry is not None})
        for unit, path, entry in portion:
            reason = refused.get(path)
            if entry is None and path in outside:
                reason = f"{path} is outside your sparse checkout, where its absence is no deletion"
            if reason is None:
                new = None if entry is None else files[path]
                reason = _replace(ground, path, new, seen[path])
                if reason is None and new is not None:
                    written[path] = hashlib.sha256(new.data).digest()
            raced |= {} if reason is None else {unit: reason}
    return raced, written


def _portions(ground: Ground, steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Yield the steps in runs whose files fit into memory together."""
    portion: list[Step] = []
    size = 0
    for step in steps:
        portion.append(step)
        size += 0 if step[2] is None else _size(ground, step[2])
        if size > _AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _size(ground: Ground, entry: Entry) -> int:
    """Return about how many bytes a file will have; git-lfs makes a large one of a few."""
    size = ground.objects.size(entry.oid)
    if size > _LARGEST_POINTER or not any(key.startswith("filter.lfs.") for key in ground.state.config.values):
        return size
    return size_told_by(ground.objects.blob(entry.oid)) or size


def _hidden(ground: Ground, patterns: Sparse | None, disk: str, paths: Sequence[str]) -> frozenset[str]:
    """Return those of `paths` that git keeps absent on purpose, although they were observed to be as `disk` has them.

    They are outside the sparse checkout; or inside by now, and git has not brought them yet.
    """
    if patterns is None:
        return frozenset()
    gone = [p for p in paths if ground.objects.file_at(disk, p) and not os.path.lexists(ground.place.root / p)]
    entries = index.read(ground.git, gone)
    return frozenset(
        path for path in gone if not patterns.includes(path) or (path in entries and entries[path].skip_worktree)
    )


def _replace(ground: Ground, path: str, new: File | None, unchanged: Callable[[File | None], bool]) -> str | None:
    try:
        result = ground.worktree.replace(path, new, unchanged)
    except _IN_THE_WAY as error:
        return error.title
    fp("checkout.partial")
    if isinstance(result, Raced):
        why = "a program has it open" if result.busy else "it was changed while it was being replaced"
        return f"{path}: {why}"
    return None


def _files(ground: Ground, wanted: Mapping[str, Entry]) -> tuple[dict[str, File], dict[str, str]]:
    """Return what each path will hold on disk, converted as git's checkout would, and those refused with why."""
    config, trusted = ground.state.config, ground.settings.trusted
    links = config.flag("core.symlinks", default=True)
    regular = [path for path, entry in wanted.items() if entry.mode != SYMLINK]
    found = filters.conversions(ground.git, ground.place, config, regular, trusted=trusted)
    refused = {path: found[path].reason for path in regular if found[path].kind is filters.Kind.REFUSED}
    converted = [Wanted(p, wanted[p].oid, found[p].driver) for p in regular if found[p].kind is filters.Kind.GIT]
    large = (named_by(ground.objects.blob(one.oid)) for one in converted if drivers.is_lfs(config, one.driver))
    LargeFiles(ground.place, config).bring_back(name for name in large if name is not None)
    by_git = smudge(ground.git, converted, extra_env=filters.silenced(config, trusted=trusted))
    refused |= by_git.refused
    files = {}
    for path, entry in wanted.items():
        if path not in refused:
            data = by_git.files[path] if path in by_git.files else ground.objects.blob(entry.oid)
            if entry.mode != SYMLINK or not links:
                files[path] = File(FILE if entry.mode == SYMLINK else entry.mode, data)
            elif data and b"\0" not in data and len(data) < _LONGEST_TARGET:
                files[path] = File(SYMLINK, data)
            else:
                refused[path] = f"{path}: it is a symbolic link to nothing that could be"
    return files, refused


def _deletions_first(step: tuple[str, str, Entry | None]) -> tuple[bool, int, str]:
    # A file may give way to a directory, or a directory to a file: the deepest goes first.
    _, path, entry = step
    return (entry is not None, -path.count("/") if entry is None else 0, path)


def _digest(file: File | None) -> str | None:
    return None if file is None else hashlib.sha256(b"%o\0%b" % (file.mode, file.data)).hexdigest()
