"""What must hold after every step of a simulated history: who wrote what after having seen what, and what is kept.

Every edit of the simulation writes content that never was before, so a content names its version. A version's
parents are what stood in the file when it was written: to put a version over one that is not among its ancestors is
to lose an edit. Absence is a version too, a new one with every deletion.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from gitferry.tests.repo import Repo

Files = Mapping[str, str]  # path → object name


class Violation(AssertionError):
    """A promise is broken."""


def oid(data: bytes) -> str:
    """Return the name git gives a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def on_disk(repo: Repo) -> dict[str, str]:
    """Return every file of the working tree by path, with the name of its content."""
    return {path: oid(data) for path, data in repo.worktree().items()}


def in_tree(repo: Repo, rev: str) -> dict[str, str]:
    """Return every file of a commit by path; nothing where there is no such commit."""
    return {path: name for path, (_, name) in repo.entries(rev).items()} if repo.has(rev) else {}


def in_index(repo: Repo) -> dict[str, str]:
    """Return every index entry by path, as mode, object and stage."""
    rows = (row.split("\t", 1) for row in repo.git("ls-files", "-sz").split("\0") if row)
    found: dict[str, str] = {}
    for entry, path in rows:
        found[path] = f"{found.get(path, '')} {entry}".strip()
    return found


def staged(repo: Repo) -> set[str]:
    """Return the paths whose index entry is not HEAD's."""
    head = {path: f"{mode} {name} 0" for path, (mode, name) in repo.entries("HEAD").items()}
    index = in_index(repo)
    return {path for path in {*head, *index} if head.get(path) != index.get(path)}


def kept(repo: Repo) -> set[str]:
    """Return every object that a ref, the index, a stash or the working tree keeps; no reflog but the stashes'."""
    stashes = repo.git("stash", "list", "--format=%H").split()
    out = repo.git("rev-list", "--objects", "--no-object-names", "--all", "--indexed-objects", *stashes)
    return {*out.splitlines(), *on_disk(repo).values()}


class Lineage:
    """Which version of which file came from which."""

    def __init__(self) -> None:
        self._parents: defaultdict[str, set[str]] = defaultdict(set)
        self._deletions = 0

    def known(self, version: str) -> bool:
        """Return whether the version was ever written."""
        return version in self._parents

    def written(self, path: str, name: str, parents: Iterable[str]) -> str:
        """Note a content written to a file where `parents` stood."""
        version = f"{path}:{name}"
        self._parents[version] |= set(parents) - {version}
        return version

    def deleted(self, path: str, parent: str) -> str:
        """Note a deletion of `parent`."""
        self._deletions += 1
        return self.written(path, f"deleted {self._deletions}", [parent])

    def same(self, one: str, other: str) -> None:
        """Note that two versions came to the same: two deletions of one file."""
        self._parents[one].add(other)
        self._parents[other].add(one)

    def never(self, path: str) -> str:
        """Return the version of a file that was never written."""
        return self.written(path, "never", [])

    def ancestors(self, version: str) -> set[str]:
        """Return the version and all that it came from. A file that never was is an ancestor of all."""
        found: set[str] = {self.never(version.rpartition(":")[0])}
        left = [version]
        while left:
            one = left.pop()
            if one not in found:
                found.add(one)
                left += self._parents[one]
        return found

    def contains(self, new: str, old: str) -> bool:
        """Return whether `new` was made by someone who had seen `old`.

        An absent file holds nothing that could be lost, but for the deletion of what both came from last.
        """
        before, after = self.ancestors(old), self.ancestors(new)
        if old in after:
            return True
        common = before & after
        last = {one for one in common if not any(one in self.ancestors(other) for other in common - {one})}
        return _is_absent(old) and all(_is_absent(one) for one in last)


