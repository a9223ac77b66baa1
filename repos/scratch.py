"""Where a file waits on its way into or out of a working tree, and where a crash leaves it to be found."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gitferry.repos.content import EXECUTABLE, SYMLINK, File
from gitferry.repos.disk_errors import EscapesTree, IsDirectory, NotAFile, typed
from gitferry.repos.reading import parent_of, read_at
from gitferry.repos.renames import Place

#: Every name this program ever makes beside a user's file begins so; it is never carried.
BESIDE_PREFIX = ".gitferry-"
_NOTE = ".path"
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Staged:
    """One name in waiting: `place` is in the scratch directory, or beside the target on another file system."""

    token: str
    place: Place


@dataclass(frozen=True, slots=True)
class Leftover:
    """Content a dead crossing displaced: `path` is where it stood in the tree ("" where that is not known)."""

    path: str
    file: File
    token: str


class Scratch:
    """A private directory (0700) inside the git directory, made on demand.

    Each staged name has a note, a symbolic link `<token>.path` whose target is the path in the tree: a link is
    one journaled step and holds any path. The token begins with a digest of the content we put there, so that after
    a crash our own content is told from what a user saved.
    """

    def __init__(self, directory: Path, *, marks: Callable[[], str]) -> None:
        self.directory = directory
        self._marks = marks

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """Yield a descriptor of the directory. Raises a `TreeError` where it cannot be made or opened."""
        with typed(str(self.directory)):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def reserve(self, scratch_fd: int, parent: Place, path: str, new: File | None, *, beside: bool) -> Staged:
        """Note that `path` is about to change and return the name its content will wait under; nothing is there yet."""
        token = f"{_digest(new)}-{self._marks()}"
        os.symlink(path, token + _NOTE, dir_fd=scratch_fd)
        if beside:
            return Staged(token, Place(parent.dir_fd, BESIDE_PREFIX + token))
        return Staged(token, Place(scratch_fd, token))

    def release(self, scratch_fd: int, staged: Staged) -> None:
        """Remove a staged name and its note; the content under it must be known to be kept elsewhere or ours."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged.place.name, dir_fd=staged.place.dir_fd)
        os.unlink(staged.token + _NOTE, dir_fd=scratch_fd)

    def leftovers(self, root: Path) -> list[Leftover]:
        """Return what dead crossings left here or beside their targets and is not content we brought ourselves."""
        if not self.directory.is_dir():
            return []
        found = []
        with self.opened() as scratch_fd:
            for token in sorted(_tokens(scratch_fd)):
                path = _noted_path(scratch_fd, token)
                file = self._content(scratch_fd, root, token, path)
                if file is not None and not token.startswith(_digest(file) + "-"):
                    found.append(Leftover(path, file, token))
        return found

    def _content(self, scratch_fd: int, root: Path, token: str, path: str) -> File | None:
        file = _file_at(Place(scratch_fd, token), path)
        if file is not None or not path:
            return file
        with contextlib.ExitStack() as stack:
            place = _beside(stack, root, path, token)
            return None if place is None else _file_at(place, path)

    def sweep(self, root: Path, offered: frozenset[str]) -> None:
        """Remove what is ours and the tokens in `offered`; anything else stays until it was offered."""
        if not self.directory.is_dir():
            return
        with self.opened() as scratch_fd, typed(str(self.directory)):
            for token in _tokens(scratch_fd):
                path = _noted_path(scratch_fd, token)
                self._sweep_one(scratch_fd, root, token, path, offered=token in offered)

    def _sweep_one(self, scratch_fd: int, root: Path, token: str, path: str, *, offered: bool) -> None:
        with contextlib.ExitStack() as stack:
            places = [Place(scratch_fd, token)]
            if path:
                beside = _beside(stack, root, path, token)
                places += [beside] if beside is not None else []
            for place in places:
                if not _exists(place):
                    continue
                file = _file_at(place, path)
                if file is None or not (offered or token.startswith(_digest(file) + "-")):
                    return
                os.unlink(place.name, dir_fd=place.dir_fd)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(token + _NOTE, dir_fd=scratch_fd)


def mark() -> str:
    """Return what tells one change from all others."""
    return secrets.token_hex(8)


def write(place: Place, new: File, *, like: os.stat_result | None, directory: os.stat_result) -> None:
    """Make `place` hold `new`, on the disk (fsync) before this returns.

    A new file gets 0666 or 0777 less the umask, and the group of a set-group-ID directory. In the place of a file
    `like` it gets that file's permission bits, execute bits following `new.mode`, and its owner and group where
    this process may give them away. Set-ID bits, ACLs and extended attributes are not kept.
    """
    if new.mode == SYMLINK:
        os.symlink(new.data, os.fsencode(place.name), dir_fd=place.dir_fd)
        return
    mode = 0o777 if new.mode == EXECUTABLE else 0o666
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(place.name, flags, mode, dir_fd=place.dir_fd)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(new.data)
        stream.flush()
        made = os.fstat(descriptor)
        if like is not None and stat.S_ISREG(like.st_mode):
            _give(descriptor, made, like.st_uid, like.st_gid)
            os.fchmod(descriptor, _permissions(like.st_mode, executable=new.mode == EXECUTABLE))
        elif directory.st_mode & stat.S_ISGID:
            _give(descriptor, made, made.st_uid, directory.st_gid)
        os.fsync(descriptor)


def _permissions(mode: int, *, executable: bool) -> int:
    bits = mode & 0o777
    if not executable:
        return bits & ~0o111
    if bits & stat.S_IXUSR:
        return bits
    return bits | ((bits & 0o444) >> 2) | stat.S_IXUSR  # whoever may read it may run it


def _give(descriptor: int, made: os.stat_result, uid: int, gid: int) -> None:
    """Set owner and group as far as the kernel lets this user: a foreign owner cannot be kept, content comes first."""
    if (made.st_uid, made.st_gid) == (uid, gid):
        return
    try:
        os.fchown(descriptor, uid, gid)
    except PermissionError:
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, -1, gid)


def _digest(file: File | None) -> str:
    if file is None:
        return _NOTHING
    return hashlib.sha256(b"%o\0%b" % (file.mode, file.data)).hexdigest()[:32]


def _tokens(scratch_fd: int) -> set[str]:
    return {name.removesuffix(_NOTE) for name in os.listdir(scratch_fd)}


def _noted_path(scratch_fd: int, token: str) -> str:
    try:
        return os.readlink(token + _NOTE, dir_fd=scratch_fd)
    except OSError:
        return ""  # the power failed between the note and its entry: the content is still offered


def _exists(place: Place) -> bool:
    try:
        os.stat(place.name, dir_fd=place.dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _file_at(place: Place, path: str) -> File | None:
    """Return the file at `place`; None for what is absent, or is no file and therefore never swept."""
    try:
        return read_at(place, path)
    except (IsDirectory, NotAFile):
        return None


def _beside(stack: contextlib.ExitStack, root: Path, path: str, token: str) -> Place | None:
    """Open the directory of `path` on `stack` and name the entry that may wait beside it; None where it is gone."""
    try:
        parent = stack.enter_context(parent_of(root, path))
    except EscapesTree:
        return None
    return None if parent is None else Place(parent.dir_fd, BESIDE_PREFIX + token)
