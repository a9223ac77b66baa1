"""Random histories of clones that cross: seeded, without a wall clock, judged after every step.

`python -m gitferry.tests.integration.simulation SEED [SEED…]` runs seeds, `FIRST-LAST` a range; it prints the steps
of each that breaks a promise.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel

from gitferry.pushback.outcome import Outcome, PushStatus, State
from gitferry.tests.integration.simulation_oracle import (
    Lineage,
    Violation,
    Witness,
    in_index,
    in_tree,
    on_disk,
    staged,
)
from gitferry.tests.integration.simulation_user import LOOSE, PARTS, TASKS, User
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side
from gitferry.tests.repo import Repo

#: Where a crossing has not yet noted down what it read; the user's files are untouched until then.
EARLY = ("fetch.pack", "snapshot.written", "blob.written", "commit.written", "record.saved")
POINTS = (
    *EARLY,
    *("push.before", "push.sent", "push.acked_before_db", "checkout.partial"),
    *("index.followed", "ref.before_cas", "ref.after_cas"),
)
#: What a crossing may wait for in these histories, besides tasks of its own.
WAITS = ("is checked out", "you have staged", "upstream was rewritten", "working tree is empty")


class Clone:
    """One clone with its user, its daemon and its witness."""

    def __init__(self, repo: Repo, chance: random.Random, stamp: Callable[[], str], lineage: Lineage) -> None:
        self.repo = repo
        self.side = Side(repo)
        self.user = User(repo, chance, stamp)
        self.witness = Witness(repo, lineage)
        self.dead: set[str] = set()  # paths that a killed crossing left staged


class History:
    """One remote, some clones, and what happened to them."""

    def __init__(self, root: Path, seed: int, clones: int) -> None:
        self.chance = random.Random(seed)
        self.steps: list[str] = []
        self.lineage = Lineage()
        self.count = 0
        self.remote = Repo.init(root / "remote.git", "--bare", "--template=")
        first = Repo.clone(self.remote.root, root / "first", "--template=")
        user = User(first, self.chance, self._stamp)
        for path in (*LOOSE[:3], *(f"{task}/{part}" for task in TASKS[:2] for part in PARTS[:2])):
            user.write(path)
        for words in ("The beginning", "so that", "nobody", "amends the first commit"):
            first.commit(words, allow_empty=True)
        first.push("origin", "main")
        self.versions = {path: self.lineage.written(path, n, []) for path, n in in_tree(self.remote, "main").items()}
        self.clones = []
        for name in "ABC"[:clones]:
            repo = Repo.clone(self.remote.root, root / name, "--template=")
            self.clones.append(Clone(repo, self.chance, self._stamp, self.lineage))
            self.clones[-1].side.sync()  # which branch is followed here is settled before the user goes elsewhere

    def _stamp(self) -> str:
        self.count += 1
        return f"edit {self.count}"

    # -- steps

    def step(self) -> None:
        """Do one thing somewhere."""
        clone = self.chance.choice(self.clones)
        kinds: tuple[tuple[float, Callable[[Clone], object]], ...] = (
            (30, self._edit),
            (26, self.sync),
            (8, self._killed),
            (26, self._git),
            (6, self._conflict),
            (4, self._far_and_back),
        )
        (kind,) = self.chance.choices([do for _, do in kinds], [weight for weight, _ in kinds])
        kind(clone)

    def _edit(self, clone: Clone) -> None:
        user = clone.user
        does = self.chance.choices((user.edit_loose, user.edit_task, user.delete, user.rename), (8, 8, 2, 2))[0]
        self._user(clone, does, edits=True)

    def _git(self, clone: Clone) -> None:
        user = clone.user
        does = self.chance.choices(
            (
                *(user.commit, user.amend, user.pull, user.merge, user.rebase, user.reset, user.restore),
                *(user.stash, user.pop, user.stage, user.unstage, user.commit_staged, user.branch),
                *(user.take_from_side, user.push, user.collect),
            ),
            (*(5, 3, 2, 1, 2, 3, 1), *(3, 5, 3, 2, 1, 3), *(1, 1, 0.5)),
        )[0]
        self._user(clone, does, edits=False)

    def _conflict(self, clone: Clone) -> None:
        """Two clones edit one line; the second is held. Random edits alone seldom meet."""
        other = self.chance.choice([one for one in self.clones if one is not clone])
        path = self.chance.choice(LOOSE)
        for one in (clone, other):
            self._user(one, lambda one=one: one.user.write(path) or f"edit {path}", edits=True)  # type: ignore[misc]
            self.sync(one)

    def _far_and_back(self, clone: Clone) -> None:
        """A stash, or another branch, takes the edits away and brings them back after a crossing."""
        user = clone.user
        away, back = self.chance.choice(((user.stash, user.pop), (user.branch, user.branch)))
        self._user(clone, away, edits=False)
        self.sync(clone)
        if self.chance.random() < 0.5:
            self._user(clone, user.commit, edits=False)
        self._user(clone, back, edits=False)
        self.sync(clone)

    def _user(self, clone: Clone, does: Callable[[], str], *, edits: bool) -> None:
        before = in_tree(self.remote, "main")
        tip = self.remote.tip("main")
        words = does()
        self.steps.append(f"{clone.repo.root.name}: {words}")
        if edits:
            clone.witness.observe_edit()
        else:
            clone.witness.observe_git(self.versions)
        self._pushed(clone, before, tip, by_user=True)
        clone.witness.observe_staging(dead=clone.dead)
        clone.witness.judge_kept()

    # -- crossings

    def sync(self, clone: Clone) -> Outcome | None:
        """Cross as the daemon would, by a save, a schedule or a request."""
        kind = self.chance.choices(("sync", "save"), (3, 2))[0]
        return self.crossed(clone, kind, clone.side.sync if kind == "sync" else lambda: self._save(clone))

    def _save(self, clone: Clone) -> Outcome:
        changed = clone.repo.git("ls-files", "-zmodo", "--exclude-standard").split("\0")
        return clone.side.save(*filter(None, changed))

    def _killed(self, clone: Clone) -> None:
        point, count = self.chance.choice(POINTS), self.chance.choice((1, 1, 2, 3))
        words = f"sync killed at {point}:{count}"
        self.crossed(clone, words, lambda: killed_at(clone.side, point, count), early=point in EARLY)

    def crossed(
        self, clone: Clone, words: str, cross: Callable[[], Outcome | None], *, early: bool = False
    ) -> Outcome | None:
        """Run one crossing and judge it; `early`: killed before it had noted down what it read."""
        before, tip = in_tree(self.remote, "main"), self.remote.tip("main")
        branch, index = clone.repo.git("symbolic-ref", "HEAD"), in_index(clone.repo)
        others = _user_refs(clone.repo, branch)
        read, base = on_disk(clone.repo), self._base(clone.repo)
        outcome = cross()
        self.steps.append(f"{clone.repo.root.name}: {words} → {_told(outcome)}")
        self._pushed(clone, before, tip)
        clone.witness.judge_disk(self.versions, base, killed=outcome is None)
        if outcome is not None and outcome.state is State.FAILING:
            raise Violation(f"{outcome.error} ({outcome.hint})")
        if (outcome is None and not early) or (outcome and (not _waits(outcome) or "staged" in _waits(outcome))):
            clone.witness.read(read.values())
        clone.witness.judge_kept()
        if outcome is not None and not _waits(outcome):
            held = {task.path for task in outcome.tasks if task.push_status is PushStatus.CONFLICT}
            clone.witness.contested = held
        if clone.repo.git("symbolic-ref", "HEAD") != branch or _user_refs(clone.repo, branch) != others:
            raise Violation("a branch, tag or stash of the user's moved")
        self._judge_index(clone, index, outcome)
        return outcome

    def _base(self, repo: Repo) -> dict[str, str] | None:
        """Return what HEAD has, where the remote contains HEAD."""
        behind = self.remote.try_git("merge-base", "--is-ancestor", repo.head, "main").returncode == 0
        return in_tree(repo, "HEAD") if behind else None

    def _judge_index(self, clone: Clone, before: dict[str, str], outcome: Outcome | None) -> None:
        after = in_index(clone.repo)
        for path in clone.witness.staged:
            if before.get(path) != after.get(path):
                raise Violation(
                    f"the user's index entry of {path} changed from {before.get(path)} to {after.get(path)}"
                )
        now = staged(clone.repo)
        if outcome is None:
            clone.dead |= now - clone.witness.staged
        elif not _waits(outcome):
            clone.dead.clear()
            clone.witness.staged &= now
            if now - clone.witness.staged:
                raise Violation(f"staged, and not by the user: {sorted(now - clone.witness.staged)}")

    def _pushed(self, clone: Clone, before: dict[str, str], tip: str, *, by_user: bool = False) -> None:
        if self.remote.tip("main") == tip:
            return
        if self.remote.try_git("merge-base", "--is-ancestor", tip, "main").returncode:
            raise Violation("the remote's main lost a commit")
        after = in_tree(self.remote, "main")
        clone.witness.judge_push(before, after, self.versions, by_user=by_user)
        if b"<<<<<<<" in b"".join(self.remote.tree("main").values()):
            raise Violation("conflict markers were pushed")

    # -- the end

    def end(self) -> None:
        """No more edits: all clones become one, and then stay as they are."""
        for clone in self.clones:
            self._user(clone, clone.user.unstage, edits=False)
            if clone.repo.git("symbolic-ref", "--short", "HEAD") != "main":
                self._user(clone, lambda c=clone: c.user.git("checkout", "-q", "-m", "main"), edits=False)  # type: ignore[misc]
                self._user(clone, clone.user.unstage, edits=False)
        outcomes: dict[str, Outcome | None] = {}
        for _ in range(2):
            for clone in self.clones:
                outcomes[clone.repo.root.name] = self.crossed(clone, "sync", clone.side.sync)
        before = {clone.repo.root.name: self._state(clone) for clone in self.clones}
        for clone in self.clones:
            self._judge_end(clone, outcomes[clone.repo.root.name])
        for clone in self.clones:
            self.crossed(clone, "sync", clone.side.sync)
        for clone in self.clones:
            old, new = before[clone.repo.root.name], self._state(clone)
            moved = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
            if moved:
                raise Violation(f"one more sync changed {', '.join(moved)} of {clone.repo.root.name}")
        for repo in (self.remote, *(clone.repo for clone in self.clones)):
            repo.fsck()

    def _state(self, clone: Clone) -> dict[str, str]:
        return {**clone.repo.refs(), **on_disk(clone.repo), "the remote": self.remote.tip("main")}

    def _judge_end(self, clone: Clone, outcome: Outcome | None) -> None:
        assert outcome is not None
        if _waits(outcome):
            if not any(words in _waits(outcome) for words in WAITS):
                raise Violation(f"{clone.repo.root.name} waits: {_waits(outcome)}")
            return
        done = (PushStatus.COMPLETED, PushStatus.NOT_REQUIRED)
        named = [task.path for task in outcome.tasks if task.push_status not in done]
        here, there = on_disk(clone.repo), in_tree(self.remote, "main")
        for path in {path for path in {*here, *there} if here.get(path) != there.get(path)}:
            if not any(path == unit or path.startswith(unit + "/") for unit in named):
                raise Violation(f"{clone.repo.root.name}: {path} is not the remote's, and no conflict says so")


def _user_refs(repo: Repo, branch: str) -> dict[str, str]:
    ours = ("refs/gitferry/", "refs/remotes/")
    return {name: at for name, at in repo.refs().items() if name != branch and not name.startswith(ours)}


def _waits(outcome: Outcome) -> str:
    """Return what the whole repository waits for; conflicts of single tasks let it cross."""
    return outcome.waiting_for or "it does not say" if outcome.state is State.WAITING else ""


def _told(outcome: Outcome | None) -> str:
    if outcome is None:
        return "killed"
    tasks = ", ".join(
        f"{task.path} {task.push_status}{f' ({task.reason})' if task.reason else ''}" for task in outcome.tasks
    )
    return f"{outcome.state}: {_waits(outcome) or outcome.error or tasks}"


def run(root: Path, seed: int, steps: int = 40) -> list[str]:
    """Run one history in an empty directory and return its steps. Raises Violation, the steps in its message."""
    root.mkdir(exist_ok=True)
    history = History(root, seed, clones=2 + seed % 2)
    try:
        for _ in range(steps):
            history.step()
        history.end()
    except AssertionError as error:
        told = "\n".join(f"{number:3} {step}" for number, step in enumerate(history.steps, start=1))
        words = f"{error}\nSEED {seed}, after\n{told}\nagain: python -m gitferry.tests.integration.simulation {seed}"
        raise Violation(words) from error
    return history.steps


def _house(root: Path) -> None:
    """Give the process a home of its own, as the tests have."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITFERRY_", "XDG_"))]:
        del os.environ[name]
    config = root / "gitconfig"
    config.write_text("[user]\nname = Test Person\nemail = test@example.org\n[init]\ndefaultBranch = main\n")
    os.environ |= {"HOME": str(root), "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    for level in (ConfigLevel.GLOBAL, ConfigLevel.XDG, ConfigLevel.SYSTEM):
        pygit2.settings.search_path[level] = str(root)


def main(arguments: list[str]) -> int:
    """Run the seeds named on the command line; return how many broke a promise."""
    broken = done = 0
    root = Path(tempfile.mkdtemp(prefix="gitferry-simulation-"))
    _house(root)
    for argument in arguments:
        first, _, last = argument.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            done += 1
            place = root / str(seed)
            place.mkdir()
            try:
                run(place, seed, int(os.environ.get("STEPS", "40")))
            except Violation as violation:
                broken += 1
                print(violation, f"\n{place}\n", flush=True)
                continue
            except Exception:  # whatever a seed runs into is told with the seed
                broken += 1
                traceback.print_exc()
                print(f"SEED {seed} {place}", flush=True)
                continue
            shutil.rmtree(place)
    print(f"{done} histories, {broken} broken")
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
