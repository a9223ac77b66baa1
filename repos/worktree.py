"""The one place that changes a user's files: each only if it still is what was observed, and never losing an edit.

What a file is replaced by is prepared elsewhere and swapped in by one rename (renameat2(2), RENAME_EXCHANGE), and
only then is what came out compared with what was expected. Whatever a user saved up to that instant is therefore in
our hands and goes back if it is new; a program that still has the displaced file open for writing counts as a save
to come (fcntl(2), F_SETLEASE), and gets its file back too. The kernel tells this of our own files only (or with
CAP_LEASE): with another user's file in a shared tree, what is written after the swap through a descriptor opened
before it is not seen.

Weaker path: where the kernel or the file system has no renameat2 (NFS, some FUSE), the old file is first held by a
hard link, compared, and then replaced by rename(2). A save in place is still noticed and put back; a save *by
rename* that falls between the link and our rename, some microseconds, is lost. Without hard links either (FAT) the
same holds for a save in place. Where the scratch directory is on another file system than the target, the new
content waits beside the target in a file `.gitferry-…`; the swap itself is as strong.

A hard-linked file is replaced by a file of its own: the other names keep the old content. Permission bits, and
owner and group as far as allowed, are kept; ACLs and extended attributes are not.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

from gitferry.repos import swap
from gitferry.repos.content import SYMLINK, File
from gitferry.repos.disk_errors import (
    DiskFailure,
    DiskFull,
    EscapesTree,
    IsDirectory,
    NotAFile,
    NotWritable,
    Obstructed,
    StillChanging,
    TreeError,
    TreeMissing,
    Unreadable,
    UnsafeName,
    printable,
    typed,
)
from gitferry.repos.reading import open_directory, open_root, parent_of, read_at, stays_open
from gitferry.repos.renames import Place, Renames
from gitferry.repos.scratch import BESIDE_PREFIX, Leftover, Scratch, mark, write
from gitferry.repos.swap import Change, Raced, Replaced, Unchanged
from gitferry.repos.tree_names import check_name

__all__ = [
    "BESIDE_PREFIX",
    "DiskFailure",
    "DiskFull",
    "EscapesTree",
    "IsDirectory",
    "Leftover",
    "NotAFile",
    "NotWritable",
    "Obstructed",
    "Raced",
    "Renames",
    "Replaced",
    "StillChanging",
    "TreeError",
    "TreeMissing",
    "Unreadable",
    "UnsafeName",
    "Worktree",
]

_T = TypeVar("_T")
_ATTEMPTS = 8
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Directories nested deeper than this in the place of a file are left to their owner.
_DEPTH = 64


class Worktree:
    """The files below `root`. `scratch` is a directory in the git directory, made when needed, used by one lane.

    `marks` gives what tells each change there from all others, those of dead crossings included.
    """

    def __init__(
        self, root: Path, scratch: Path, *, renames: Renames | None = None, marks: Callable[[], str] = mark
    ) -> None:
        self._root = root
        self._scratch = Scratch(scratch, marks=marks)
        self._renames = renames or Renames()
        self._touched: set[str] = set()
        self._offered: frozenset[str] = frozenset()

    def read(self, path: str) -> File | None:
        """Return what stands at `path`; None when it, or a directory above it, is absent or a file.

        Raises `UnsafeName`, `EscapesTree`, `IsDirectory`, `NotAFile`, `Unreadable`, `StillChanging`, `TreeMissing`.
        """
        check_name(path)
        with parent_of(self._root, path) as place:
            return None if place is None else read_at(place, path)

    def has_file(self, path: str) -> bool:
        """Return whether anything but a directory stands at `path` itself, not where a link above it leads to."""
        try:
            with parent_of(self._root, path) as place:
                found = None if place is None else os.stat(place.name, dir_fd=place.dir_fd, follow_symlinks=False)
        except (EscapesTree, FileNotFoundError):
            return False
        return found is not None and not stat.S_ISDIR(found.st_mode)

    def replace(self, path: str, new: File | None, unchanged: Callable[[File | None], bool]) -> Replaced | Raced:
        """Make `path` hold `new` (None: absent) if `unchanged` says that what it holds is what the caller observed.

        `unchanged` is asked before anything is touched and again about the very file that was displaced. Parent
        directories are made as needed; directories that a deletion leaves empty go too, as does an empty directory
        in the place of a new file. The directory entries are durable after `flush`.

        Raises what `read` raises, `Obstructed` where a file stands for a parent directory or a directory with
        content for the file, `DiskFull`, `NotWritable`, `DiskFailure`. After any of them the user's file is in place.
        """
        check_name(path, symlink=new is not None and new.mode == SYMLINK)
        current = self._current(path)
        if not unchanged(current):
            return Raced(current)
        if current == new:
            return Replaced()
        with typed(path):
            if new is None:
                return self._across(lambda beside: self._remove(path, unchanged, beside=beside))
            if current is None:
                return self._create(path, new)
            return self._across(lambda beside: self._exchange(path, new, unchanged, beside=beside))

    def make_directory(self, path: str) -> None:
        """Make `path` a directory where nothing stands there. Raises as `replace` does."""
        check_name(path)
        with typed(path), self._made_parent(f"{path}/.", set()):
            pass

    def flush(self) -> None:
        """Make every change since the last call durable: fsync of each directory touched."""
        touched, self._touched = self._touched, set()
        for directory in sorted(touched):
            # A dot stands for the directory itself. One that is gone, or is a link by now, had its parent touched too.
            with (
                contextlib.suppress(EscapesTree),
                typed(directory),
                parent_of(self._root, f"{directory}/." if directory else ".") as place,
            ):
                if place is not None:
                    os.fsync(place.dir_fd)

    def leftovers(self) -> list[Leftover]:
        """Return user content that a crash, or a save crossing ours, left in the scratch directory.

        Store it, then `sweep`. Content that was brought in by us and never reached the tree is not among it.
        """
        found = self._scratch.leftovers(self._root)
        self._offered |= {leftover.token for leftover in found}
        return found

    def sweep(self) -> None:
        """Remove what earlier changes left behind: our own content, and what `leftovers` has returned."""
        self._scratch.sweep(self._root, self._offered)
        self._offered = frozenset()

    def _current(self, path: str) -> File | None:
        """Like `read`, but a directory is absence: git knows only files."""
        try:
            return self.read(path)
        except IsDirectory:
            return None

    def _exchange(self, path: str, new: File, unchanged: Unchanged, *, beside: bool) -> Replaced | Raced:
        with parent_of(self._root, path) as target:
            if target is None:
                return Raced(None)
            if stays_open(target):
                return Raced(read_at(target, path), busy=True)
            with self._change(path, target, new, beside=beside) as change:
                try:
                    like = os.stat(target.name, dir_fd=target.dir_fd, follow_symlinks=False)
                except FileNotFoundError:
                    return Raced(None)
                write(change.held, new, like=like, directory=os.fstat(target.dir_fd))
                self._touch(path)
                result = swap.exchange(self._renames, change, new, unchanged)
                if result is None:
                    with self._change(path, target, None, beside=beside) as hold:
                        result = swap.overwrite(change, hold, unchanged)
                return result

    def _remove(self, path: str, unchanged: Unchanged, *, beside: bool) -> Replaced | Raced:
        with parent_of(self._root, path) as target:
            if target is None:
                return Replaced()
            if stays_open(target):
                return Raced(read_at(target, path), busy=True)
            with self._change(path, target, None, beside=beside) as change:
                self._touch(path)
                result = swap.take_out(self._renames, change, unchanged)
        if isinstance(result, Replaced):
            self._prune(path)
        return result

    def _create(self, path: str, new: File) -> Replaced | Raced:
        made: set[str] = set()
        result: Replaced | Raced | None = None
        try:
            for _ in range(_ATTEMPTS):
                # None: the directory was removed, or what stood in the way went, between two steps. Once more.
                result = self._across(lambda beside: self._create_once(path, new, made, beside=beside))
                if result is not None:
                    return result
            raise StillChanging(path, f"{printable(path)} changed every time it was written", "it is tried again")
        finally:
            if not isinstance(result, Replaced):
                self._prune(path, only=made)

    def _create_once(self, path: str, new: File, made: set[str], *, beside: bool) -> Replaced | Raced | None:
        with self._made_parent(path, made) as target, self._change(path, target, new, beside=beside) as change:
            try:
                write(change.held, new, like=None, directory=os.fstat(target.dir_fd))
                self._renames.move_new(change.held, target)
            except FileExistsError:
                return self._in_the_way(path, target)
            except FileNotFoundError:
                return None
            self._touch(path)
            return Replaced()

    def _in_the_way(self, path: str, target: Place) -> Raced | None:
        """Return what took the place first; None when it is gone, an empty directory included."""
        try:
            found = read_at(target, path)
        except IsDirectory:
            if _remove_empty(target):
                return None
            raise _obstructed(path, path, "a directory that holds files") from None
        return None if found is None else Raced(found)

    def _across(self, step: Callable[[bool], _T]) -> _T:
        """Run `step` with its content waiting in the scratch directory, or beside the target on another file system."""
        try:
            return step(False)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        return step(True)

    @contextlib.contextmanager
    def _change(self, path: str, target: Place, new: File | None, *, beside: bool) -> Iterator[Change]:
        """Reserve a name for `path` and clear it away at the end unless it then holds what must not go."""
        with self._scratch.opened() as scratch_fd:
            if not beside and os.fstat(scratch_fd).st_dev != os.fstat(target.dir_fd).st_dev:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
            staged = self._scratch.reserve(scratch_fd, target, path, new, beside=beside)
            change = Change(path, target, staged.place)
            try:
                yield change
            finally:
                if change.disposable:
                    self._scratch.release(scratch_fd, staged)

    @contextlib.contextmanager
    def _made_parent(self, path: str, made: set[str]) -> Iterator[Place]:
        """Open the directory of `path`, making what is missing (0777 less the umask) and adding it to `made`."""
        *parents, name = path.split("/")
        descriptor = open_root(self._root)
        try:
            for depth, component in enumerate(parents, start=1):
                prefix = "/".join(parents[:depth])
                below = self._made_directory(descriptor, component, path, prefix, made)
                os.close(descriptor)
                descriptor = below
            yield Place(descriptor, name)
        finally:
            os.close(descriptor)

    def _made_directory(self, parent_fd: int, name: str, path: str, prefix: str, made: set[str]) -> int:
        for _ in range(_ATTEMPTS):
            descriptor = open_directory(parent_fd, name, path)
            if descriptor is not None:
                return descriptor
            try:
                os.mkdir(name, dir_fd=parent_fd)
            except FileExistsError:
                continue
            made.add(prefix)
            self._touch(prefix)
        raise _obstructed(path, prefix, "a file")

    def _prune(self, path: str, only: Collection[str] | None = None) -> None:
        """Remove the directories above `path` that are empty now, upwards to the root; `only` those, if given."""
        parents = path.split("/")[:-1]
        while parents:
            directory = "/".join(parents)
            if only is not None and directory not in only:
                return
            try:
                with parent_of(self._root, directory) as place:
                    if place is None:
                        return
                    os.rmdir(place.name, dir_fd=place.dir_fd)
            except (OSError, TreeError):
                return  # it holds something, is in use, or went elsewhere: tidying up is no reason to fail
            self._touch(directory)
            parents.pop()

    def _touch(self, path: str) -> None:
        self._touched.add(path.rpartition("/")[0])


def _remove_empty(place: Place) -> bool:
    """Remove a directory that holds nothing but empty directories; False, and nothing removed, where it holds more."""
    if not _is_hollow(place, _DEPTH):
        return False
    try:
        _remove_hollow(place)
    except OSError:
        return False  # something was put into it since
    return True


def _is_hollow(place: Place, depth: int) -> bool:
    try:
        descriptor = os.open(place.name, _DIRECTORY, dir_fd=place.dir_fd)
    except OSError:
        return False
    try:
        with os.scandir(descriptor) as entries:
            return depth > 0 and all(_is_hollow(Place(descriptor, entry.name), depth - 1) for entry in entries)
    finally:
        os.close(descriptor)


def _remove_hollow(place: Place) -> None:
    descriptor = os.open(place.name, _DIRECTORY, dir_fd=place.dir_fd)
    try:
        with os.scandir(descriptor) as entries:
            for name in [entry.name for entry in entries]:
                _remove_hollow(Place(descriptor, name))
    finally:
        os.close(descriptor)
    os.rmdir(place.name, dir_fd=place.dir_fd)


def _obstructed(path: str, where: str, what: str) -> Obstructed:
    return Obstructed(
        path,
        f"{printable(path)} cannot be made: {what} stands at {printable(where)}",
        "move it away; what it holds stays yours",
    )
