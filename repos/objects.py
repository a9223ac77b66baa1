"""Git objects, read and written in-process: trees as values, commits, merge bases.

An `Objects` belongs to one thread and one crossing (a `pygit2.Repository` shared between threads crashes).
Everything written is fsynced, because neither git nor libgit2 does so by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pygit2
from pygit2.enums import DeltaStatus, DiffFind, ObjectType, SortMode

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.repos import packs
from gitferry.repos.content import TREE, Content, Entry
from gitferry.repos.tree_format import formatted, parsed

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_PACKED = 32  # new objects that are stored as a pack; fewer are stored one by one
_PACK_SIZE = 64 << 20  # bytes; a pack is put together in memory
_EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

pygit2.option(pygit2.enums.Option.ENABLE_FSYNC_GITDIR, True)


class MissingObject(GitferryError):
    """An object that history names is not in the repository."""

    def __init__(self, oid: str) -> None:
        super().__init__(
            f"object {oid} is missing from the repository", "run `git fsck`; a shallow or damaged clone must be mended"
        )


@dataclass(frozen=True, slots=True)
class Person:
    """A commit's author or committer."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """What planning needs to know of a commit."""

    oid: str
    tree: str
    parents: tuple[str, ...]


class Objects:
    """One repository's object database and refs. Object ids are hex strings."""

    def __init__(self, git_dir: Path) -> None:
        self.repo = pygit2.Repository(str(git_dir))
        if not (self.repo.odb.exists(EMPTY_TREE)):
            self.repo.write(ObjectType.TREE, b"")
        self._trees: dict[str, dict[str, Entry]] = {}
        self._written: set[str] = set()  # since the last ref was moved
        self._gathered: dict[str, packs.New] | None = None  # what `together` will store

    def close(self) -> None:
        """Release file handles."""
        self.repo.free()

    # -- refs ---------------------------------------------------------------------------------------------------

    def ref(self, name: str) -> str | None:
        """Return the commit a ref points at, or None where there is no such ref."""
        reference = self.repo.references.get(name)
        return None if reference is None else str(reference.resolve().target)

    def symbolic(self, name: str) -> str | None:
        """Return the ref that a symbolic ref names, as HEAD names its branch; None for any other ref."""
        target = self.repo.lookup_reference(name).target
        return target if isinstance(target, str) else None

    def refs(self, prefix: str) -> dict[str, str]:
        """Return every direct ref below `prefix` with what it points at."""
        found = {}
        for name in self.repo.references:
            if name.startswith(prefix):
                target = self.ref(name)
                if target is not None:
                    found[name] = target
        return found

    # -- reading ------------------------------------------------------------------------------------------------

    def tree_of(self, commit: str | None) -> str:
        """Return the root tree of a commit; nothing has the empty tree."""
        return EMPTY_TREE if commit is None else self.info(commit).tree

    def info(self, commit: str) -> CommitInfo:
        """Return a commit's tree and parents. Raises MissingObject."""
        return _info(self._commit(commit))

    def time_of(self, commit: str) -> datetime:
        """Return when a commit was made, in UTC. Raises MissingObject."""
        return datetime.fromtimestamp(self._commit(commit).commit_time, UTC)

    def message(self, commit: str) -> str:
        """Return a commit's message. Raises MissingObject."""
        return self._commit(commit).raw_message.decode("utf-8", "replace")

    def _commit(self, oid: str) -> pygit2.Commit:
        found: object = self.repo.get(oid)
        if not isinstance(found, pygit2.Commit):
            raise MissingObject(oid)
        return found

    def blob(self, oid: str) -> bytes:
        """Return a blob's bytes. Raises MissingObject."""
        if not self.repo.odb.exists(oid):
            raise MissingObject(oid)
        _, data = self.repo.read(oid)
        return data

    def size(self, oid: str) -> int:
        """Return a blob's size in bytes. Raises MissingObject."""
        if not self.repo.odb.exists(oid):
            raise MissingObject(oid)
        return int(self.repo.odb.read_header(oid)[1])

    def entries(self, tree: str) -> dict[str, Entry]:
        """Return one tree's own entries by name. Raises MissingObject."""
        known = self._trees.get(tree)
        if known is None:
            if not self.repo.odb.exists(tree):
                raise MissingObject(tree)
            known = dict(parsed(self.repo.read(tree)[1]))
            self._trees[tree] = known
        return known

    def at(self, tree: str, path: str) -> Entry | None:
        """Return what stands at `path` below a root tree: a file's entry, a directory's, or None."""
        if path == ".":
            return Entry(TREE, tree)
        found: Entry | None = Entry(TREE, tree)
        for name in path.split("/"):
            if found is None or found.mode != TREE:
                return None
            found = self.entries(found.oid).get(name)
        return found

    def file_at(self, tree: str, path: str) -> Entry | None:
        """Return the file, symlink or submodule at `path`; a directory is None."""
        found = self.at(tree, path)
        return None if found is None or found.mode == TREE else found

    def content(self, tree: str, paths: Iterable[str]) -> Content:
        """Return those of `paths` that exist as files in a root tree, with their entries."""
        found = ((path, self.file_at(tree, path)) for path in paths)
        return {path: entry for path, entry in found if entry is not None}

    def walk(self, tree: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield every file below a tree as (path, entry)."""
        for name, entry in self.entries(tree).items():
            path = prefix + name
            if entry.mode == TREE:
                yield from self.walk(entry.oid, path + "/")
            else:
                yield path, entry

    def changed(self, old: str, new: str, prefix: str = "") -> Iterator[str]:
        """Yield the paths of files that differ between two trees; equal subtrees cost nothing."""
        if old == new:
            return
        before, after = self.entries(old), self.entries(new)
        for name in {**before, **after}:
            a, b = before.get(name), after.get(name)
            if a == b:
                continue
            path = prefix + name
            a_tree = a.oid if a is not None and a.mode == TREE else None
            b_tree = b.oid if b is not None and b.mode == TREE else None
            if (a is not None and a_tree is None) or (b is not None and b_tree is None):
                yield path
            if a_tree is not None or b_tree is not None:
                yield from self.changed(a_tree or EMPTY_TREE, b_tree or EMPTY_TREE, path + "/")

    def renames(self, old: str, new: str) -> list[tuple[str, str]]:
        """Return (from, to) for files that moved between two root trees, changed by half at the most.

        Empty files are left out: they all look like one another.
        """
        paths = tuple(self.changed(old, new))
        before, after = self.content(old, paths), self.content(new, paths)
        if before.keys() >= after.keys() or after.keys() >= before.keys():
            return []  # nothing added, or nothing removed
        # Only what changed is compared: libgit2 would read every directory of both trees.
        small = [self.repo[self.apply(EMPTY_TREE, dict(side))] for side in (before, after)]
        if not isinstance(small[0], pygit2.Tree) or not isinstance(small[1], pygit2.Tree):
            raise MissingObject(old)
        diff = small[0].diff_to_tree(small[1])
        diff.find_similar(DiffFind.FIND_RENAMES)
        return [
            (_name(delta.old_file), _name(delta.new_file))
            for delta in diff.deltas
            if delta.status == DeltaStatus.RENAMED and str(delta.new_file.id) != _EMPTY_BLOB
        ]

    # -- history ------------------------------------------------------------------------------------------------

    def has(self, oid: str) -> bool:
        """Return whether the repository has the object."""
        return oid in self.repo

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Return whether `ancestor` is `descendant` or reachable from it."""
        return ancestor == descendant or bool(self.repo.descendant_of(descendant, ancestor))

    def merge_bases(self, one: str, two: str) -> tuple[str, ...]:
        """Return the best common ancestors (several after a criss-cross merge, none for unrelated histories).

        libgit2 returns one; the others are those common ancestors that no other common ancestor reaches.
        """
        found: object = self.repo.merge_base(one, two)
        if found is None:
            return ()
        first = str(found)
        best = [first]
        if first in (one, two):
            return tuple(best)
        mine = {str(commit.id) for commit in self._between(one, (first,))}
        for commit in self._between(two, (first,)):  # children first, so a reached one comes after its reacher
            oid = str(commit.id)
            if oid in mine and not any(self.is_ancestor(oid, other) for other in best):
                best.append(oid)
        return tuple(best)

    def between(self, old: Iterable[str], new: str) -> tuple[CommitInfo, ...]:
        """Return the commits reachable from `new` and from none of `old`, children first."""
        return tuple(_info(commit) for commit in self._between(new, old))

    def ahead_behind(self, local: str | None, upstream: str | None) -> tuple[int, int]:
        """Return how many commits each side has that the other lacks."""
        if local is None or upstream is None:
            return len(self.between((), local)) if local else 0, len(self.between((), upstream)) if upstream else 0
        ahead, behind = self.repo.ahead_behind(local, upstream)
        return int(ahead), int(behind)

    def _between(self, new: str, old: Iterable[str]) -> Iterator[pygit2.Commit]:
        walker = self.repo.walk(new, SortMode.TOPOLOGICAL)
        for commit in old:
            walker.hide(commit)
        return iter(walker)

    # -- writing ------------------------------------------------------------------------------------------------

    def pruned(self) -> bool:
        """Return whether something written since the last call is gone again, as after `git gc --prune=now`.

        It is asked after a ref names them: until then nothing protects new objects. A database opened afresh has
        nothing cached.
        """
        written, self._written = self._written, set()
        fresh = pygit2.Odb(str(self.common_dir() / "objects"))
        return any(oid not in fresh for oid in written)

    def common_dir(self) -> Path:
        """Return the git directory that several working trees may share, where objects and refs are."""
        git_dir = Path(self.repo.path)
        common = git_dir / "commondir"
        return git_dir / common.read_text().strip() if common.exists() else git_dir

    @contextmanager
    def together(self) -> Iterator[None]:
        """Store the blobs and trees that are written within when it ends, in one pack where they are many.

        Until then only `entries` knows them.
        """
        gathered: dict[str, packs.New] = {}
        self._gathered = gathered
        try:
            yield
            self._gathered = None
            if len(gathered) >= _PACKED and sum(len(new.data) for new in gathered.values()) <= _PACK_SIZE:
                packs.write_pack(self.common_dir() / "objects" / "pack", gathered)
            else:
                for new in gathered.values():
                    self._store(new)
        except BaseException:
            for oid in gathered:
                self._trees.pop(oid, None)
            self._written -= gathered.keys()
            raise
        finally:
            self._gathered = None

    def _write(self, new: packs.New) -> str:
        oid = new.oid
        if self._gathered is not None and not self.repo.odb.exists(oid):
            self._gathered[oid] = new
        elif oid not in self._written:
            self._store(new)
        self._written.add(oid)
        return oid

    def _store(self, new: packs.New) -> None:
        """Write one object; of one that is there already, renew the time by which `git gc` spares it."""
        self.repo.write(ObjectType.TREE if new.kind == packs.TREE else ObjectType.BLOB, new.data)

    def write_blob(self, data: bytes) -> str:
        """Write a blob of exactly these bytes and return its id."""
        oid = self._write(packs.New(packs.BLOB, data))
        fp("blob.written")
        return oid

    def apply(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """Return a root tree that equals `tree` but for `changes` (None removes); empty directories vanish."""
        here: dict[str, Entry | None] = {}
        below: dict[str, dict[str, Entry | None]] = {}
        for path, entry in changes.items():
            name, slash, rest = path.partition("/")
            if slash:
                below.setdefault(name, {})[rest] = entry
            else:
                here[name] = entry
        entries = dict(self.entries(tree))
        for name, entry in here.items():
            old = entries.get(name)
            if entry is not None:
                entries[name] = entry
            elif old is not None and old.mode != TREE:
                del entries[name]
        for name, inner in below.items():
            old = entries.get(name)
            is_tree = old is not None and old.mode == TREE
            if not is_tree and not any(inner.values()):
                continue  # removing below something that is no directory changes nothing
            oid = self.apply(old.oid if old is not None and is_tree else EMPTY_TREE, inner)
            if oid == EMPTY_TREE:
                entries.pop(name, None)
            else:
                entries[name] = Entry(TREE, oid)
        return self.write_tree(entries)

    def write_tree(self, entries: Mapping[str, Entry]) -> str:
        """Write one tree object and return its id."""
        if not entries:
            return EMPTY_TREE
        oid = self._write(packs.New(packs.TREE, formatted(entries)))
        self._trees[oid] = dict(entries)
        return oid

    def write_commit(
        self, tree: str, parents: Iterable[str], message: str, *, author: Person, committer: Person, at: datetime
    ) -> str:
        """Write a commit object, moving no ref, and return its id."""
        by, through = signature(author, at), signature(committer, at)
        oid = str(self.repo.create_commit(None, by, through, message, tree, list(parents)))
        self._written.add(oid)
        fp("commit.written")
        return oid

    def adopt(self, oid: str) -> None:
        """Look after an object that the git program wrote here as after our own: see `pruned`."""
        self._written.add(oid)


def signature(person: Person, at: datetime) -> pygit2.Signature:
    """Return who and when, as libgit2 writes it into a commit."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    return pygit2.Signature(person.name, person.email, int(at.timestamp()), minutes)


def _info(commit: pygit2.Commit) -> CommitInfo:
    return CommitInfo(str(commit.id), str(commit.tree_id), tuple(str(parent) for parent in commit.parent_ids))


def _name(file: pygit2.DiffFile) -> str:
    return file.raw_path.decode("utf-8", "surrogateescape")
