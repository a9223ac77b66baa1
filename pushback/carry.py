"""Carry out a plan. The order is the promise: after any prefix of it and a crash, the next crossing goes on rightly.

Record (holds, own commits, journal) → push → operation → working tree, file by file → holds for what raced → index →
HEAD → journal closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gitferry.config.errors import GitferryError
from gitferry.pushback import operations
from gitferry.pushback.advance import advance, require_head, staged_in_the_way
from gitferry.pushback.checkout import Steps, check_out, left_out, patterns_now
from gitferry.pushback.commit import Tip
from gitferry.pushback.decision import Action, Decision
from gitferry.pushback.describe import first_facts
from gitferry.pushback.gitlinks import file_of, make_places
from gitferry.pushback.ground import Ground
from gitferry.pushback.holds import Holds
from gitferry.pushback.outcome import Operation, TaskChange
from gitferry.pushback.planning import Planned
from gitferry.pushback.readiness import Waits
from gitferry.pushback.send import send
from gitferry.repos import record
from gitferry.repos.content import Entry
from gitferry.repos.hold import Hold
from gitferry.repos.objects import EMPTY_TREE
from gitferry.repos.observe import Observer
from gitferry.repos.record import Journal, Record
from gitferry.repos.reflog import newest
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.tasks import task_id

_SENT_KEPT = 5  # pushes without an answer in a row; the remote had the oldest, if any


@dataclass(frozen=True, slots=True)
class Carried:
    """What was done."""

    record: Record
    raced: Mapping[str, str]  # task → what kept it from being replaced
    operation: Operation | None


@dataclass(frozen=True, slots=True)
class Undoing:
    """What an undo carries instead of the usual: the working tree's new content, the holds, the operation undone."""

    target: str  # root tree
    holds: tuple[Hold, ...]  # all that are held afterwards
    undone: tuple[Hold, ...]  # those of them that this undo changes
    operation: str
    answered: Mapping[str, str]  # of the tasks that both sides had changed, which side that operation gave each to
    base: str  # root tree of what those came from


