"""One simulated history: the steps that clones, their users and their surroundings take, at random or directed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from gitferry.pushback import undo, versions
from gitferry.pushback.outcome import Answer, Outcome, State, Strategy, Take
from gitferry.repos.content import FILE, File
from gitferry.repos.tasks import task_id
from gitferry.tests.integration.simulation_faults import CODES, Cut
from gitferry.tests.integration.simulation_oracle import Violation, in_tree, on_disk
from gitferry.tests.integration.simulation_permit import Permit, unit_of
from gitferry.tests.integration.simulation_user import LOOSE, PARTS, TASKS
from gitferry.tests.integration.simulation_world import Clone, World
from gitferry.tests.pushback.killed import killed_at

#: Where a crossing has not yet noted down what it read; the user's files are untouched until then.
EARLY = ("fetch.pack", "snapshot.written", "blob.written", "commit.written", "record.saved")
POINTS = (
    *EARLY,
    *("push.before", "push.sent", "push.acked_before_db", "checkout.partial"),
    *("index.followed", "ref.before_cas", "ref.after_cas"),
)
#: Everything a user's git does to a clone, by the name of its method, and how often.
GIT = {
    **{"commit": 5, "amend": 3, "pull": 2, "merge": 1, "rebase": 2, "reset": 3, "restore": 1, "stash": 3, "pop": 5},
    **{"stage": 3, "unstage": 2, "commit_staged": 1, "commit_part": 2, "branch": 3, "take_from_side": 1},
    **{"push": 1, "collect": 0.5},
}
STRATEGIES = tuple(Strategy)
#: How often a step is taken, and the step.
Kind: TypeAlias = tuple[float, Callable[[Clone], object]]
#: Ways to have one's edits taken away and brought back.
ABSENCES = (("stash", "pop"), ("branch", "branch"))


class History(World):
    """Steps over a world. Those that are given nothing draw what they do."""

    # -- steps at random

    def step(self) -> None:
        """Do one thing somewhere."""
        clone = self.chance.choice(self.clones)
        kinds = self.kinds()
        (kind,) = self.chance.choices([do for _, do in kinds], [weight for weight, _ in kinds])
        kind(clone)

    def kinds(self) -> tuple[Kind, ...]:
        """Return what may be done, and how often."""
        return (
            (30, self.edit),
            (26, self.sync),
            (8, self.killed),
            (26, self.git),
            (6, self.conflict),
            (4, self.far_and_back),
            (4, self.cut),
            (2, self.refused),
            (6, self.disk_fails),
            (3, self.answered_by_git),
            (3, self.killed_then_edited),
            (2, self.directory_gone_then_pulled),
            (3, self.renamed_and_edited),
            (8, self.resolve),
            (2, lambda clone: self.resolve(clone, late=True)),
            (4, self.push_with),
            (5, self.undo),
            (1, lambda clone: self.undo(clone, point=self.chance.choice(POINTS))),
            (2, self.undo_twice),
        )

    def edit(self, clone: Clone) -> None:
        """Save, delete or rename something."""
        user = clone.user
        actions = (user.edit_loose, user.edit_task, user.delete, user.rename, user.drop_manifest)
        does = self.chance.choices(actions, (8, 8, 2, 2, 0.5))[0]
        self.acts(clone, does, edits=True)

    def git(self, clone: Clone, name: str = "") -> None:
        """Let the user run one git command."""
        does = name or self.chance.choices(list(GIT), list(GIT.values()))[0]
        self.acts(clone, getattr(clone.user, does), edits=False)

    def sync(self, clone: Clone) -> Outcome | None:
        """Cross as the daemon would, by a save, a schedule or a request."""
        kind = self.chance.choices(("sync", "save"), (3, 2))[0]
        return self.crossed(clone, kind, clone.side.sync if kind == "sync" else lambda: self._save(clone))

    def _save(self, clone: Clone) -> Outcome:
        changed = clone.repo.git("ls-files", "-zmodo", "--exclude-standard").split("\0")
        staged = clone.repo.git("diff", "--cached", "--name-only", "--no-renames", "-z").split("\0")
        return clone.side.save(*filter(None, [*changed, *staged]))

    # -- faults

    def killed(self, clone: Clone, point: str = "", count: int = 0) -> None:
        """Cross, and die on the way."""
        point, count = point or self.chance.choice(POINTS), count or self.chance.choice((1, 1, 2, 3))
        words = f"sync killed at {point}:{count}"
        self.crossed(clone, words, lambda: killed_at(clone.side, point, count), early=point in EARLY)

    def cut(self, clone: Clone, where: Cut | None = None) -> None:
        """Cross while the line fails; or let it fail for some steps to come."""
        where = where or self.chance.choice(list(Cut))
        if where is Cut.DOWN:
            clone.offline = self.chance.randint(1, 3)
            self.steps.append(f"{clone.name}: offline for {clone.offline}")
        else:
            clone.side.line.cut = where
        self.sync(clone)

    def refused(self, clone: Clone) -> None:
        """Cross while a hook at the remote refuses every push."""
        hook = self.remote.hook("pre-receive", "echo no pushes on Sundays; exit 1")
        self.steps.append("the remote refuses pushes")
        try:
            outcome = self.crossed(clone, "sync", clone.side.sync, fails=("no pushes on Sundays",))
            self.tally.faults += outcome is not None and outcome.state is State.FAILING
        finally:
            hook.unlink()

    def disk_fails(self, clone: Clone, code: int = 0, good: int | None = None) -> None:
        """Cross while writes fail, then works again."""
        disk = clone.side.disk
        disk.code = code or self.chance.choice(CODES)
        disk.good = self.chance.randint(0, 25) if good is None else good
        disk.lasts = self.chance.random() < 0.5
        words = f"sync with errno {disk.code} at write {disk.good + 1}{' and after' if disk.lasts else ''}"
        self.crossed(clone, words, clone.side.sync)

    # -- directed: what chance alone seldom reaches

    def conflict(self, clone: Clone, path: str = "") -> str:
        """Two clones edit one line; return the file. Random edits alone seldom meet."""
        other = self.chance.choice([one for one in self.clones if one is not clone])
        path = path or self.chance.choice((*LOOSE, *(f"{task}/{part}" for task in TASKS[:2] for part in PARTS[:2])))
        for one in (clone, other):
            self.rewrite(one, path)
            self.sync(one)
        return path

    def rewrite(self, clone: Clone, path: str) -> None:
        """Save one file."""

        def does() -> str:
            if path.startswith("tasks/"):
                manifest = f"{Path(path).parent}/{PARTS[0]}"
                if not clone.repo.exists(manifest):
                    clone.user.write(manifest)
            clone.user.write(path)
            return f"edit {path}"

        self.acts(clone, does, edits=True)

    def far_and_back(self, clone: Clone, absence: tuple[str, str] | None = None) -> None:
        """A stash, or another branch, takes the edits away and brings them back after a crossing."""
        away, back = absence or self.chance.choice(ABSENCES)
        self.git(clone, away)
        self.sync(clone)
        if self.chance.random() < 0.5:
            self.git(clone, "commit")
        self.git(clone, back)
        self.sync(clone)

    def held_far_and_back(self, clone: Clone) -> None:
        """A conflict's local side goes away and comes back."""
        self.conflict(clone)
        self.far_and_back(clone)

    def answered_by_git(self, clone: Clone, does: str = "") -> None:
        """After a conflict the user runs git, which is no answer."""
        path = self.conflict(clone)
        does = does or self.chance.choice(("commit", "commit_part", "amend", "pull", "merge", "rebase", "reset"))
        if does == "commit_part" and path.startswith("tasks/"):
            self.rewrite(clone, f"{Path(path).parent}/{self.chance.choice(PARTS)}")
        self.git(clone, does)
        self.sync(clone)
        self.sync(clone)

    def killed_then_edited(self, clone: Clone, point: str = "") -> None:
        """A crossing dies with an edit on its way; the user edits on."""
        path = self.chance.choice(LOOSE)
        self.rewrite(clone, path)
        self.killed(clone, point or self.chance.choice(POINTS[5:]), 1)
        self.rewrite(clone, path)
        self.sync(clone)

    def directory_gone_then_pulled(self, clone: Clone) -> None:
        """The user deletes a task; a pull of theirs brings back only the files that others changed."""
        other = self.chance.choice([one for one in self.clones if one is not clone])
        task = self.chance.choice(TASKS[:2])
        self.rewrite(other, f"{task}/{PARTS[1]}")
        self.sync(other)
        self.acts(clone, lambda: clone.user.remove(task), edits=True)
        self.git(clone, "pull")
        self.sync(clone)

    def renamed_and_edited(self, clone: Clone) -> None:
        """One renames what another edits."""
        other = self.chance.choice([one for one in self.clones if one is not clone])
        self.acts(clone, clone.user.rename, edits=True)
        if clone.user.moves:
            self.rewrite(other, clone.user.moves[0][0])
        first, second = self.chance.sample((clone, other), 2)
        self.sync(first)
        self.sync(second)
        self.sync(first)

    # -- answers

    def resolve(self, clone: Clone, take: Take | None = None, *, late: bool = False) -> None:
        """Answer one conflict as a person does who has looked at it; `late`: somebody saved or pushed since."""
        found = versions.held(clone.side.settings, host=clone.side.host)
        if not found:
            self.steps.append(f"{clone.name}: nothing to resolve")
            return
        held = self.chance.choice(found)
        take = take or self.chance.choice(list(Take))
        if take is Take.MERGED and held.merged is None:
            take = Take.GIVEN
        files = self._given(clone, held) if take is Take.GIVEN else {}
        if late:
            one = self.chance.choice(self.clones)
            self.rewrite(one, held.files[0].path)
            if one is not clone:
                self.sync(one)
        valid = self._is_as_seen(clone, held)
        unit = task_id(clone.side.name, held.unit)
        self.crossed(
            clone,
            f"resolve {held.unit} --take {take}",
            lambda: clone.side.sync(by_hand=True, answers={unit: Answer(take, held.version, files)}),
            permit=Permit(clone.strategy, {held.unit: take} if valid else {}),
        )

    def _is_as_seen(self, clone: Clone, held: versions.Held) -> bool:
        """Return whether both sides of a conflict still are what was looked at."""
        for seen, now in ((held.local, on_disk(clone.repo)), (held.remote, in_tree(self.remote, "main"))):
            other = held.remote if seen is held.local else held.local
            if any(now.get(path) != (seen[path].oid if path in seen else None) for path in {*seen, *other}):
                return False
        return True

    def _given(self, clone: Clone, held: versions.Held) -> dict[str, File | None]:
        """Return what a person makes of each file that differs: new content, written in the sight of both sides."""
        files: dict[str, File | None] = {}
        for file in held.files:
            sides = [f"{file.path}:{entry.oid}" for entry in (file.local, file.remote) if entry is not None]
            data = clone.user.body(file.path, None).encode()
            sides += [] if len(sides) == 2 else [clone.witness.at(file.path), self.versions.get(file.path, "")]
            self.lineage.wrote(file.path, data, filter(None, sides))
            files[file.path] = File(FILE, data)
        return files

    def push_with(self, clone: Clone, strategy: Strategy | None = None) -> None:
        """Push one task by hand, under a strategy for this once."""
        strategy = strategy or self.chance.choice(STRATEGIES)
        unit = self.chance.choice((*LOOSE, *TASKS))
        known = task_id(clone.side.name, unit)
        self.crossed(
            clone,
            f"push {unit} --strategy {strategy}",
            lambda: clone.side.sync(by_hand=True, tasks=frozenset({known}), strategies={known: strategy}),
            permit=Permit(clone.strategy, by_unit={unit: strategy}, asked=frozenset({unit})),
        )

    def undo(self, clone: Clone, *, latest: bool = False, point: str = "") -> None:
        """Undo an operation, perhaps one that was an undo; at a `point` the crossing dies.

        The remote's news come first, as they do in an undo itself: only then is it known what it replaces.
        """
        silent = Permit(clone.strategy, silent=True)
        self.crossed(clone, "pull", lambda: clone.side.sync(push=False, by_hand=True), permit=silent)
        choices = [done for done in clone.done if done.operation.undoable]
        if not choices:
            self.steps.append(f"{clone.name}: nothing to undo")
            return
        done = choices[-1] if latest else self.chance.choice(choices[-3:])
        tasks = [task.path for task in done.operation.tasks]

        def cross() -> Outcome:
            return undo.undo(clone.side.settings, done.operation.id, host=clone.side.host)

        outcome = self.crossed(
            clone,
            f"undo {done.operation.kind} {', '.join(tasks)}{f' killed at {point}' if point else ''}",
            (lambda: killed_at(clone.side, point, 1, cross)) if point else cross,
            early=True,
            fails=("was edited here since", "was changed at the remote since", "stands where something was then"),
            permit=Permit(clone.strategy, undoing=done.back),
        )
        if outcome is None or outcome.state in (State.FAILING, State.WAITING):
            return
        self.tally.undone += 1
        if outcome.operation is None:
            raise Violation(f"{clone.name}: the undo is in no log")
        now = on_disk(clone.repo)
        in_the_way = {task.path for task in outcome.tasks if "cannot be made" in (task.reason or "")}
        for path, version in done.back.local.items():
            if unit_of(path) in in_the_way:
                continue
            was = self.lineage.name(version)
            if now.get(path) != was:
                raise Violation(f"{clone.name}: {path} is {now.get(path)} after the undo, and was {was} before")
        clone.witness.observe_undone(task.path for task in done.operation.tasks)

    def undo_twice(self, clone: Clone) -> None:
        """Undo, and undo the undo, with perhaps an edit or a crossing between."""
        self.undo(clone)
        for _ in range(self.chance.randint(0, 2)):
            self.sync(self.chance.choice(self.clones))
        self.undo(clone, latest=True)
        self.sync(clone)


def drawn_strategies(chance: random.Random) -> list[Strategy]:
    """Return a conflict strategy for each of two to four clones; as often as not the same for all."""
    clones = chance.randint(2, 4)
    if chance.random() < 0.5:
        return [chance.choice(STRATEGIES)] * clones
    return [chance.choice(STRATEGIES) for _ in range(clones)]
