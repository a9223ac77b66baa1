"""What must hold after every step of a simulated history: nothing put aside that was not seen, and all of it kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pygit2

from gitferry.tests.integration.simulation_lineage import Lineage, is_absent, oid
from gitferry.tests.integration.simulation_permit import Judge, unit_of
from gitferry.tests.repo import Repo

Files = Mapping[str, str]  # path → object name


class Violation(AssertionError):
    """A promise is broken."""


class Lost(Violation):
    """An edit was put aside, or is kept nowhere."""


class Rewritten(Violation):
    """The remote's history lost a commit, or got one back that was removed."""


class Unconverged(Violation):
    """The clones do not come to the same, or do not come to rest."""


def on_disk(repo: Repo, contents: dict[str, bytes] | None = None) -> dict[str, str]:
    """Return every file of the working tree by path, with the name of its content, which `contents` keeps."""
    found = {path: (oid(data), data) for path, data in repo.worktree().items()}
    if contents is not None:
        contents.update(found.values())
    return {path: name for path, (name, _) in found.items()}


def in_tree(repo: Repo, rev: str) -> dict[str, str]:
    """Return every file of a commit by path; nothing where there is no such commit."""
    opened = pygit2.Repository(str(repo.root))
    try:
        return dict(_files(opened.revparse_single(rev).peel(pygit2.Tree)))
    except KeyError:
        return {}
    finally:
        opened.free()


