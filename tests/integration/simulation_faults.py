"""What goes wrong around a simulated clone, passed in as its host: the line to the remote, and its disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path

from gitferry.pushback.host import Host
from gitferry.repos import transport
from gitferry.repos.content import Entry, File
from gitferry.repos.disk_errors import typed
from gitferry.repos.git import Git
from gitferry.repos.objects import Objects, Person
from gitferry.repos.remote_error import classify
from gitferry.repos.renames import Place, Renames
from gitferry.repos.transport import Accepted, Refused, Seconds, Timeouts
from gitferry.repos.worktree import Raced, Replaced, Worktree
from gitferry.tests.pushback.kit import Side

_USUAL = Seconds()
CODES = (errno.ENOSPC, errno.EROFS, errno.EIO)


class Cut(StrEnum):
    """Where the line fails."""

    ASKING = "the fetch is cut"
    UNSENT = "the push is cut before anything was sent"
    UNTOLD = "the push arrives, its answer does not"
    DOWN = "no network"


@dataclass
class Line:
    """git's own transport over a line that can be cut."""

    cut: Cut | None = None
    met: bool = False

    def remote_refs(self, git: Git, remote: str, *patterns: str, timeouts: Timeouts = _USUAL) -> dict[str, str]:
        self._fails(remote, Cut.DOWN, "Could not resolve host: git.example.org")
        return transport.remote_refs(git, remote, *patterns, timeouts=timeouts)

    def fetch(
        self, git: Git, remote: str, branch: str, *, timeouts: Timeouts = _USUAL, tracking_ref: str | None = None
    ) -> str | None:
        self._fails(remote, Cut.DOWN, "Could not resolve host: git.example.org")
        self._fails(remote, Cut.ASKING, "fatal: early EOF")
        return transport.fetch(git, remote, branch, timeouts=timeouts, tracking_ref=tracking_ref)

    def push(
        self,
        git: Git,
        remote: str,
        branch: str,
        new: str,
        expected: str | None,
        *,
        timeouts: Timeouts = _USUAL,
        is_ancestor: Callable[[str, str], bool] | None = None,
    ) -> Accepted | Refused:
        self._fails(remote, Cut.DOWN, "Could not resolve host: git.example.org")
        self._fails(remote, Cut.UNSENT, "Connection reset by peer")
        tracking = f"refs/remotes/{remote}/{branch}"
        known = git.run("rev-parse", "--verify", "--quiet", tracking, check=False).text.strip()
        answer = transport.push(git, remote, branch, new, expected, timeouts=timeouts, is_ancestor=is_ancestor)
        if self.cut is Cut.UNTOLD and known:
            git.run("update-ref", tracking, known)  # git moves it only once it was told
        self._fails(remote, Cut.UNTOLD, "fatal: the remote end hung up unexpectedly")
        return answer

    def delete(
        self, git: Git, remote: str, branch: str, expected: str, *, timeouts: Timeouts = _USUAL
    ) -> Accepted | Refused:
        self._fails(remote, Cut.DOWN, "Could not resolve host: git.example.org")
        self._fails(remote, Cut.UNSENT, "Connection reset by peer")
        answer = transport.delete(git, remote, branch, expected, timeouts=timeouts)
        self._fails(remote, Cut.UNTOLD, "fatal: the remote end hung up unexpectedly")
        return answer

    def _fails(self, remote: str, where: Cut, words: str) -> None:
        if self.cut is where:
            self.met = True
            raise classify(remote, words)


@dataclass
class Disk:
    """A file system that answers each write with an error from one of a crossing's on; `lasts`: not only that one."""

    code: int | None = None
    good: int = 0  # writes that still succeed
    lasts: bool = True
    met: bool = False

    def write(self, path: str = "") -> None:
        """Raise OSError if this write is one that fails."""
        if self.code is None:
            return
        self.good -= 1
        if self.good == -1 or (self.lasts and self.good < 0):
            self.met = True
            raise OSError(self.code, os.strerror(self.code), path)


class FailingRenames(Renames):
    """The two renames, each of which may fail."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk

    def exchange(self, one: Place, other: Place) -> None:
        self._disk.write(other.name)
        super().exchange(one, other)

    def move_new(self, source: Place, target: Place) -> None:
        self._disk.write(target.name)
        super().move_new(source, target)


class FailingWorktree(Worktree):
    """The user's files, whose new content may find no room, or not come to rest."""

    def __init__(self, root: Path, scratch: Path, *, disk: Disk, marks: Callable[[], str]) -> None:
        super().__init__(root, scratch, renames=FailingRenames(disk), marks=marks)
        self._disk = disk

    def replace(self, path: str, new: File | None, unchanged: Callable[[File | None], bool]) -> Replaced | Raced:
        with typed(path):
            self._disk.write(path)
        return super().replace(path, new, unchanged)

    def flush(self) -> None:
        with typed("."):
            self._disk.write()
        super().flush()


class FailingObjects(Objects):
    """The object database, each write of which may fail."""

    def __init__(self, git_dir: Path, *, disk: Disk) -> None:
        super().__init__(git_dir)
        self._disk = disk

    def write_blob(self, data: bytes) -> str:
        self._disk.write("objects")
        return super().write_blob(data)

    def write_tree(self, entries: Mapping[str, Entry]) -> str:
        self._disk.write("objects")
        return super().write_tree(entries)

    def write_commit(
        self, tree: str, parents: Iterable[str], message: str, *, author: Person, committer: Person, at: datetime
    ) -> str:
        self._disk.write("objects")
        return super().write_commit(tree, parents, message, author=author, committer=committer, at=at)


@dataclass
class Ferry(Side):
    """One clone whose crossings run on a host that may fail."""

    line: Line = field(default_factory=Line)
    disk: Disk = field(default_factory=Disk)
    made: int = 0  # marks given out

    @property
    def host(self) -> Host:
        """The host with this side's clock, line and disk."""
        return replace(
            super().host,
            transport=self.line,
            objects=partial(FailingObjects, disk=self.disk),
            worktree=partial(FailingWorktree, disk=self.disk, marks=self._mark),
        )

    def _mark(self) -> str:
        # The clock goes on after a killed crossing too, whose own count went with it.
        self.made += 1
        return f"{self.clock.now:%Y%m%d%H%M%S}-{self.made}"
