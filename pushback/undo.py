"""Undo one operation: the local side as it was, and a reverting commit where it was pushed. Never a rewrite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gitferry.config.errors import GitferryError
from gitferry.config.model import Repository
from gitferry.pushback import answer, operations
from gitferry.pushback.carry import Carrier, Undoing
from gitferry.pushback.commit import NewCommit, Tip
from gitferry.pushback.crossing import Crossing
from gitferry.pushback.decision import UNDONE, UNDONE_CONFLICT, Action, Decision, Side, View
from gitferry.pushback.gather import Gathered
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.host import Host
from gitferry.pushback.operations import Entered
from gitferry.pushback.outcome import Outcome, Request, TaskChange
from gitferry.pushback.planning import Planned, Planner
from gitferry.pushback.readiness import Waits, require_ready, tracked_branch
from gitferry.repos import record as records
from gitferry.repos.content import Content, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.lock import lane_lock
from gitferry.repos.record import Record
from gitferry.repos.tasks import Unit


class CannotUndo(GitferryError):
    """Something was changed since; undoing would overwrite it."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """One task's way back: the files, and what both sides will hold."""

    unit: Unit
    name: str
    paths: tuple[str, ...]
    local: Content
    upstream: Content
    base: str | None = None  # root tree that both come from, where both went on from it; None: the remote's new one


def undo(repository: Repository, op_id: str, *, host: Host) -> Outcome:
    """Undo an operation of this repository. Raises NoSuchOperation; other troubles are in the outcome.

    First the remote's news come in, so that the undo starts from what both sides have now.
    """
    at = host.clock()
    try:
        with opened(repository, host) as ground, lane_lock(ground.place.common_dir, wait=host.lock_wait):
            entered = operations.find(ground.objects, op_id)
            if not entered.operation.undoable:
                raise CannotUndo(
                    f"{entered.operation.id} cannot be undone: it replaced nothing here or on the tracked branch",
                    "others may be looking at what it sent for review: answer the conflict with `gitferry resolve`",
                )
            pulled = Crossing(ground, Request("undo", fetch=True, push=False, by_hand=True), at).run()
            if pulled.error is not None:
                return pulled
        with opened(repository, host) as ground, lane_lock(ground.place.common_dir, wait=host.lock_wait):
            return _Undo(ground, entered, at).run()
    except Waits as waits:
        return answer.waiting(repository, at, waits)
    except operations.NoSuchOperation:
        raise
    except GitferryError as error:
        return answer.failed(repository, at, error)


