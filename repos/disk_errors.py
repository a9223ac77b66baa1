"""What can go wrong with a user's file on disk, as errors that a person can act on."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from gitferry.config.errors import GitferryError


class TreeError(GitferryError):
    """A path of a working tree could not be read or written; the user's file is as it was."""

    def __init__(self, path: str, title: str, hint: str = "") -> None:
        super().__init__(title, hint)
        self.path = path


class UnsafeName(TreeError):
    """A name that must never be touched: it escapes the tree or reaches into a git directory."""


class EscapesTree(TreeError):
    """A parent directory of the path is a symbolic link."""


class IsDirectory(TreeError):
    """A directory stands at the path."""


class NotAFile(TreeError):
    """A FIFO, socket or device stands at the path."""


class Unreadable(TreeError):
    """The file exists and may not be read."""


class StillChanging(TreeError):
    """The file changed each time it was read."""


class Obstructed(TreeError):
    """Something stands where a file or its parent directory must be made."""


class DiskFull(TreeError):
    """No space, or no quota, is left."""


class NotWritable(TreeError):
    """The file system is read-only or the permissions forbid the change."""


class DiskFailure(TreeError):
    """Any other failure the operating system reported."""


class TreeMissing(TreeError):
    """The root of the working tree is not there."""


def from_os(error: OSError, path: str) -> TreeError:
    """Return the typed error that says what `error` means for `path` (errno(3))."""
    shown = printable(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            path, f"no space left to write {shown}", "free some space, or raise the quota; it is tried again"
        )
    if error.errno == errno.EROFS:
        return NotWritable(path, f"{shown} is on a read-only file system", "mount it writable")
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotWritable(path, f"no permission to change {shown}", "make it and its directory writable for this user")
    return DiskFailure(path, f"cannot change {shown}: {error.strerror}", "check the disk and its mount")


def printable(path: str) -> str:
    """Return `path` fit for one line of a message: control and undecodable characters are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in path)


@contextlib.contextmanager
def typed(path: str) -> Iterator[None]:
    """Turn an OSError of the block into the `TreeError` it means for `path`."""
    try:
        yield
    except OSError as error:
        raise from_os(error, path) from error
