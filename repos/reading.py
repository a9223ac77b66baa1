"""Reading one path of a working tree without following a link, waiting on a pipe or taking half a save for a file."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, File
from gitferry.repos.disk_errors import (
    EscapesTree,
    IsDirectory,
    NotAFile,
    StillChanging,
    TreeMissing,
    Unreadable,
    from_os,
    printable,
)
from gitferry.repos.renames import Place

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_ATTEMPTS = 5
_PAUSE = 0.002
#: Seconds a file that a process has open for writing is given to be closed.
PATIENCE = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found: the inode, its content (None for what is no file), and whether nobody is writing to it."""

    inode: int
    file: File | None
    quiet: bool


def open_root(root: Path) -> int:
    """Return a descriptor of the tree's root. Raises `TreeMissing`."""
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TreeMissing("", f"the working tree {root} is not there", "mount or restore it") from error
    except OSError as error:
        raise from_os(error, str(root)) from error


def open_directory(parent_fd: int, name: str, path: str) -> int | None:
    """Return a descriptor of the directory `name`; None where it is absent or a file.

    Raises `EscapesTree`, `Unreadable`.
    """
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent_fd)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise _unreadable(path) from error
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise from_os(error, path) from error
    if is_symlink(parent_fd, name):
        raise EscapesTree(
            path,
            f"{printable(path)} lies behind the symbolic link {printable(name)!r}, which may lead out of the tree",
            "replace the link by a real directory, or remove it from the tree",
        )
    return None


def is_symlink(dir_fd: int, name: str) -> bool:
    """Return whether `name` is a symbolic link now; False when it is absent."""
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def parent_of(root: Path, path: str) -> Iterator[Place | None]:
    """Open the directory of `path` component by component; None where it does not exist."""
    *parents, name = path.split("/")
    descriptor = open_root(root)
    try:
        for component in parents:
            below = open_directory(descriptor, component, path)
            os.close(descriptor)
            descriptor = -1
            if below is None:
                break
            descriptor = below
        yield None if descriptor < 0 else Place(descriptor, name)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def read_at(place: Place, path: str) -> File | None:
    """Return the content at `place`, None when absent. `path` names it in messages.

    The file is read again when it was written to or replaced meanwhile, so that what is returned stood on the disk
    at one moment. Raises `IsDirectory`, `NotAFile`, `Unreadable`, `StillChanging`.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE * attempt)
        try:
            before = os.stat(place.name, dir_fd=place.dir_fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise _unreadable(path) from error
        try:
            file = _load(place, path, before)
            after = os.stat(place.name, dir_fd=place.dir_fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except PermissionError as error:
            raise _unreadable(path) from error
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EINVAL):
                raise from_os(error, path) from error
            continue  # it became a link, a socket or a file between the two calls
        if file is not None and _identity(before) == _identity(after):
            return file
    raise StillChanging(path, f"{printable(path)} changed every time it was read", "it is tried again once it is quiet")


def _load(place: Place, path: str, expected: os.stat_result) -> File | None:
    """Return the content of the very file that `expected` describes, None when another took its place."""
    if stat.S_ISLNK(expected.st_mode):
        return File(SYMLINK, os.fsencode(os.readlink(place.name, dir_fd=place.dir_fd)))
    if stat.S_ISDIR(expected.st_mode):
        raise IsDirectory(path, f"{printable(path)} is a directory", "")
    if not stat.S_ISREG(expected.st_mode):
        raise NotAFile(path, f"{printable(path)} is a pipe, socket or device", "remove it, or add it to .gitignore")
    descriptor = os.open(place.name, _FILE, dir_fd=place.dir_fd)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if _identity(status) != _identity(expected) or not stat.S_ISREG(status.st_mode):
            return None
        data = stream.read()
    return File(EXECUTABLE if expected.st_mode & stat.S_IXUSR else FILE, data)


def _identity(status: os.stat_result) -> tuple[int, int, int, int, int, int]:
    return (status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def settled(place: Place, path: str) -> Seen:
    """Return what is at `place` once no process has it open for writing, waiting up to `PATIENCE` seconds.

    Meant for a name that nobody else can open any more. Raises FileNotFoundError and what `read_at` raises, but for
    a directory or special file, whose `file` is None.
    """
    return _seen(place, path, quiet=not stays_open(place))


def _seen(place: Place, path: str, *, quiet: bool) -> Seen:
    inode = os.stat(place.name, dir_fd=place.dir_fd, follow_symlinks=False).st_ino
    try:
        file = read_at(place, path)
    except (IsDirectory, NotAFile):
        return Seen(inode, None, quiet)
    except StillChanging:
        if not quiet:
            return Seen(inode, None, quiet)
        raise
    return Seen(inode, file, quiet)


def stays_open(place: Place) -> bool:
    """Return whether a process still has the file at `place` open for writing after `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    while _open_for_writing(place):
        if time.monotonic() > deadline:
            return True
        time.sleep(_PAUSE)
    return False


def _open_for_writing(place: Place) -> bool:
    """Return whether any process may still write to the regular file at `place` through an open descriptor or mapping.

    A read lease is only granted where no writer exists (fcntl(2), F_SETLEASE). False where the question cannot be
    answered: another user's file without CAP_LEASE, or a file system without leases.
    """
    try:
        descriptor = os.open(place.name, _FILE, dir_fd=place.dir_fd)
    except OSError:
        return False  # absent, a link or unreadable: reading it tells what is wrong
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        # A lease broken in the instant we hold it sends SIGIO, which ends the process; SIGURG is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def _unreadable(path: str) -> Unreadable:
    return Unreadable(path, f"no permission to read {printable(path)}", "make it readable for this user")
