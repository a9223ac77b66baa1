"""Histories in which some clones send their changes to review or need a word, and people at the remote look at them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from gitferry.config.errors import GitferryError
from gitferry.pushback import review_prune
from gitferry.pushback.outcome import Outcome, PushStatus, Strategy, TaskState, Word
from gitferry.pushback.survey import survey
from gitferry.repos import record as records
from gitferry.repos.objects import Objects
from gitferry.tests.integration.simulation_forge import HEADS, WAYS
from gitferry.tests.integration.simulation_history import History, Kind
from gitferry.tests.integration.simulation_oracle import Lost, Unconverged, Violation, in_tree, kept, on_disk
from gitferry.tests.integration.simulation_permit import Permit, unit_of
from gitferry.tests.integration.simulation_user import LOOSE, PARTS, TASKS
from gitferry.tests.integration.simulation_world import Clone, Way

Files: TypeAlias = frozenset[tuple[str, str]]  # of one task: path and object name
_ROUNDS = 8  # of merging and syncing, after which all must be at rest


class ReviewHistory(History):
    """Steps over a world with review branches."""

    def __init__(self, root: Path, chance: random.Random, strategies: Sequence[Strategy], ways: Sequence[Way]) -> None:
        self._granted: set[tuple[str, str, Files, Files]] = set()  # clone, task, what both sides had of it
        super().__init__(root, chance, strategies, ways)

    def kinds(self) -> tuple[Kind, ...]:
        """Return what may be done, and how often."""
        reviewing: tuple[Kind, ...] = (
            (10, lambda _: self.land()),
            (2, lambda _: self.delete()),
            (5, lambda _: self.mend()),
            (2, lambda _: self.update()),
            (2, lambda _: self.force_push()),
            (2, self.prune),
            (6, self.reviewed_and_mended),
            (6, self.landed_and_edited),
            (3, self.both_branches_changed),
            (2, self.pull),
        )
        words: tuple[Kind, ...] = ((12, self.word),) if any(clone.way.approval for clone in self.clones) else ()
        return (*super().kinds(), *reviewing, *words)

    # -- people at the remote

    def _branch(self, clone: Clone | None = None) -> str | None:
        found = self.forge.branches()
        own = [ref for ref in found if clone and ref.startswith(f"{HEADS}gitferry/{clone.name}/".lower())]
        usable = [ref for ref in own or found if self.forge.is_open(ref)]
        return self.chance.choice(usable) if usable else None

    def _told(self, words: str) -> None:
        self.tally.steps += 1
        self.steps.append(f"remote: {words}")

    def land(self, branch: str | None = None, how: str = "", *, delete: bool | None = None) -> bool:
        """Take a review branch into main, and perhaps delete it."""
        branch, how = branch or self._branch(), how or self.chance.choice(WAYS)
        if branch is None:
            return False
        before = self.remote.tip("main")
        done = self.forge.land(branch, how, self.versions) is not None
        gone = self.chance.random() < 0.5 if delete is None else delete
        if done and gone:
            self.forge.delete(branch)
        self._told(
            f"{how} {branch}{'' if done else ' (not clean, or nothing)'}{' and delete it' if done and gone else ''}"
        )
        if done and self.remote.try_git("merge-base", "--is-ancestor", before, "main").returncode:
            raise AssertionError("the forge rewrote main")
        return done

    def delete(self) -> None:
        """Delete a branch unmerged."""
        branch = self._branch()
        if branch is not None:
            self.forge.delete(branch)
            self._told(f"delete {branch}")

    def mend(self, branch: str | None = None) -> None:
        """Commit on top of a branch."""
        branch, elsewhere = branch or self._branch(), self.chance.random() < 0.25
        path = None if branch is None else self.forge.mend(branch, elsewhere=elsewhere)
        self._told(f"mend {path} on {branch}")

    def update(self) -> None:
        """Merge main into a branch."""
        branch = self._branch()
        if branch is not None:
            done = self.forge.update(branch, self.versions)
            self._told(f"update {branch}{'' if done else ' (not clean, or nothing)'}")

    def force_push(self) -> None:
        """Force-push a branch."""
        branch = self._branch()
        if branch is not None:
            self._told(f"force-push {branch}: {self.forge.rewrite(branch)}")

    # -- their users

    def pull(self, clone: Clone) -> None:
        """Take what is there, and send nothing."""
        silent = Permit(clone.strategy, silent=True)
        self.crossed(clone, "pull", lambda: clone.side.sync(push=False, by_hand=True), permit=silent)

    def word(self, clone: Clone) -> None:
        """Approve or reject one change, as it is; somebody may have pushed since."""
        found = [task for task in self._waiting(clone) if task.version_seen is not None]
        if found:
            self._say(clone, [self.chance.choice(found)], granted=self.chance.random() < 0.8)

    def _waiting(self, clone: Clone) -> list[TaskState]:
        states = (PushStatus.AWAITING_APPROVAL, PushStatus.FAILED, PushStatus.CONFLICT)
        return [task for task in survey(clone.side.settings, host=clone.side.host) if task.push_status in states]

    def _say(self, clone: Clone, tasks: Sequence[TaskState], *, granted: bool) -> Outcome | None:
        for task in tasks:
            self._noted(clone, task.path, granted=granted)
        words = {task.id: Word(task.version_seen or "", "ann", granted) for task in tasks}
        units = frozenset(task.path for task in tasks)
        return self.crossed(
            clone,
            f"{'approve' if granted else 'reject'} {', '.join(sorted(units))}",
            lambda: clone.side.sync(words=words, by_hand=True),
            permit=Permit(clone.strategy, asked=units),
        )

    def _noted(self, clone: Clone, unit: str, *, granted: bool) -> None:
        """Note a word that counts: one on what the remote still has."""
        seen, now = (
            _of(unit, in_tree(repo, rev)) for repo, rev in ((clone.repo, "origin/main"), (self.remote, "main"))
        )
        said = (clone.name, unit, _of(unit, on_disk(clone.repo)), now)
        if granted and seen == now:
            self._granted.add(said)
        elif not granted:
            self._granted.discard(said)

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
        """Run one crossing, judge it, and see that somebody approved of what it sent where that is required."""
        before, here, main = self.remote.refs(HEADS), on_disk(clone.repo), in_tree(self.remote, "main")
        outcome = super().crossed(clone, words, cross, early=early, fails=fails, permit=permit)
        if clone.way.approval and (permit is None or permit.undoing is None):
            for ref, tip in self.remote.refs(HEADS).items():
                if before.get(ref) != tip:
                    self._judge_word(clone, ref, before.get(ref), here, main)
        return outcome

    def _judge_word(
        self, clone: Clone, ref: str, was: str | None, here: Mapping[str, str], main: Mapping[str, str]
    ) -> None:
        files = in_tree(self.remote, ref)
        known = [main if ref == f"{HEADS}main" else in_tree(self.remote, self.forge.fork(ref))]
        known += [] if was is None else [in_tree(self.remote, was)]
        changed = {path for one in known for path in {*one, *files}}
        paths = {path for path in changed if all(one.get(path) != files.get(path) for one in known)}
        units = {unit_of(path) for path in paths} | paths  # without its manifest, a task's files are on their own
        said = {(unit, ours, theirs) for name, unit, ours, theirs in self._granted if name == clone.name}
        again = {(unit, ours) for unit, ours, _ in said}  # of a push that broke off
        for unit in units:
            if (unit, _of(unit, here), _of(unit, main)) in said or (unit, _of(unit, files)) in again:
                return  # those that a rename joins go together
        if units:
            raise Violation(f"{clone.name} sent {sorted(units)} to {ref}, of which nobody approved")

    def prune(self, clone: Clone) -> None:
        """Delete the branches that are over: only such, and what was on them stays reachable."""
        before, over = self.remote.refs(HEADS), self._branches_of(clone, over=True)
        contents = {ref: self._contents(tip) for ref, tip in before.items()}
        try:
            done = review_prune.prune(clone.side.settings, host=clone.side.host)
        except GitferryError as error:
            self.steps.append(f"{clone.name}: push prune failed: {error}")
            return
        self.tally.steps += 1
        self.steps.append(
            f"{clone.name}: push prune: {', '.join(f'{one.branch} {one.kept or one.why}' for one in done)}"
        )
        after = self.remote.refs(HEADS)
        for ref in {ref for ref in {*before, *after} if before.get(ref) != after.get(ref)}:
            if ref in after or ref.removeprefix(HEADS) not in over:
                raise Violation(f"{clone.name} pruned {ref}, which was not over")
            there = kept(clone.repo) | self._contents(*after)
            if lost := contents[ref] - there:
                raise Lost(f"{clone.name} pruned {ref} with {self.lineage.holding(lost)}")

    def _contents(self, *revs: str) -> set[str]:
        return set(self.remote.git("rev-list", "--objects", "--no-object-names", *revs).splitlines())

    def _branches_of(self, clone: Clone, *, over: bool) -> list[str]:
        objects = Objects(clone.repo.root / ".git")
        try:
            reviews = records.load(objects, "main").reviews
        finally:
            objects.close()
        return [review.branch for review in reviews if (review.over is not None) is over]

    # -- directed

    def _reviewed(self, clone: Clone) -> tuple[str, str | None]:
        """Edit a file, have it sent to review, and return it with its branch."""
        path = self.chance.choice((*LOOSE[:4], *(f"{task}/{part}" for task in TASKS[:2] for part in PARTS[:2])))
        before = set(self.forge.branches())
        self.travel(clone, path)
        new = sorted(set(self.forge.branches()) - before)
        return path, new[0] if new else self._branch(clone)

    def travel(self, clone: Clone, path: str) -> None:
        """Save one file and let it travel, with the word that it needs."""
        self.rewrite(clone, path)
        self.sync(clone)
        if clone.way.approval:
            self._say(clone, [task for task in self._waiting(clone) if task.version_seen], granted=True)

    def reviewed_and_mended(self, clone: Clone) -> None:
        """What is in review is mended there, perhaps while it is edited on, or its branch dies meanwhile."""
        path, branch = self._reviewed(clone)
        if branch is None:
            return
        self.mend(branch)
        if self.chance.random() < 0.5:
            self.rewrite(clone, path)
        self.sync(clone)
        self.sync(clone)

    def landed_and_edited(self, clone: Clone) -> None:
        """What is in review lands, perhaps mended before, perhaps edited on, before anybody here knows."""
        path, branch = self._reviewed(clone)
        if branch is None:
            return
        if self.chance.random() < 0.4:
            self.mend(branch)
        landed = self.land(branch)
        if self.chance.random() < 0.5:
            self.rewrite(clone, path)
        if landed and self.chance.random() < 0.3:
            self.land()
        self.sync(clone)

    def both_branches_changed(self, clone: Clone) -> None:
        """The tracked branch changes what is in review, and perhaps a reviewer and the user do too."""
        path, branch = self._reviewed(clone)
        other = self.chance.choice([one for one in self.clones if one is not clone])
        self.rewrite(other, path)
        self.sync(other)
        if branch is not None and self.chance.random() < 0.5:
            self.mend(branch)
        if self.chance.random() < 0.5:
            self.rewrite(clone, path)
        self.sync(clone)
        self.sync(clone)

    # -- the end

    def settle(self) -> None:
        """All that is in review lands as far as it is clean, until nothing moves any more."""
        if all(clone.way == Way() for clone in self.clones):
            return
        for clone in self.clones:
            if clone.way.review:
                self.acts(clone, partial(clone.user.git, "pull", "-q", "--rebase", "--autostash"), edits=False)
                self.acts(clone, clone.user.unstage, edits=False)
        for _ in range(_ROUNDS):
            before = self.remote.refs(HEADS)
            for clone in self.clones:
                for branch in self._branches_of(clone, over=False) if clone.way.review else ():
                    if HEADS + branch in self.forge.branches():
                        self.land(HEADS + branch, "merge", delete=False)
            for clone in self.clones:
                waiting = [task for task in self._waiting(clone) if task.version_seen] if clone.way.approval else []
                if waiting:
                    self._say(clone, waiting, granted=True)
                self.crossed(clone, "sync", clone.side.sync)
            if self.remote.refs(HEADS) == before:
                return
        raise Unconverged("what is in review does not come to an end")


def _of(unit: str, files: Mapping[str, str]) -> Files:
    return frozenset((path, name) for path, name in files.items() if unit in (path, unit_of(path)))


def drawn_ways(chance: random.Random, clones: int, *, always: bool = False) -> list[Way]:
    """Return how each clone's changes travel; nothing in half of the histories, where all go to main."""
    if chance.random() < 0.5 and not always:
        return []
    ways = [Way(chance.random() < 0.6, chance.random() < 0.2) for _ in range(clones)]
    if not any(way.review for way in ways):
        ways[chance.randrange(clones)] = Way(True, chance.random() < 0.2)
    return ways