class _Undo:
    def __init__(self, ground: Ground, entered: Entered, at: datetime) -> None:
        self._ground = ground
        self._objects = ground.objects
        self._entered = entered
        self._at = at
        self._planner = Planner(ground, Request("undo", by_hand=True), at)

    def run(self) -> Outcome:
        ground, record = self._ground, records.load(self._ground.objects, tracked_branch(self._ground))
        require_ready(ground, record)
        head, upstream = ground.state.head, self._planner.upstream()
        if head != upstream or record.journal is not None:
            raise Waits("the undo needs both sides on one commit first", "gitferry sync, then undo again")
        sides, seen, _ = self._planner.look(record, head, upstream)
        reversals = [self._reversal(change, sides.upstream, seen.disk) for change in self._entered.operation.tasks]
        upstream_changes = _changes(reversals, "upstream")
        target_tree = self._objects.apply(sides.upstream, upstream_changes)
        tip = Tip(head, sides.upstream, ())
        if target_tree != sides.upstream:
            tip = self._commit(head, target_tree, reversals)
        local = self._objects.apply(seen.disk, _changes(reversals, "local"))
        self._require_room(reversals, seen.disk, local)
        decisions = tuple(self._decision(one, sides.local, sides.upstream) for one in reversals)
        gathered = Gathered(
            tuple(decision.view for decision in decisions),
            {one.unit.path: one.paths for one in reversals},
            {one.unit.path: one.unit for one in reversals},
            (),
        )
        planned = Planned(sides, seen, gathered, decisions, record)
        entered = self._entered
        answered = {change.path: change.answered for change in entered.operation.tasks if change.answered is not None}
        holds = self._holds(record, reversals, tip, local)
        back = Undoing(local, holds, entered.operation.id, answered, entered.base)
        carried = Carrier(ground, planned, self._planner.observer, "request", self._at, back).carry(tip)
        outcome = answer.crossed(ground, planned, carried, tip, self._at)
        if carried.raced:
            unit, why = next(iter(carried.raced.items()))
            outcome = replace(outcome, error=f"{unit} is not restored: {why}", hint="gitferry show tells what it was")
        return replace(outcome, notes=(*outcome.notes, *_notes(reversals)))

    def _reversal(self, change: TaskChange, upstream: str, disk: str) -> Reversal:
        """Return the way back of one task. Raises CannotUndo where it was edited here since.

        What we pushed is reverted only where the remote still has it; where it went on from there, that is a conflict.
        """
        entered, content, files = self._entered, self._objects.content, change.files
        now, here = content(upstream, files), content(disk, files)
        if here not in (content(entered.local_after, files), now):
            raise CannotUndo(f"{change.name} was edited here since", "gitferry show tells what the operation did")
        was, became = content(entered.upstream_before, files), content(entered.upstream_after, files)
        pushed = change.action != "pull" and was != became
        reverts = pushed and now == became
        before = content(entered.local_before, files)
        base = None if change.answered is None else entered.base
        if pushed and not reverts:  # what comes back here was made of what we pushed, or it is what came before that
            base = entered.upstream_after if before == became else base or entered.upstream_before
        is_file = files == (change.path,)
        return Reversal(
            Unit(change.path, "file" if is_file else "repository" if change.path == "." else "directory", True),
            change.name,
            files,
            before,
            was if reverts else now,
            base,
        )

    def _require_room(self, reversals: list[Reversal], disk: str, local: str) -> None:
        """Raise CannotUndo where something else stands in the place of a file that is to come back."""
        ours = {path for one in reversals for path in one.paths}
        other = next((path for path in self._objects.changed(disk, local) if path not in ours), None)
        if other is not None:
            raise CannotUndo(f"{other} stands where something was then", "move it away, and undo again")

    def _commit(self, head: str | None, tree: str, reversals: list[Reversal]) -> Tip:
        names = ", ".join(one.name for one in reversals)
        message = f"Undo {names}\n\nThis reverts what gitferry carried as {self._entered.operation.id}.\n"
        oid = self._ground.write_commit(tree, [head] if head else [], message)
        return Tip(oid, tree, (NewCommit(oid, message, tuple(one.unit.path for one in reversals)),))

    def _decision(self, one: Reversal, local: str, upstream: str) -> Decision:
        side = Side(one.local, local)
        view = View(one.unit.path, side, side, Side(one.upstream, upstream), ())
        if one.local == one.upstream:
            return Decision(view, Action.PULL, UNDONE)
        waits = one.base is None
        return Decision(view, Action.HOLD, UNDONE if waits else UNDONE_CONFLICT, pending=waits)

    def _holds(self, record: Record, reversals: list[Reversal], tip: Tip, local: str) -> tuple[Hold, ...]:
        """An undone task waits: its local side differs from the remote's and must not travel by itself."""
        undone = {one.unit.path: one for one in reversals}
        holds = [hold for hold in record.holds if hold.unit not in undone]
        for path, one in undone.items():
            if one.local != one.upstream:
                # What was held never had the remote's content, and has it no more by being put back further.
                known = record.hold(path)
                bases = known.bases if known is not None else (one.base or tip.tree,)
                holds.append(
                    Hold(
                        path,
                        one.unit.kind,
                        bases=bases,
                        theirs=tip.tree,
                        locals=(local,),
                        reason=UNDONE,
                        theirs_commit=tip.commit,
                        state=HoldState.UNDONE,
                        since=self._at.isoformat(timespec="seconds"),
                    )
                )
        return tuple(holds)


def _changes(reversals: list[Reversal], side: str) -> dict[str, Entry | None]:
    changes: dict[str, Entry | None] = {}
    for one in reversals:
        content: Content = getattr(one, side)
        changes |= {path: content.get(path) for path in one.paths}
    return changes


def _notes(reversals: list[Reversal]) -> Iterator[str]:
    """Yield what to know of the tasks whose two sides are not the same now."""
    apart = [one for one in reversals if one.local != one.upstream]
    waits = ", ".join(one.name for one in apart if one.base is None)
    both = ", ".join(one.name for one in apart if one.base is not None)
    if waits:
        yield (
            f"your files are as they were before that operation; {waits} waits until edited or pushed by hand (git"
            " restore PATH takes the remote's)"
        )
    if both:
        yield f"your files are as they were before that operation; both sides changed {both}: `gitferry resolve` it"