def _files(tree: pygit2.Tree, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in tree:
        if isinstance(entry, pygit2.Tree):
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", str(entry.id)


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


class Witness:
    """Watches one clone: what its user wrote, saw and gave up, and what its crossings did with it."""

    def __init__(self, repo: Repo, lineage: Lineage) -> None:
        self.repo = repo
        self._lineage = lineage
        self.disk: dict[str, str] = {}  # path → version
        self._deletion: dict[str, str] = {}  # path → the user's last deletion of it
        self._absent: dict[str, str] = {}  # path → the version of its absence that the last crossing agreed on
        self.given_up: set[str] = set()  # versions taken back by the user's own git command, or undone
        self._read: set[str] = set()  # contents that a crossing read
        self._begun: dict[str, str] = {}  # path → what stood there when a crossing that died replaced it
        self.staged: set[str] = set()
        self.contested: set[str] = set()  # tasks in conflict at the end of the last crossing
        self.undone: dict[str, dict[str, str]] = {}  # task → what its files were when an operation on it was undone
        self.observe_git({})
        self.given_up.clear()

    def at(self, path: str) -> str:
        """Return the version that stands at a path, absence included."""
        return self.disk.get(path) or self._lineage.never(path)

    def look(self) -> dict[str, str]:
        """Return what is on disk now, by path."""
        return on_disk(self.repo, self._lineage.contents)

    def versions(self, rev: str) -> dict[str, str]:
        """Return the versions of the files in a commit of this clone."""
        return {path: f"{path}:{name}" for path, name in in_tree(self.repo, rev).items()}

    # -- what the user did

    def observe_edit(self, moves: Sequence[tuple[str, str]] = ()) -> None:
        """Take what is on disk now for the user's own saves; `moves`: what they renamed."""
        now, head = self.look(), in_tree(self.repo, "HEAD")
        before = dict(self.disk)
        for path in {*now, *self.disk}:
            old = self.at(path)
            if path in now and old != f"{path}:{now[path]}":
                self.disk[path] = self._lineage.written(path, now[path], [old])
            elif path not in now and not is_absent(old) and path not in head:
                self.disk[path] = self._absent.get(path) or self._lineage.never(path)  # nothing that HEAD has is gone
            elif path not in now and not is_absent(old):
                self.disk[path] = self._deletion[path] = self._lineage.deleted(path, old)
        for source, target in moves:
            self._lineage.moved(before[source], self.disk[target])

    def observe_git(self, upstream: Mapping[str, str]) -> None:
        """Take what is on disk now for what a git command of the user's brought, or merged from both sides."""
        now, head, theirs = self.look(), in_tree(self.repo, "HEAD"), in_tree(self.repo, "origin/main")
        for path in {*now, *self.disk}:
            old = self.at(path)
            new = old
            if path in now:
                new = f"{path}:{now[path]}"
                if not self._lineage.known(new):
                    sides = [f"{path}:{tree[path]}" for tree in (head, theirs) if path in tree]
                    self._lineage.written(path, now[path], [old, *sides])
            elif not is_absent(old):
                if path in head:
                    new = self._deletion.get(path) or self._lineage.never(path)
                elif path not in theirs and path in upstream and is_absent(upstream[path]):
                    new = upstream[path]
                else:
                    new = self._lineage.never(path)
            if new != old:
                self._gives_up(old, new)

    def _gives_up(self, old: str, new: str) -> None:
        """Note that the user put `new` in the place of `old`, whatever they had seen."""
        self.given_up |= self._lineage.ancestors(old) - self._lineage.ancestors(new)
        self._lineage.went_back(old, new)
        self.disk[new.rpartition(":")[0]] = new

    def observe_staging(self, *, dead: set[str]) -> None:
        """Take what is staged now for the user's wish, but for what a dead crossing left."""
        self.staged = staged(self.repo) - dead

    # -- what a crossing did

    def read(self, contents: Iterable[str]) -> None:
        """Note what a crossing read."""
        self._read |= set(contents)

    def judge_disk(self, remote: Mapping[str, str], base: Files | None, judge: Judge, *, killed: bool) -> None:
        """Check what a crossing did to the working tree: only what the remote made of it may stand there now.

        `base` is what both came from, if that is one commit: there was no edit in a file that is the same there.
        """
        now, head = self.look(), in_tree(self.repo, "HEAD")
        for path in {*now, *self.disk}:
            self.judge_written(path, now, judge)
        result = self.tokens_of(now)
        for path in {*now, *self.disk}:
            old = self.at(path)
            theirs = remote.get(path) or self._lineage.never(path)
            new = f"{path}:{now[path]}" if path in now else (old if is_absent(old) else judge.absence(path) or theirs)
            undone = judge.undone_here(path)
            restored = undone is not None and self._lineage.name(undone) == now.get(path)
            if restored and path not in now and not is_absent(old):
                new = self._lineage.deleted(path, old)
            was = None if is_absent(old) else old.rpartition(":")[2]
            edited = base is None or base.get(path) != was
            back = restored or new == self._begun.get(path)
            if killed and new != old:
                self._begun.setdefault(path, old)
            free = new == old or not edited or back or old in self.given_up or self._lineage.contains(new, old)
            if not free and not judge.may_check_out(path, old, new, result):
                raise Lost(f"{self.repo.root.name}: {path} was {old}, which was put aside for {new}")
            if is_absent(new) and is_absent(theirs) and new != theirs:
                self._lineage.same(new, theirs)
            if is_absent(theirs) and path not in head:
                self._absent[path] = theirs
            if restored and new != old:
                self._gives_up(old, new)
            self.disk[path] = new
        if not killed:
            self._begun.clear()
            self._forget_undone(remote)

    def judge_push(self, before: Files, after: Files, remote: dict[str, str], judge: Judge | None) -> None:
        """Check what a crossing of this clone put over what the remote had, and note what the remote has now.

        Without a judge it was the user's git that pushed: that is the user's word, whatever it overrules.
        """
        changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
        for path in changed:
            self.judge_written(path, after, judge)
        result = self.tokens_of(after)
        for path in changed:
            old = remote.get(path) or self._lineage.never(path)
            undone = None if judge is None else judge.undone_there(path)
            restored = undone is not None and self._lineage.name(undone) == after.get(path)
            if path in after:
                new = f"{path}:{after[path]}"
            elif restored:
                new = self._lineage.deleted(path, old)
            else:
                new = self.at(path) if is_absent(self.at(path)) else self._deletion.get(path, "")
            if not self._lineage.known(new):
                raise Violation(f"{self.repo.root.name} pushed {path} as {new or 'deleted'}, which nobody did")
            if judge is not None and not restored:
                self._judge_pushed(path, old, new, judge, result)
            if new == self._lineage.never(path):
                new = self._lineage.deleted(path, old)  # whoever takes it over has seen what it put an end to
            if judge is None or restored:
                self._lineage.went_back(old, new)
            if restored:
                self.given_up.add(new)
            self._lineage.written(path, new.rpartition(":")[2], [old])  # also where the user went back on purpose
            remote[path] = new

    def _judge_pushed(self, path: str, old: str, new: str, judge: Judge, result: set[str]) -> None:
        # A remote that is back at a hold's base has given its side up; only an absent file can be that here.
        answered = is_absent(old) and unit_of(path) in self.contested
        free = answered or old in self.given_up or self._lineage.contains(new, old)
        if not free and not judge.may_push(path, old, new, result):
            raise Lost(f"{self.repo.root.name} pushed {new} over {old}, which it never contained")
        if self._is_undone(unit_of(path)) and not judge.asked(path):
            raise Violation(f"{self.repo.root.name} pushed {path}, which was undone and not touched since")

    def judge_written(self, path: str, files: Files, judge: Judge | None) -> None:
        """Check that what a file holds was written by somebody, or rightly merged."""
        name = files.get(path)
        if name is None or self._lineage.known(f"{path}:{name}"):
            return
        if name not in self._lineage.contents:
            self._lineage.contents[name] = self.repo.git_bytes("cat-file", "blob", name)
        parents = "which nobody wrote" if judge is None else judge.merged(path, name)
        if isinstance(parents, str):
            kind = Lost if "lacks" in parents else Violation
            raise kind(f"{self.repo.root.name}: {path} holds {name}, {parents}")
        self._lineage.written(path, name, parents)

    def tokens_of(self, files: Files) -> set[str]:
        """Return what all of these files hold."""
        return set[str]().union(*(self._lineage.tokens(f"{path}:{name}") for path, name in files.items()))

    def has_read(self, version: str) -> bool:
        """Return whether a crossing here ever found this version on disk."""
        return version.rpartition(":")[2] in self._read

    def absence(self, path: str) -> str:
        """Return the version of a file's absence that this clone would tell others of."""
        here = self.at(path)
        return here if is_absent(here) else self._deletion.get(path) or self._lineage.deleted(path, here)

    def observe_undone(self, units: Iterable[str]) -> None:
        """Note what was undone: it stays here until its user touches it."""
        now = self.look()
        for unit in units:
            self.undone[unit] = {path: name for path, name in now.items() if unit_of(path) == unit}

    def _is_undone(self, unit: str) -> bool:
        now = {path: version.rpartition(":")[2] for path, version in self.disk.items() if unit_of(path) == unit}
        here = {path: name for path, name in now.items() if not is_absent(f"{path}:{name}")}
        return self.undone.get(unit) == here

    def _forget_undone(self, remote: Mapping[str, str]) -> None:
        """What was touched since, or what both sides agree on, is no longer undone."""
        for unit in list(self.undone):
            there = {path: version for path, version in remote.items() if unit_of(path) == unit}
            agreed = all(self.at(path) == version or is_absent(version) for path, version in there.items())
            if not self._is_undone(unit) or (agreed and len(self.undone[unit]) <= len(there)):
                del self.undone[unit]

    def judge_kept(self) -> None:
        """Check that every content that a crossing read is still reachable."""
        lost = self._read - kept(self.repo)
        if lost:
            raise Lost(f"{self.repo.root.name}: contents that a crossing read are gone: {self._lineage.holding(lost)}")
