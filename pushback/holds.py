"""Which tasks a crossing leaves held, and what the record says of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gitferry.pushback.decision import UNDONE, Action, Decision
from gitferry.pushback.planning import Planned
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import Objects

_LOCALS_KEPT = 100  # contents of one held task that are listed; older ones stay reachable through the record's parents


class Holds:
    """Makes the holds of one crossing from what was planned."""

    def __init__(self, objects: Objects, planned: Planned, at: datetime) -> None:
        self._objects = objects
        self._planned = planned
        self._since = at.isoformat(timespec="seconds")

    def intended(self) -> tuple[Hold, ...]:
        """Return the holds that must stand before anything moves.

        A held task whose files are to be replaced stays held until they are: HEAD has passed the remote's change.
        """
        holds = []
        for decision in self._planned.decisions:
            old = self._planned.record.hold(decision.unit)
            if decision.action is Action.HOLD:
                holds.append(self._hold(decision, old))
            elif old is not None and decision.park:
                undone = old.state is HoldState.UNDONE
                holds.append(old if undone else replace(old, state=HoldState.PARKED))
            elif old is not None and decision.action in (Action.PULL, Action.MERGE):
                holds.append(old)
        return tuple(holds)

    def raced(self, holds: Iterable[Hold], reasons: Mapping[str, str]) -> tuple[Hold, ...]:
        """Return the holds with those of tasks that could not be replaced, whole or in part."""
        known = {hold.unit: hold for hold in holds}
        for decision in self._planned.decisions:
            if decision.unit in reasons:
                held = replace(decision, action=Action.HOLD, reason=reasons[decision.unit])
                hold = self._hold(held, known.get(decision.unit))
                if decision.action is not Action.HOLD and not decision.review:  # the tracked branch is no part of that
                    # What it held before we began is what both its halves come from.
                    hold = replace(hold, bases=(self._planned.sides.local,))
                known[decision.unit] = hold
        return tuple(known.values())

    def settled(self, holds: Iterable[Hold], reasons: Mapping[str, str]) -> tuple[Hold, ...]:
        """Return the holds without those whose task's files were replaced."""
        replaced = (Action.PULL, Action.MERGE)
        done = {d.unit for d in self._planned.decisions if d.action in replaced and not d.park}
        return tuple(hold for hold in holds if hold.unit not in done or hold.unit in reasons)

    def _still_with(self, old: Hold | None) -> str | None:
        """Return the task that a hold was joined to, where that is held and they are joined still.

        Both may be in conflict by themselves now. Once one is answered, what is made in its place is something else.
        """
        if old is None or old.partner is None:
            return None
        held = any(each.unit == old.partner and each.action is Action.HOLD for each in self._planned.decisions)
        joined = {frozenset(pair) for pair in self._planned.gathered.links}
        return old.partner if held and frozenset((old.unit, old.partner)) in joined else None

    def _hold(self, decision: Decision, old: Hold | None) -> Hold:
        view, sides = decision.view, self._planned.sides
        seen = view.held is not None and any(view.local == known for known in view.held.locals)
        locals_ = old.locals if old is not None else ()
        if not seen:
            locals_ = (*locals_, sides.local)[-_LOCALS_KEPT:]
        paths = self._planned.gathered.paths[decision.unit]
        theirs, commit = sides.upstream, sides.upstream_commit
        if old is not None and self._objects.content(old.theirs, paths) == view.remote.content:
            theirs, commit = old.theirs, old.theirs_commit  # the same content in another tree: nothing new to write
        bases = tuple(base.tree for base in decision.bases)
        if old is not None and view.held is not None and decision.bases == view.held.bases:
            bases = old.bases
        undone = old is not None and old.state is HoldState.UNDONE and (seen or decision.reason == UNDONE)
        return Hold(
            unit=decision.unit,
            kind=self._planned.gathered.units[decision.unit].kind,
            bases=bases,
            theirs=theirs,
            locals=locals_,
            reason=decision.reason or "",
            theirs_commit=commit,
            state=HoldState.UNDONE if undone else HoldState.ACTIVE,
            since=old.since if old is not None else self._since,
            partner=decision.partner or self._still_with(old),
            moved_from=view.moved_from,
            unsure=view.unsure,
        )
