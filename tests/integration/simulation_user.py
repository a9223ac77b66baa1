"""What the simulated user of a clone does: edits, and git commands of their own."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from gitferry.tests.repo import Repo

LOOSE = ("notes.md", "plan.md", "deep/er/list.txt", "README.md", "deep/er")  # the last in the place of a directory
TASKS = ("tasks/alpha", "tasks/beta", "tasks/gamma")
PARTS = ("metadata.json", "main.txt", "extra.txt")
LINES = 9
KEYS = ("owner", "stage", "note")  # neighbours, whose lines conflict where their keys need not


class User:
    """One clone's user. Each step returns what was done in words; `edits` tells a save from a git command."""

    def __init__(self, repo: Repo, chance: random.Random, stamp: Callable[[], str], dates: Callable[[], str]) -> None:
        self.repo = repo
        self._chance = chance
        self._stamp = stamp
        self._dates = dates
        self.edits_on: str | None = None  # half of it is staged, the rest follows
        self.moves: list[tuple[str, str]] = []  # files that the last step renamed

    # -- saves

    def body(self, path: str, old: str | None) -> str:
        """Return new content of a file: `old` with one line, or a new one, that was never written before."""
        stamp = f"{self._stamp()} by {self.repo.root.name}"
        if path.endswith(PARTS[0]):
            known = json.loads(old) if old else {"name": Path(path).parent.name, "version": "1.0.0"}
            keys = (self._chance.choice(KEYS),) if old else KEYS
            return json.dumps({**known, **{key: stamp for key in keys}}, indent=2) + "\n"
        # A new file is like no other: what git takes for a rename was one.
        lines = (old or "").splitlines() or [f"line {number} after {stamp}" for number in range(LINES)]
        lines[self._chance.choice((0, 0, len(lines) - 1))] = stamp
        return "\n".join(lines) + "\n"

    def write(self, path: str) -> None:
        """Save a file anew."""
        target = self.repo.path(path)
        for parent in target.parents:
            if parent == self.repo.root:
                break
            if parent.is_file():
                parent.unlink()
        if target.is_dir():
            shutil.rmtree(target)
        self.repo.write(path, self.body(path, self.repo.read(path) if target.is_file() else None))

    def edit_loose(self) -> str:
        path, self.edits_on = self.edits_on or self._chance.choice(LOOSE), None
        self.write(path)
        return f"edit {path}"

    def edit_task(self) -> str:
        task = self._chance.choice(TASKS)
        parts = [PARTS[0], *self._chance.sample(PARTS[1:], self._chance.randint(0, 2))]
        for part in parts if self._chance.random() < 0.7 else parts[1:]:
            if part != PARTS[0] and not self.repo.exists(f"{task}/{PARTS[0]}"):
                self.write(f"{task}/{PARTS[0]}")
            self.write(f"{task}/{part}")
        return f"edit {task}: {', '.join(parts)}"

    def delete(self) -> str:
        there = [path for path in (*LOOSE, *TASKS) if self.repo.path(path).exists()]
        if not there:
            return "delete nothing"
        return self.remove(self._chance.choice(there))

    def drop_manifest(self) -> str:
        """A task without its manifest is no task: its files may be tasks of their own then, or wait."""
        return self.remove(f"{self._chance.choice(TASKS)}/{PARTS[0]}")

    def rename(self) -> str:
        kind = self._chance.choice((LOOSE, TASKS))
        there = [path for path in kind if self.repo.path(path).is_dir() is (kind is TASKS) and self.repo.exists(path)]
        free = [path for path in kind if self._is_free(path)]
        if not there or not free:
            return "rename nothing"
        old, new = self._chance.choice(there), self._chance.choice(free)
        self.repo.path(new).parent.mkdir(parents=True, exist_ok=True)
        self.repo.path(old).rename(self.repo.path(new))
        for source, path in [(old, new), *((f"{old}/{part}", f"{new}/{part}") for part in PARTS)]:
            if self.repo.path(path).is_file():
                self.write(path)  # else two users who rename alike would have written one version
                self.moves.append((source, path))
        return f"rename {old} to {new}"

    def _is_free(self, path: str) -> bool:
        target = self.repo.path(path)
        return not target.exists() and not any(parent.is_file() for parent in target.parents)

    def remove(self, path: str) -> str:
        target = self.repo.path(path)
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
        return f"delete {path}"

    # -- git

    def git(self, *args: str) -> str:
        """Run one command of the user's; what it says does not matter, only that a merge it stopped in is undone."""
        date = self._dates()
        done = self.repo.try_git(*args, env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})
        note = "" if done.returncode == 0 else " (failed)"
        if self.repo.path(".git/MERGE_HEAD").exists():
            self.repo.git("merge", "--abort")
        if self.repo.path(".git/rebase-merge").exists() or self.repo.path(".git/rebase-apply").exists():
            self.repo.git("rebase", "--abort")
        if self.repo.git("ls-files", "-u"):
            self.repo.git("reset", "-q", "--hard")  # a stash that conflicts stays in the list
        return f"git {' '.join(args)}{note}"

    def commit(self) -> str:
        if self._chance.random() < 0.5:
            self.repo.git("add", "-A")
        return self.git("commit", "-qam", f"mine {self._stamp()}")

    def commit_staged(self) -> str:
        return self.git("commit", "-qm", f"staged {self._stamp()}")

    def commit_part(self) -> str:
        """Commit one file of what differs, whatever else of its task does."""
        changed = [path for path in self.repo.git("diff", "-z", "--name-only", "HEAD").split("\0") if path]
        if not changed:
            return "commit nothing"
        return self.git("commit", "-qm", f"part {self._stamp()}", "--", self._chance.choice(changed))

    def amend(self) -> str:
        return self.git("commit", "-qa", "--amend", "--no-edit")

    def pull(self) -> str:
        how = self._chance.choice((("--no-rebase",), ("--rebase", "--autostash"), ("--no-rebase", "--autostash")))
        return self.git("pull", "-q", *how)

    def merge(self) -> str:
        return self.git("fetch", "-q") + "; " + self.git("merge", "-q", "--no-edit", "origin/main")

    def rebase(self) -> str:
        return self.git("fetch", "-q") + "; " + self.git("rebase", "-q", "--autostash", "origin/main")

    def reset(self) -> str:
        how = self._chance.choice(("--hard", "--keep", "--soft", "--mixed"))
        where = self._chance.choice(("HEAD~1", "HEAD~1", "@{upstream}", "HEAD~2"))
        return self.git("reset", "-q", how, where)

    def unstage(self) -> str:
        return self.git("reset", "-q")

    def restore(self) -> str:
        return self.git("checkout", "-q", "--", self._chance.choice((*LOOSE, *TASKS)))

    def stash(self) -> str:
        return self.git("stash", "push", "-q", *self._chance.choice(((), ("-u",), ("--keep-index",))))

    def pop(self) -> str:
        return self.git("stash", "pop", "-q", *self._chance.choice(((), ("--index",))))

    def stage(self) -> str:
        there = [path for path in (*LOOSE, *TASKS) if self.repo.path(path).exists()]
        if not there:
            return "stage nothing"
        path = self._chance.choice(there)
        done = self.git("add", path)
        if self._chance.random() < 0.5 and self.repo.path(path).is_file():
            self.edits_on = path
        return done

    def branch(self) -> str:
        if self.repo.git("symbolic-ref", "--short", "HEAD") == "main":
            name = "side" if self.repo.has("refs/heads/side") and self._chance.random() < 0.5 else None
            if name:
                return self.git("checkout", "-q", name)
            return self.git("checkout", "-q", "-B", "side")
        return self.git("checkout", "-q", "main")

    def take_from_side(self) -> str:
        return self.git("checkout", "-q", "side", "--", self._chance.choice((*LOOSE, *TASKS)))

    def push(self) -> str:
        return self.git("push", "-q", "origin", "HEAD:main")

    def collect(self) -> str:
        return self.git("gc", "-q", "--prune=now")
