"""Taking out what stands at a path, looking at it, and putting it back when it is news.

The worktree decides where; here is how one name changes hands so that no version a user saved is without a name at
any instant: it stands in the tree, or under a noted name in the scratch directory.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass

from gitferry.repos.content import File
from gitferry.repos.reading import Seen, read_at, settled
from gitferry.repos.renames import UNSUPPORTED, Place, Renames

#: How often saves may cross our putting-back before what we hold is left in the scratch directory.
_ROUNDS = 16
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_UNKNOWN = Seen(-1, None, quiet=False)

Unchanged = Callable[[File | None], bool]


@dataclass(frozen=True, slots=True)
class Replaced:
    """The path holds the new content, or held it already."""


@dataclass(frozen=True, slots=True)
class Raced:
    """The path holds what its user put there last.

    `found` is the content that was not as expected. `kept` are versions that are no longer in the tree because even
    newer ones took their place meanwhile; they stay in the scratch directory and are offered by `leftovers`.
    `busy`: some process has the file open for writing, even if its content is as expected so far.
    """

    found: File | None
    kept: tuple[File, ...] = ()
    busy: bool = False


@dataclass(slots=True)
class Change:
    """One replacement under way: `held` is the name in waiting, which may go only while `disposable`."""

    path: str
    target: Place
    held: Place
    disposable: bool = True


def exchange(renames: Renames, change: Change, new: File, unchanged: Unchanged) -> Replaced | Raced | None:
    """Swap `held`, which holds `new`, with an existing target. None: this file system cannot (see `overwrite`).

    Raises OSError (EXDEV: `held` is on another file system) with the target untouched.
    """
    ours = Seen(_inode(change.held), new, quiet=True)
    change.disposable = False
    try:
        renames.exchange(change.held, change.target)
    except OSError as error:
        change.disposable = True
        if error.errno in UNSUPPORTED:
            return None
        if error.errno == errno.ENOENT:
            return Raced(None)
        raise
    return _judge(change, unchanged, lambda displaced: _put_back(renames, change, displaced, ours))


def take_out(renames: Renames, change: Change, unchanged: Unchanged) -> Replaced | Raced:
    """Move the target away to `held`, for good if it is unchanged. Raises OSError with the target untouched."""
    change.disposable = False
    try:
        renames.move_new(change.target, change.held)
    except OSError as error:
        change.disposable = True
        if error.errno == errno.ENOENT:
            return Replaced() if unchanged(None) else Raced(None)
        raise
    return _judge(change, unchanged, lambda displaced: _return(renames, change, displaced))


def overwrite(change: Change, hold: Change, unchanged: Unchanged) -> Replaced | Raced:
    """Replace the target by `change.held` without an atomic exchange; `hold` names the old file meanwhile.

    The weaker path: a save by rename between our link and our rename is lost, and without hard links every save
    between the look and the rename.
    """
    try:
        os.link(
            change.target.name,
            hold.held.name,
            src_dir_fd=change.target.dir_fd,
            dst_dir_fd=hold.held.dir_fd,
            follow_symlinks=False,
        )
    except FileNotFoundError:
        return Raced(None)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _overwrite_unheld(change, unchanged)
    before = settled(hold.held, change.path)
    if before.file is None or not before.quiet or not unchanged(before.file):
        return Raced(before.file, busy=not before.quiet)
    ours = _inode(change.held)
    hold.disposable = False
    _rename(change.held, change.target)
    after = settled(hold.held, change.path)
    if after.quiet and after.file == before.file:
        hold.disposable = True
        return Replaced()
    if _inode(change.target) == ours:
        _rename(hold.held, change.target)
        hold.disposable = True
        return Raced(after.file, busy=not after.quiet)
    return Raced(after.file, kept=_files(after), busy=not after.quiet)


def _overwrite_unheld(change: Change, unchanged: Unchanged) -> Replaced | Raced:
    found = read_at(change.target, change.path)
    if not unchanged(found):
        return Raced(found)
    _rename(change.held, change.target)
    return Replaced()


def _judge(change: Change, unchanged: Unchanged, put_back: Callable[[Seen], tuple[File, ...]]) -> Replaced | Raced:
    try:
        displaced = settled(change.held, change.path)
        accepted = displaced.quiet and displaced.file is not None and unchanged(displaced.file)
    except BaseException:
        put_back(_UNKNOWN)
        raise
    if accepted:
        change.disposable = True
        return Replaced()
    kept = put_back(displaced)
    if displaced.file is None:  # a directory or a special file: reading it where it now stands again says so
        return Raced(read_at(change.target, change.path), kept, busy=not displaced.quiet)
    return Raced(displaced.file, kept, busy=not displaced.quiet)


def _put_back(renames: Renames, change: Change, displaced: Seen, ours: Seen) -> tuple[File, ...]:
    """Exchange until what comes out is what we last put in, so that the newest version stands in the tree.

    Returns the versions that no longer stand there. What comes out and is not ours stays under its noted name.
    """
    wanted, expected = displaced, ours
    for _ in range(_ROUNDS):
        try:
            renames.exchange(change.held, change.target)
        except FileNotFoundError:  # deleted meanwhile: the newest version is none
            return _files(wanted)
        came_out = settled(change.held, change.path)
        if expected is _UNKNOWN or (came_out.inode, came_out.file) == (expected.inode, expected.file):
            if expected is not ours:
                return _files(came_out)
            if came_out.quiet:
                change.disposable = True
                return ()
        wanted, expected = came_out, wanted
    return _files(wanted)


def _return(renames: Renames, change: Change, displaced: Seen) -> tuple[File, ...]:
    try:
        renames.move_new(change.held, change.target)
    except (FileExistsError, FileNotFoundError):  # a newer file stands there, or its directory was removed
        return _files(displaced)
    change.disposable = True
    return ()


def _files(seen: Seen) -> tuple[File, ...]:
    return () if seen.file is None else (seen.file,)


def _inode(place: Place) -> int:
    return os.stat(place.name, dir_fd=place.dir_fd, follow_symlinks=False).st_ino


def _rename(source: Place, target: Place) -> None:
    os.replace(source.name, target.name, src_dir_fd=source.dir_fd, dst_dir_fd=target.dir_fd)
