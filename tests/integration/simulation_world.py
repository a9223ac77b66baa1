"""A simulated remote and its clones: what a user does and what a crossing does, each judged as it is done."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitferry.pushback.decision import BOTH_CHANGED
from gitferry.pushback.outcome import Operation, Outcome, PushStatus, State, Strategy
from gitferry.tests.integration.simulation_faults import Cut, Ferry
from gitferry.tests.integration.simulation_forge import Forge
from gitferry.tests.integration.simulation_lineage import Lineage
from gitferry.tests.integration.simulation_oracle import (
    Rewritten,
    Unconverged,
    Violation,
    Witness,
    in_index,
    in_tree,
    on_disk,
    staged,
)
from gitferry.tests.integration.simulation_permit import Judge, Permit, Undoing
from gitferry.tests.integration.simulation_reviews import Reviews
from gitferry.tests.integration.simulation_tally import Tally
from gitferry.tests.integration.simulation_user import LOOSE, PARTS, TASKS, User
from gitferry.tests.pushback.kit import Clock
from gitferry.tests.repo import Repo

#: What a crossing may wait for in these histories, besides tasks of its own.
WAITS = ("is checked out", "you have staged", "upstream was rewritten", "working tree is empty")


@dataclass(frozen=True, slots=True)
class Way:
    """How a clone's changes go to the remote."""

    review: bool = False  # branch_strategy: feature_branch
    approval: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """Return it as the settings have it."""
        found = {"branch_strategy": "feature_branch"} if self.review else {}
        return found | ({"approval": "required"} if self.approval else {})


@dataclass(frozen=True, slots=True)
class Done:
    """An operation as its clone told it, and what stood on both sides before it."""

    operation: Operation
    back: Undoing


class Clone:
    """One clone with its user, its daemon and its witness."""

    def __init__(self, repo: Repo, user: User, lineage: Lineage, strategy: Strategy, way: Way) -> None:
        self.repo = repo
        self.name = repo.root.name
        self.side = Ferry(repo, pushback={"conflict_strategy": strategy.value, **way.settings})
        self.way = way
        self.strategy = strategy
        self.done: list[Done] = []
        self.user = user
        self.witness = Witness(repo, lineage)
        self.dead: set[str] = set()  # paths that a killed crossing left staged
        self.offline = 0  # crossings until its network is back


