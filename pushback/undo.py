"""Undo one operation: the local side as it was, and a reverting commit where it was pushed. Never a rewrite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gitferry.config.errors import GitferryError
from gitferry.config.model import Repository
from gitferry.pushback import answer, operations
from gitferry.pushback.carry import Carrier, Undoing
from gitferry.pushback.commit import NewCommit, Tip
from gitferry.pushback.crossing import Crossing
from gitferry.pushback.decision import UNDONE, UNDONE_CONFLICT, Action, Decision, Side, View
from gitferry.pushback.gather import Gathered, Gatherer
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.host import Host
from gitferry.pushback.operations import Entered
from gitferry.pushback.outcome import Outcome, Request, TaskChange
from gitferry.pushback.planning import Planned, Planner
from gitferry.pushback.readiness import Waits, require_ready, tracked_branch
from gitferry.pushback.sides import Sides
from gitferry.pushback.undone import Held, Undone
from gitferry.repos import record as records
from gitferry.repos.content import Content, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.lock import lane_lock
from gitferry.repos.observe import Observation
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
    as_held: bool = False  # that is what its hold says, where it has one


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
        local = self._objects.apply(seen.disk, _changes(reversals, "local"))
        self._require_room(reversals, sides.upstream, target_tree)
        self._require_room(reversals, seen.disk, local)
        tip = Tip(head, sides.upstream, ())
        if target_tree != sides.upstream:
            tip = self._commit(head, target_tree, reversals)
        held = self._held(record, reversals, sides, seen, tip, local)
        decisions = tuple(self._decision(one, record, held.all, sides) for one in reversals)
        gathered = Gathered(
            tuple(decision.view for decision in decisions),
            {one.unit.path: one.paths for one in reversals},
            {one.unit.path: one.unit for one in reversals},
            (),
        )
        planned = Planned(sides, seen, gathered, decisions, record)
        entered = self._entered
        answered = {change.path: change.answered for change in entered.operation.tasks if change.answered is not None}
        back = Undoing(local, held.all, held.changed, entered.operation.id, answered, entered.base)
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
        restored = content(entered.local_after, files) != became  # beside what the remote had
        if now != became:  # the remote went on from it
            if before in (was, became):
                base = entered.upstream_after
            elif base is None:
                base = entered.upstream_before if pushed else entered.upstream_after
        is_file = files == (change.path,)
        return Reversal(
            Unit(change.path, "file" if is_file else "repository" if change.path == "." else "directory", True),
            change.name,
            files,
            before,
            was if reverts else now,
            base,
            as_held=not pushed and restored and before not in (was, became),
        )

    def _require_room(self, reversals: list[Reversal], now: str, then: str) -> None:
        """Raise CannotUndo where something else stands, on one side, in the place of a file that is to come back."""
        ours = {path for one in reversals for path in one.paths}
        other = next((path for path in self._objects.changed(now, then) if path not in ours), None)
        if other is not None:
            raise CannotUndo(f"{other} stands where something was then", "move it away, and undo again")

    def _commit(self, head: str | None, tree: str, reversals: list[Reversal]) -> Tip:
        names = ", ".join(one.name for one in reversals)
        message = f"Undo {names}\n\nThis reverts what gitferry carried as {self._entered.operation.id}.\n"
        oid = self._ground.write_commit(tree, [head] if head else [], message)
        return Tip(oid, tree, (NewCommit(oid, message, tuple(one.unit.path for one in reversals)),))

    def _decision(self, one: Reversal, record: Record, held: tuple[Hold, ...], sides: Sides) -> Decision:
        side = Side(one.local, sides.local)
        view = View(one.unit.path, side, side, Side(one.upstream, sides.upstream), ())
        then = _covering(held, one.paths)
        if then is None or then.state is HoldState.PARKED:
            return Decision(view, Action.PULL, UNDONE)
        known = _covering(record.holds, one.paths)
        trees = (sides.local,) if known is None else known.bases
        bases = tuple(Side(self._objects.content(tree, one.paths), tree) for tree in trees)
        waits = one.base is None
        return Decision(view, Action.HOLD, UNDONE if waits else UNDONE_CONFLICT, bases, pending=waits)

    def _held(
        self, record: Record, reversals: list[Reversal], sides: Sides, seen: Observation, tip: Tip, local: str
    ) -> Held:
        """Return what is held then. An undone task waits: its local side must not travel by itself."""
        grouping = self._planner.grouping((sides.head, sides.upstream, seen.disk, tip.tree, local))
        gatherer = Gatherer(self._objects, record, sides, seen, grouping, record.branch)
        bases = {path: None if one.as_held else one.base or tip.tree for one in reversals for path in one.paths}
        return Undone(self._objects, record, gatherer, local, tip, self._at).holds(bases)


def _covering(holds: Iterable[Hold], paths: Iterable[str]) -> Hold | None:
    """Return the innermost hold that one of these files belongs to."""
    found = [hold for hold in holds if any(hold.covers(path) for path in paths)]
    return max(found, key=lambda hold: len(hold.unit), default=None)


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