class Witness:
    """Watches one clone: what its user wrote, saw and gave up, and what its crossings did with it."""

    def __init__(self, repo: Repo, lineage: Lineage) -> None:
        self.repo = repo
        self._lineage = lineage
        self.disk: dict[str, str] = {}  # path → version
        self._deletion: dict[str, str] = {}  # path → the user's last deletion of it
        self._absent: dict[str, str] = {}  # path → the version of its absence that the last crossing agreed on
        self._given_up: set[str] = set()  # versions taken back by the user's own git command
        self._read: set[str] = set()  # contents that a crossing read
        self._begun: dict[str, str] = {}  # path → what stood there when a crossing that died replaced it
        self.staged: set[str] = set()
        self.contested: set[str] = set()  # tasks in conflict at the end of the last crossing
        self.observe_git({})
        self._given_up.clear()

    def _at(self, path: str) -> str:
        return self.disk.get(path) or self._lineage.never(path)

    def observe_edit(self) -> None:
        """Take what is on disk now for the user's own saves."""
        now, head = on_disk(self.repo), in_tree(self.repo, "HEAD")
        for path in {*now, *self.disk}:
            old = self._at(path)
            if path in now and old != f"{path}:{now[path]}":
                self.disk[path] = self._lineage.written(path, now[path], [old])
            elif path not in now and not _is_absent(old) and path not in head:
                self.disk[path] = self._absent.get(path) or self._lineage.never(path)  # nothing that HEAD has is gone
            elif path not in now and not _is_absent(old):
                self.disk[path] = self._deletion[path] = self._lineage.deleted(path, old)

    def observe_git(self, upstream: Mapping[str, str]) -> None:
        """Take what is on disk now for what a git command of the user's brought, or merged from both sides."""
        now, head, theirs = on_disk(self.repo), in_tree(self.repo, "HEAD"), in_tree(self.repo, "origin/main")
        for path in {*now, *self.disk}:
            old = self._at(path)
            new = old
            if path in now:
                new = f"{path}:{now[path]}"
                if not self._lineage.known(new):
                    sides = [f"{path}:{tree[path]}" for tree in (head, theirs) if path in tree]
                    self._lineage.written(path, now[path], [old, *sides])
            elif not _is_absent(old):
                if path in head:
                    new = self._deletion.get(path) or self._lineage.never(path)
                elif path not in theirs and path in upstream and _is_absent(upstream[path]):
                    new = upstream[path]
                else:
                    new = self._lineage.never(path)
            if new != old:
                self._given_up |= self._lineage.ancestors(old) - self._lineage.ancestors(new)
                self.disk[path] = new

    def observe_staging(self, *, dead: set[str]) -> None:
        """Take what is staged now for the user's wish, but for what a dead crossing left."""
        self.staged = staged(self.repo) - dead

    def read(self, contents: Iterable[str]) -> None:
        """Note what a crossing read."""
        self._read |= set(contents)

    def judge_disk(self, remote: Mapping[str, str], base: Files | None, *, killed: bool) -> None:
        """Check what a crossing did to the working tree: only what the remote made of it may stand there now.

        `base` is what HEAD had, if the remote contains it: there was no edit in a file that was the same.
        """
        now, head = on_disk(self.repo), in_tree(self.repo, "HEAD")
        for path in {*now, *self.disk}:
            old = self._at(path)
            theirs = remote.get(path) or self._lineage.never(path)
            new = f"{path}:{now[path]}" if path in now else (old if _is_absent(old) else theirs)
            if not self._lineage.known(new):
                raise Violation(f"{self.repo.root.name}: {path} holds {new}, which nobody wrote")
            was = None if _is_absent(old) else old.rpartition(":")[2]
            edited = base is None or base.get(path) != was
            back = new == self._begun.get(path)
            if killed and new != old:
                self._begun.setdefault(path, old)
            if (
                new != old
                and edited
                and not back
                and old not in self._given_up
                and not self._lineage.contains(new, old)
            ):
                raise Violation(f"{self.repo.root.name}: {path} was {old}, which was put aside for {new}")
            if _is_absent(new) and _is_absent(theirs) and new != theirs:
                self._lineage.same(new, theirs)
            if _is_absent(theirs) and path not in head:
                self._absent[path] = theirs
            self.disk[path] = new
        if not killed:
            self._begun.clear()

    def judge_push(self, before: Files, after: Files, remote: dict[str, str], *, by_user: bool) -> None:
        """Check what a crossing of this clone put over what the remote had, and note what the remote has now.

        What the user pushes with git is the user's word, whatever it overrules.
        """
        for path in {path for path in {*before, *after} if before.get(path) != after.get(path)}:
            old = remote.get(path) or self._lineage.never(path)
            if path in after:
                new = f"{path}:{after[path]}"
            else:
                new = self._at(path) if _is_absent(self._at(path)) else self._deletion.get(path, "")
            if not self._lineage.known(new):
                raise Violation(f"{self.repo.root.name} pushed {path} as {new or 'deleted'}, which nobody did")
            # A remote that is back at a hold's base has given its side up; only an absent file can be that here.
            answered = _is_absent(old) and any(path == one or path.startswith(f"{one}/") for one in self.contested)
            if not by_user and not answered and old not in self._given_up and not self._lineage.contains(new, old):
                raise Violation(f"{self.repo.root.name} pushed {new} over {old}, which it never contained")
            self._lineage.written(path, new.rpartition(":")[2], [old])  # also where the user went back on purpose
            remote[path] = new

    def judge_kept(self) -> None:
        """Check that every content that a crossing read is still reachable."""
        lost = self._read - kept(self.repo)
        if lost:
            where = [version for version in self._lineage._parents if version.rpartition(":")[2] in lost]
            raise Violation(f"{self.repo.root.name}: contents that a crossing read are gone: {where}")


def _is_absent(version: str) -> bool:
    name = version.rpartition(":")[2]
    return not name or name == "never" or name.startswith("deleted")
