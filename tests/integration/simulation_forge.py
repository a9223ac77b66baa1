"""What people do at the remote with review branches: they merge, squash, pick, delete, mend and rewrite them.

Every commit is made in the bare repository itself, as a forge's buttons do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from gitferry.tests.integration.simulation_lineage import Lineage, is_absent
from gitferry.tests.integration.simulation_oracle import in_tree
from gitferry.tests.integration.simulation_user import LOOSE, User
from gitferry.tests.repo import Repo

HEADS = "refs/heads/"
OURS = f"{HEADS}gitferry/"
#: The ways in which a review branch becomes part of the tracked one.
WAYS = ("merge", "squash", "pick", "pick the first")


class Forge:
    """The remote as its people see it, and which version of a file stands on which of its branches."""

    def __init__(
        self, remote: Repo, chance: random.Random, user: User, lineage: Lineage, dates: Callable[[], str]
    ) -> None:
        self.remote = remote
        self._chance = chance
        self._user = user
        self._lineage = lineage
        self._dates = dates
        self.removed: set[str] = set()  # commits that somebody took away with their branch
        self._absent: dict[tuple[str, str], str] = {}  # (branch, path) → the version of its absence

    # -- what is there

    def branches(self) -> list[str]:
        """Return the review branches, as full refs."""
        return sorted(self.remote.refs(OURS))

    def version(self, branch: str, path: str, name: str | None) -> str:
        """Return the version that stands in a file of a branch where git has `name`, None where it is absent."""
        return f"{path}:{name}" if name else self._absent.get((branch, path)) or self._lineage.never(path)

    def versions(self, branch: str, tip: str) -> dict[str, str]:
        """Return what a branch at `tip` has of each file that it changed since it left the tracked one."""
        fork, files = in_tree(self.remote, self.fork(tip)), in_tree(self.remote, tip)
        changed = {path for path in {*fork, *files} if fork.get(path) != files.get(path)}
        return {path: self.version(branch, path, files.get(path)) for path in changed}

    def fork(self, tip: str) -> str:
        """Return the commit where a branch left the tracked one."""
        return self.remote.git("merge-base", "main", tip)

    def absent(self, branch: str, path: str, version: str) -> None:
        """Note which version of a file's absence stands on a branch."""
        self._absent[branch, path] = version

    def is_open(self, branch: str) -> bool:
        """Return whether the tracked branch lacks the branch's commits."""
        return self.remote.try_git("merge-base", "--is-ancestor", branch, "main").returncode != 0

    # -- landing

    def land(self, branch: str, how: str, main: dict[str, str]) -> str | None:
        """Take a branch into main, whose versions follow; None where it is not clean or changes nothing."""
        remote, tip, before = self.remote, self.remote.tip(branch), in_tree(self.remote, "main")
        commit = self._landed(tip, how)
        if commit is None or remote.tip("main") == commit:
            return None
        remote.git("update-ref", f"{HEADS}main", commit)
        after, theirs = in_tree(remote, commit), in_tree(remote, tip)
        for path in {path for path in {*before, *after} if before.get(path) != after.get(path)}:
            old = main.get(path) or self._lineage.never(path)
            reviewed = self.version(branch, path, theirs.get(path))
            self._takes(path, after.get(path), old, reviewed, main)
        return commit

    def _takes(self, path: str, name: str | None, old: str, reviewed: str, main: dict[str, str]) -> None:
        if name is None:
            new = reviewed if is_absent(reviewed) else self._lineage.deleted(path, old)
            self._lineage.written(path, new.rpartition(":")[2], [old])
            main[path] = new
            return
        new = f"{path}:{name}"
        if new in self._lineage.ancestors(old):
            self._lineage.went_back(old, new)
        if name not in self._lineage.contents:
            self._lineage.contents[name] = self.remote.git_bytes("cat-file", "blob", name)
        main[path] = self._lineage.written(path, name, [old, reviewed] if new != reviewed else [old])

    def _landed(self, tip: str, how: str) -> str | None:
        if not self.is_open(tip):
            return None
        if how in ("merge", "squash"):
            tree = self._merged("main", tip)
            if tree is None or tree == self.remote.git("rev-parse", "main^{tree}"):
                return None
            return self._commit(tree, ["main", tip] if how == "merge" else ["main"], f"{how} {tip[:8]}")
        commits = self.remote.git("rev-list", "--reverse", "--no-merges", f"main..{tip}").split()
        on = self.remote.tip("main")
        for commit in commits[:1] if how == "pick the first" else commits:
            onto = self._commit(f"{on}^{{tree}}", [f"{commit}^"], "onto")  # so that its parent is the merge base
            tree = self._merged(onto, commit)
            if tree is None:
                return None
            if tree != self.remote.git("rev-parse", f"{on}^{{tree}}"):
                on = self._commit(tree, [on], f"pick {commit[:8]}")
        return on

    def _merged(self, one: str, other: str) -> str | None:
        """Return the tree of a clean merge; one that a rename made clean counts as none: who wrote what is not told."""
        done = self.remote.try_git("merge-tree", "--write-tree", one, other)
        base = in_tree(self.remote, self.remote.git("merge-base", one, other))
        ours, theirs = in_tree(self.remote, one), in_tree(self.remote, other)
        moved = any(
            (path in ours) != (path in theirs) and name not in (ours.get(path), theirs.get(path))
            for path, name in base.items()
        )
        return done.stdout.split("\n")[0] if done.returncode == 0 and not moved else None

    def _commit(self, tree: str, parents: Iterable[str], words: str) -> str:
        date = self._dates()
        oid = self.remote.git("rev-parse", tree)
        named = [word for parent in parents for word in ("-p", self.remote.tip(parent))]
        env = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        return self.remote.git("commit-tree", oid, *named, "-m", words, env=env)

    # -- meddling

    def delete(self, branch: str) -> None:
        """Delete a branch. What of it the tracked branch lacks is not to come back."""
        self._remove(f"main..{branch}")
        self.remote.git("update-ref", "-d", branch)

    def _remove(self, *commits: str) -> None:
        self.removed |= set(self.remote.git("rev-list", *commits).split())

    def mend(self, branch: str, *, elsewhere: bool) -> str | None:
        """Commit on top of a branch: to a file that it changed, or `elsewhere`. Return the file."""
        tip = self.remote.tip(branch)
        files = in_tree(self.remote, tip)
        changed = {path for path in self.versions(branch, tip) if path in files}
        paths = sorted(path for path in files if (path in changed) is not elsewhere and _may_mend(path, files))
        if not paths:
            return None
        path = self._chance.choice(paths)
        commit = self._commit(self._edited(branch, tip, path, files), [tip], f"mend {path}")
        self.remote.git("update-ref", branch, commit)
        return path

    def _edited(self, branch: str, on: str, path: str, files: dict[str, str]) -> str:
        old = self.remote.git_bytes("cat-file", "blob", files[path]).decode()
        data = self._user.body(path, old).encode()
        self._lineage.wrote(path, data, [self.version(branch, path, files[path])])
        blob = self.remote.git("hash-object", "-w", "--stdin", stdin=data)
        index = {"GIT_INDEX_FILE": str(self.remote.root / "forge-index")}
        self.remote.git("read-tree", on, env=index)
        self.remote.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
        return self.remote.git("write-tree", env=index)

    def update(self, branch: str, main: dict[str, str]) -> bool:
        """Merge the tracked branch into a review branch, as its button does; False where that is not clean."""
        tip = self.remote.tip(branch)
        behind = self.remote.try_git("merge-base", "--is-ancestor", "main", tip).returncode != 0
        tree = self._merged(tip, "main") if behind else None
        if tree is None:
            return False
        before, theirs = in_tree(self.remote, tip), in_tree(self.remote, "main")
        commit = self._commit(tree, [tip, "main"], "update")
        self.remote.git("update-ref", branch, commit)
        for path, name in in_tree(self.remote, commit).items():
            if name not in (before.get(path), theirs.get(path)):
                sides = [self.version(branch, path, before.get(path)), main.get(path) or self._lineage.never(path)]
                self._lineage.wrote(path, self.remote.git_bytes("cat-file", "blob", name), sides)
        for path, version in main.items():
            if is_absent(version) and path in before:
                self.absent(branch, path, version)
        return True

    def rewrite(self, branch: str) -> str:
        """Force-push a branch: its tip dropped, mended in place, or all of it put on top of the tracked one."""
        tip, how = self.remote.tip(branch), self._chance.choice(("drop", "amend", "rebase"))
        files = in_tree(self.remote, tip)
        changed = sorted(path for path in self.versions(branch, tip) if path in files and _may_mend(path, files))
        new = self.remote.tip(f"{tip}^")
        if how == "amend" and changed:
            new = self._commit(self._edited(branch, tip, self._chance.choice(changed), files), [f"{tip}^"], "amended")
        elif how == "rebase":
            tree = self._merged("main", tip)
            new = new if tree is None else self._commit(tree, ["main"], "rebased")
            self._note(branch, new)
        self.remote.git("update-ref", branch, new)
        self._remove(tip, f"^{new}", "^main")
        return how

    def _note(self, branch: str, tip: str) -> None:
        for path, name in in_tree(self.remote, tip).items():
            if not self._lineage.known(f"{path}:{name}"):
                sides = [version for version in (self._at("main", path), self._at(branch, path)) if version]
                self._lineage.wrote(path, self.remote.git_bytes("cat-file", "blob", name), sides)

    def _at(self, branch: str, path: str) -> str | None:
        name = in_tree(self.remote, branch).get(path)
        return f"{path}:{name}" if name else None


def _may_mend(path: str, files: dict[str, str]) -> bool:
    return path in files and path != LOOSE[-1]