class Carrier:
    """Carries out one plan on one repository."""

    def __init__(
        self,
        ground: Ground,
        planned: Planned,
        observer: Observer,
        cause: str,
        at: datetime,
        back: Undoing | None = None,
    ) -> None:
        self._ground = ground
        self._objects = ground.objects
        self._planned = planned
        self._sides = planned.sides
        self._seen = planned.seen
        self._gathered = planned.gathered
        self._observer = observer
        self._cause = cause
        self._at = at
        self._back = back
        self._holds = Holds(ground.objects, planned, at)

    def carry(self, tip: Tip) -> Carried:
        """Do what was planned. Raises Waits, PushRefused, RemoteError; nothing local is replaced then."""
        before = self._planned.record
        staged = staged_in_the_way(self._objects, self._sides, self._seen, tip)
        if staged is not None:
            self._save(replace(before, snapshots=(self._seen.disk,)), before)  # what was read may be gone next time
            raise Waits(
                f"you have staged {staged}, which the remote changes too", "commit it, or unstage it with git reset"
            )
        steps = self._steps(tip)
        current = self._save(self._intent(tip, steps), before)
        pushed = self._push(tip, before, current)
        operation = self._enter(tip, current, pushed, steps)
        raced: dict[str, str] = {}
        if tip.commit != self._sides.head_commit or steps:
            require_head(self._ground, self._sides)
            left = left_out(self._ground, steps, tip.tree, current)
            raced, left = check_out(self._ground, self._observer, self._seen.disk, steps, left)
            make_places(self._ground, self._sides.head, tip.tree, patterns_now(self._ground))
            if raced:
                current = self._save(self._with_raced(current, raced), current)
            advance(self._ground, self._sides, self._seen, tip, left)
        return Carried(self._close(current, tip, raced), raced, operation)

    def _with_raced(self, current: Record, raced: Mapping[str, str]) -> Record:
        if self._back is None or current.journal is None:
            return replace(current, holds=self._holds.raced(current.holds, raced))
        holds = self._holds.raced(self._back.holds, raced)
        return replace(current, holds=holds, journal=replace(current.journal, undone=()))

    def _push(self, tip: Tip, before: Record, current: Record) -> tuple[str, ...]:
        """Push what the remote lacks; return the commits that reached it, oldest first."""
        upstream, going = self._ground.state.upstream, tuple(self._going(tip))
        if not going or upstream is None:
            return ()
        try:
            require_head(self._ground, self._sides)  # what the user took back since must not arrive
            send(self._ground, upstream, self._sides, tip)
        except GitferryError as error:
            # What was recorded as ours stays so, and from what we set out: the push may have arrived although nobody
            # said it.
            sent = before.sent
            if isinstance(error, RemoteError) and current.journal is not None:
                sent = (*sent, current.journal)[-_SENT_KEPT:]
            self._save(replace(before, oid=current.oid, own=current.own, journal=None, sent=sent), current)
            raise
        return going

    def _intent(self, tip: Tip, steps: Steps) -> Record:
        """Return the record that must stand before anything moves."""
        before, decisions = self._planned.record, self._planned.decisions
        # What was moved here from another branch is in that one's record, which tells whose it is.
        stays = (d for d in decisions if d.action is Action.WAIT or (d.action is Action.MERGE and d.review))
        waits = (d for d in stays if d.view.moved_from is None)
        waiting = tuple(sorted(d.unit for d in waits if d.view.carry))
        guarded = tuple(sorted(d.unit for d in decisions if d.guarded))
        if self._back is not None:
            waiting, guarded = before.waiting, before.guarded
        intent = replace(
            before.with_own(self._going(tip)),
            holds=self._holds.intended() if self._back is None else before.holds,
            waiting=waiting,
            guarded=guarded,
            snapshots=(self._seen.disk,) if waiting else before.snapshots,
        )
        goes = not self._planned.held_back and tip.commit != self._sides.upstream_commit
        if tip.commit == self._sides.head_commit and not goes and not steps:
            return intent
        return replace(intent, journal=self._journal(tip, steps), sequence=before.sequence + 1)

    def _going(self, tip: Tip) -> Iterator[str]:
        """Yield the commits that the push will carry, the user's own among them, oldest first."""
        old = self._sides.upstream_commit
        if tip.commit is not None and tip.commit != old and not self._planned.held_back:
            yield from (commit.oid for commit in reversed(self._objects.between((old,) if old else (), tip.commit)))

    def _enter(self, tip: Tip, current: Record, pushed: tuple[str, ...], steps: Steps) -> Operation | None:
        """Write the operation down, and with it the local state that is about to be replaced."""
        changes = self._changes(tip, steps)
        if not changes and not pushed:
            return None
        sides, ground = self._sides, self._ground
        operation = Operation(
            id="",
            repository=ground.settings.name,
            at=self._at,
            cause=self._cause,
            kind="sync" if self._back is None else "undo",
            host=ground.host.hostname,
            user=ground.host.user,
            tasks=changes,
            commits=pushed,
            head_before=sides.head_commit,
            head_after=tip.commit,
            upstream_before=sides.upstream_commit,
            upstream_after=tip.commit,
            undoable=bool(changes),
            undoes=None if self._back is None else self._back.operation,
        )
        after = current.journal.after if current.journal is not None else self._seen.disk
        return operations.enter(
            self._objects,
            operations.Entered(
                operation,
                current.sequence,
                current.branch,
                self._seen.disk,
                after,
                sides.upstream,
                tip.tree,
                self._base(changes) if self._back is None else self._back.base,
            ),
        )

    def _changes(self, tip: Tip, steps: Steps) -> tuple[TaskChange, ...]:
        changes = []
        carried = {unit for commit in tip.commits for unit in commit.units}
        for decision in self._planned.decisions:
            unit = self._gathered.units[decision.unit]
            paths = self._gathered.paths[decision.unit]
            if self._back is not None:
                action, files = "revert" if decision.unit in carried else "restore", paths
            elif Action.MERGE in (decision.action, decision.committed) and not decision.review:
                action, files = "merge", self._differing(paths, self._sides.upstream, self._seen.disk, tip.tree)
            elif decision.unit in steps:
                action, files = "pull", tuple(path for path, _ in steps[decision.unit])
            elif decision.unit in carried or decision.committed is Action.PUSH:
                action, files = "push", self._differing(paths, self._sides.upstream, tip.tree)
            else:
                continue
            found = first_facts(
                self._objects,
                (tip.tree, self._sides.head, self._sides.local),
                unit,
                self._ground.settings.tasks.manifests,
            )
            task = task_id(self._ground.settings.name, unit.path)
            take = None if decision.answered is None else decision.answered.value
            if self._back is not None:
                take = self._back.answered.get(unit.path)
            changes.append(
                TaskChange(
                    task,
                    found.name,
                    unit.path,
                    action,
                    files,
                    take,
                    self._planned.approved_by(unit.path),
                    self._planned.excused(unit.path),
                )
            )
        return tuple(changes)

    def _base(self, changes: tuple[TaskChange, ...]) -> str:
        """Return a tree of what both sides came from in the tasks that both had changed: an undo leads back to it."""
        answered = {change.path for change in changes if change.answered is not None}
        known: dict[str, Entry | None] = {}
        for decision in self._planned.decisions:
            if decision.unit in answered and decision.bases:
                known |= decision.bases[0].content
        return self._objects.apply(EMPTY_TREE, known)

    def _differing(self, paths: Iterable[str], *trees: str) -> tuple[str, ...]:
        """Return those of `paths` that are not the same in all the root trees."""
        return tuple(p for p in paths if len({self._objects.file_at(tree, p) for tree in trees}) > 1)

    def _steps(self, tip: Tip) -> Steps:
        """Return, for each task, its files whose content on disk must become another."""
        steps = {}
        for decision in self._planned.decisions:
            target = self._sides.local  # differs from the disk where a dead crossing had begun what is not to be now
            if self._back is not None:
                target = self._back.target
            elif decision.review and decision.merged is not None:
                target = self._with_merged(decision)
            elif decision.action in (Action.PULL, Action.MERGE):
                target = tip.tree
            files = []
            for path in self._gathered.paths[decision.unit]:
                new, now = (file_of(self._objects, tree, path) for tree in (target, self._seen.disk))
                if new != now:
                    files.append((path, new))
            if files:
                steps[decision.unit] = tuple(files)
        return steps

    def _with_merged(self, decision: Decision) -> str:
        """Return a root tree that has what one task gets without the tracked branch getting it."""
        content = decision.merged or {}
        changes = {path: content.get(path) for path in self._gathered.paths[decision.unit]}
        return self._objects.apply(self._seen.disk, changes)

    def _journal(self, tip: Tip, steps: Steps) -> Journal:
        changes = {path: entry for files in steps.values() for path, entry in files}
        after = self._objects.apply(self._seen.disk, changes)
        undone = () if self._back is None else self._back.undone
        return Journal(
            self._sides.head_commit, tip.commit or "", self._seen.disk, after, tuple(sorted(changes)), undone
        )

    def _close(self, current: Record, tip: Tip, raced: Mapping[str, str]) -> Record:
        agreed = self._sides.upstream_commit if self._planned.held_back else tip.commit
        fetched = current.fetched or agreed is not None
        if self._back is None:
            holds = self._holds.settled(current.holds, raced)
        else:
            holds = current.holds if raced else self._back.holds
        snapshots = current.snapshots
        if current.journal is not None and snapshots == (self._seen.disk,) and not raced:
            snapshots = (current.journal.after,)  # as it is now; what was replaced is in the operation
        done = replace(
            current,
            holds=holds,
            journal=None,
            sent=tuple(one for one in current.sent if not self._is_settled(one, tip)),
            snapshots=snapshots,
            agreed=agreed or current.agreed,
            head=tip.commit,
            log=self._log(tip),
            seen=None,
            fetched=fetched,
        )
        return self._save(done, current, head=tip.commit)

    def _log(self, tip: Tip) -> str | None:
        """Return the newest entry of HEAD's log: ours, or as we looked. What the user did since is to be seen yet."""
        ours = newest(self._objects, tip.commit) if tip.commit not in (None, self._sides.head_commit) else None
        return ours or self._sides.log

    def _is_settled(self, sent: Journal, tip: Tip) -> bool:
        """Whether HEAD has by now what a push that nobody acknowledged set out to bring."""
        here = tip.commit is not None and self._objects.has(sent.tip)
        return here and self._objects.is_ancestor(sent.tip, tip.commit or "")

    def _save(self, new: Record, old: Record, *, head: str | None = None) -> Record:
        if replace(new, oid=old.oid) == old:
            return old
        return record.save(
            self._objects,
            replace(new, oid=old.oid),
            head=head or self._sides.head_commit,
            at=self._ground.host.clock(),
        )