class World:
    """One remote, some clones, and what happened to them."""

    def __init__(
        self, root: Path, chance: random.Random, strategies: Sequence[Strategy], ways: Sequence[Way] = ()
    ) -> None:
        self.chance = chance
        self.steps: list[str] = []
        self.tally = Tally(histories=1)
        self.lineage = Lineage()
        self._count = 0
        self._clock = Clock()
        self.remote = Repo.init(root / "remote.git", "--bare", "--template=")
        for name in ("receive.denyNonFastForwards", "receive.denyDeletes", "transfer.fsckObjects"):
            self.remote.git("config", name, "false")
        self.remote.git("config", "receive.denyDeleteCurrent", "ignore")
        self._begin(Repo.clone(self.remote.root, root / "first", "--template="))
        self.versions = {path: self.lineage.written(path, n, []) for path, n in in_tree(self.remote, "main").items()}
        self.steps.append(f"strategies: {', '.join(strategies)}")
        if ways:
            self.steps.append(f"under: {', '.join(f'{name} {way.settings}' for name, way in zip('ABCD', ways))}")  # noqa: B905
        self.forge = Forge(
            self.remote, chance, self._user_of(self.remote), self.lineage, lambda: self._clock().isoformat()
        )
        self._reviews = Reviews(self.forge, self.lineage)
        self.clones: list[Clone] = []
        for name, strategy, way in zip("ABCD", strategies, ways or [Way()] * 4, strict=False):
            repo = Repo.clone(self.remote.root, root / name, "--template=")
            self.clones.append(Clone(repo, self._user_of(repo), self.lineage, strategy, way))
            self.clones[-1].side.sync()  # which branch is followed here is settled before the user goes elsewhere

    def _begin(self, first: Repo) -> None:
        user = self._user_of(first)
        for path in (*LOOSE[:3], *(f"{task}/{part}" for task in TASKS[:2] for part in PARTS[:2])):
            user.write(path)
        user.git("add", "--all")
        for words in ("The beginning", "so that", "nobody", "amends the first commit"):
            user.git("commit", "-q", "--allow-empty", "-m", words)
        first.push("origin", "main")

    def _user_of(self, repo: Repo) -> User:
        return User(repo, self.chance, self._stamp, lambda: self._clock().isoformat())

    def _stamp(self) -> str:
        self._count += 1
        return f"edit {self._count}"

    # -- what a user did

    def acts(self, clone: Clone, does: Callable[[], str], *, edits: bool) -> None:
        """Let the user do something and judge what came of it."""
        self.tally.steps += 1
        self.tally.user_actions += 1
        before, tip = in_tree(self.remote, "main"), self.remote.tip("main")
        clone.user.moves.clear()
        words = does()
        self.steps.append(f"{clone.name}: {words}")
        if edits:
            clone.witness.observe_edit(clone.user.moves)
        else:
            clone.witness.observe_git(self.versions)
        self._pushed(clone, before, tip, None)
        clone.witness.observe_staging(dead=clone.dead)
        clone.witness.judge_kept()

    # -- crossings

    def crossed(
        self,
        clone: Clone,
        words: str,
        cross: Callable[[], Outcome | None],
        *,
        early: bool = False,
        fails: Sequence[str] = (),
        permit: Permit | None = None,
    ) -> Outcome | None:
        """Run one crossing and judge it.

        `early`: killed before it had noted down what it read. `fails`: how it may fail without a fault of the weather.
        """
        self.tally.steps += 1
        self.tally.crossings += 1
        before, tip = in_tree(self.remote, "main"), self.remote.tip("main")
        branches = self.remote.refs("refs/heads/")
        branch, index = clone.repo.git("symbolic-ref", "HEAD"), in_index(clone.repo)
        others = _user_refs(clone.repo, branch)
        read, known = on_disk(clone.repo), (clone.repo.head, clone.repo.tip("origin/main"))
        witness = clone.witness
        theirs, ours = dict(self.versions), dict(witness.disk)
        sides = (ours, witness.versions("HEAD"))
        reviewed = self._reviews.contents(clone.name, branches)
        judge = Judge(self.lineage, sides, theirs, witness.given_up, permit or Permit(clone.strategy), reviewed)
        outcome, met = self._in_weather(clone, cross)
        self.steps.append(f"{clone.name}: {words} → {_told(outcome)}")
        broken_off = outcome is None or (met and outcome.state is State.FAILING)
        self._pushed(clone, before, tip, judge)
        if clone.way.review and self.remote.tip("main") != tip:
            raise Rewritten(f"{clone.name} pushed to main, and not for review")
        self._reviews.judge(clone.name, witness, branches, judge)
        clone.witness.judge_disk(self.versions, self._base(clone.repo, *known, tip), judge, killed=broken_off)
        self.tally.answered += len(judge.answered)
        self._judge_failure(outcome, met=met, fails=fails)
        if (outcome is None and not early) or (outcome and not met and _has_read(outcome)):
            clone.witness.read(read.values())
        clone.witness.read(set(read.values()) - set(on_disk(clone.repo).values()))  # what was replaced
        clone.witness.judge_kept()
        if outcome is not None and not broken_off and not _waits(outcome):
            held = {task.path for task in outcome.tasks if task.push_status is PushStatus.CONFLICT}
            self.tally.conflicts += len(held - clone.witness.contested)
            clone.witness.contested = held
        if clone.repo.git("symbolic-ref", "HEAD") != branch or _user_refs(clone.repo, branch) != others:
            raise Violation("a branch, tag or stash of the user's moved")
        self._judge_index(clone, index, None if broken_off else outcome)
        if outcome is not None and outcome.operation is not None and not broken_off:
            clone.done.append(self._done(outcome.operation, ours, theirs))
        return outcome

    def _done(self, operation: Operation, ours: Mapping[str, str], theirs: Mapping[str, str]) -> Done:
        files = [path for task in operation.tasks for path in task.files]
        local, upstream = (
            {path: side.get(path) or self.lineage.never(path) for path in files} for side in (ours, theirs)
        )
        return Done(operation, Undoing(local, upstream))

    def _in_weather(self, clone: Clone, cross: Callable[[], Outcome | None]) -> tuple[Outcome | None, bool]:
        """Cross under what is wrong now, which it is no more afterwards; return the outcome and whether it was met."""
        line, disk = clone.side.line, clone.side.disk
        if clone.offline:
            clone.offline -= 1
            line.cut = Cut.DOWN
        try:
            outcome = cross()
            # Of a crossing in a child process, only its outcome tells.
            met = line.met or disk.met or (line.cut is Cut.DOWN and outcome is not None and outcome.offline)
        finally:
            line.cut, disk.code, line.met, disk.met = None, None, False, False
        self.tally.crashes += outcome is None
        self.tally.faults += met
        return outcome, met

    def _judge_failure(self, outcome: Outcome | None, *, met: bool, fails: Sequence[str]) -> None:
        if outcome is None or outcome.state is not State.FAILING:
            return
        if any(words in str(outcome.error) for words in fails):
            return
        if not met:
            raise Violation(f"{outcome.error} ({outcome.hint})")
        if not outcome.retry:
            raise Violation(f"a passing fault is not tried again: {outcome.error}")

    def _base(self, repo: Repo, head: str, upstream: str, tip: str) -> dict[str, str] | None:
        """Return the files of the one commit that HEAD and the remote came from: what equals them is no edit."""
        bases = repo.try_git("merge-base", "--all", head, tip if repo.has(tip) else upstream).stdout.split()
        return in_tree(repo, bases[0]) if len(bases) == 1 else None

    def _judge_index(self, clone: Clone, before: dict[str, str], outcome: Outcome | None) -> None:
        after = in_index(clone.repo)
        for path in clone.witness.staged:
            if before.get(path) != after.get(path):
                raise Violation(
                    f"the user's index entry of {path} changed from {before.get(path)} to {after.get(path)}"
                )
        now = staged(clone.repo)
        if outcome is None:
            # Also what its HEAD has too: where the user takes HEAD back, it is staged and not by them.
            moved = {path for path in {*before, *after} if before.get(path) != after.get(path)}
            clone.dead |= (now | moved) - clone.witness.staged
        elif not _waits(outcome) and outcome.state is not State.FAILING:
            clone.dead.clear()
            clone.witness.staged &= now
            if now - clone.witness.staged:
                raise Violation(f"staged, and not by the user: {sorted(now - clone.witness.staged)}")

    def _pushed(self, clone: Clone, before: dict[str, str], tip: str, judge: Judge | None) -> None:
        if self.remote.tip("main") == tip:
            return
        if self.remote.try_git("merge-base", "--is-ancestor", tip, "main").returncode:
            raise Rewritten("the remote's main lost a commit")
        clone.witness.judge_push(before, in_tree(self.remote, "main"), self.versions, judge)
        for path, name in in_tree(self.remote, "main").items():
            # git itself may leave some in a merge of the user's, with 0 for exit code.
            ours = judge is not None and before.get(path) != name and not judge.had(f"{path}:{name}")
            if ours and b"<<<<<<<" in self.remote.git_bytes("cat-file", "blob", name):
                raise Violation("conflict markers were pushed")

    # -- the end

    def end(self) -> None:
        """No more edits: all clones become one, and then stay as they are."""
        for clone in self.clones:
            clone.offline = 0
            self.acts(clone, clone.user.unstage, edits=False)
            if clone.repo.git("symbolic-ref", "--short", "HEAD") != "main":
                self.acts(clone, lambda c=clone: c.user.git("checkout", "-q", "-m", "main"), edits=False)  # type: ignore[misc]
                self.acts(clone, clone.user.unstage, edits=False)
        self.settle()
        outcomes: dict[str, Outcome | None] = {}
        for _ in range(2):
            for clone in self.clones:
                outcomes[clone.name] = self.crossed(clone, "sync", clone.side.sync)
        before = self.state()
        for clone in self.clones:
            self._judge_end(clone, outcomes[clone.name])
        for clone in self.clones:
            self.crossed(clone, "sync", clone.side.sync)
        after = self.state()
        moved = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        if moved:
            raise Unconverged(f"one more sync changed {', '.join(moved)}")
        for repo in (self.remote, *(clone.repo for clone in self.clones)):
            repo.fsck()
        self._dropped()

    def settle(self) -> None:
        """Let the remote's people come to an end with what they have."""

    def _dropped(self) -> None:
        """An administrator takes the last commit off the remote: nobody may push it back."""
        self.remote.git("update-ref", "refs/heads/main", "main~1")
        self.steps.append("the remote's main goes back by one commit")
        tip = self.remote.tip("main")
        for clone in self.clones:
            if clone.repo.try_git("merge-base", "--is-ancestor", "origin/main", "HEAD").returncode == 0:
                self.steps.append(f"{clone.name}: sync → {_told(clone.side.sync())}")
        if self.remote.tip("main") != tip:
            raise Rewritten("what was removed from the remote was pushed back")

    def state(self) -> dict[str, str]:
        """Return all that can be compared: every ref and every file, of every clone and of the remote."""
        found = {f"remote {name}": at for name, at in self.remote.refs().items()}
        for clone in self.clones:
            files = {**clone.repo.refs(), **on_disk(clone.repo)}
            found |= {f"{clone.name} {name}": at for name, at in files.items()}
        return found

    def _judge_end(self, clone: Clone, outcome: Outcome | None) -> None:
        assert outcome is not None
        if _waits(outcome):
            stays = ("unpushed commit",) if clone.way != Way() else ()  # of the user's, which only they bring along
            if not any(words in _waits(outcome) for words in (*WAITS, *stays)):
                raise Unconverged(f"{clone.name} waits: {_waits(outcome)}")
            return
        done = (PushStatus.COMPLETED, PushStatus.NOT_REQUIRED)
        named = [task.path for task in outcome.tasks if task.push_status not in done]
        if clone.way == Way() and clone.strategy in (Strategy.TAKE_LOCAL, Strategy.TAKE_REMOTE):
            for task in outcome.tasks:
                if task.push_status is PushStatus.CONFLICT and (task.reason or "").startswith(BOTH_CHANGED):
                    raise Unconverged(f"{clone.name}: {task.path} waits under {clone.strategy}")
        here, there = on_disk(clone.repo), in_tree(self.remote, "main")
        for path in {path for path in {*here, *there} if here.get(path) != there.get(path)}:
            if not any(path == unit or path.startswith(unit + "/") for unit in named):
                raise Unconverged(f"{clone.name}: {path} is not the remote's, and no conflict says so")


def told(steps: Sequence[str]) -> str:
    """Return the steps as numbered lines."""
    return "\n".join(f"{number:3} {step}" for number, step in enumerate(steps, start=1))


def _user_refs(repo: Repo, branch: str) -> dict[str, str]:
    ours = ("refs/gitferry/", "refs/remotes/")
    return {name: at for name, at in repo.refs().items() if name != branch and not name.startswith(ours)}


def _waits(outcome: Outcome) -> str:
    """Return what the whole repository waits for; conflicts of single tasks let it cross."""
    return outcome.waiting_for or "it does not say" if outcome.state is State.WAITING else ""


def _has_read(outcome: Outcome) -> bool:
    return not _waits(outcome) or "staged" in _waits(outcome)


def _told(outcome: Outcome | None) -> str:
    if outcome is None:
        return "killed"
    tasks = ", ".join(
        f"{task.path} {task.push_status}{f' ({task.reason})' if task.reason else ''}" for task in outcome.tasks
    )
    return f"{outcome.state}: {_waits(outcome) or outcome.error or tasks}"
