"""Whether a task is fit to travel: as it is here, as it would merge, and by every check of what leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gitferry.pushback.decision import BOTH_CHANGED, Action, Decision, Policy, View, wait
from gitferry.pushback.describe import facts
from gitferry.pushback.feature_branch import is_there
from gitferry.pushback.findings import Finding, Weight
from gitferry.pushback.gather import Gathered
from gitferry.pushback.ground import Ground
from gitferry.pushback.rules import bases_of
from gitferry.pushback.sides import Sides
from gitferry.pushback.validation import Validator
from gitferry.repos.content import TREE, Entry
from gitferry.repos.observe import BEING_WRITTEN
from gitferry.repos.tasks import WHOLE, Grouping, Unit


@dataclass(frozen=True, slots=True)
class Soundness:
    """What stops the tasks of one plan."""

    ground: Ground
    gathered: Gathered
    sides: Sides
    grouping: Grouping

    def here(self, view: View) -> View:
        """Return the view, blocked where the local content is no valid task."""
        if view.blocked is not None:
            return replace(view, invalid=view.blocked != BEING_WRITTEN)
        unit = self.gathered.units[view.unit]
        if unit.kind == "file" or view.local == view.head or not view.carry or not self._stands(unit, view):
            return view
        fault = self._fault(self.sides.local, unit)
        if fault is None or self._fault(self.sides.head, unit) == fault:
            return view  # what it lacked before, as where the remote made a task of it only now, no edit broke
        return replace(view, blocked=fault, invalid=True)

    def merged(self, decisions: Iterable[Decision]) -> list[Decision]:
        """Return the decisions, those held whose merge would be no valid task."""
        result = []
        for decision in decisions:
            fault = self._fault_of_merge(decision)
            if fault is not None:
                decision = _held(decision, f"{BOTH_CHANGED}, and the merge would be no valid task: {fault}")
            result.append(decision)
        return result

    def leaving(
        self, decisions: Sequence[Decision], policy: Policy, validator: Validator
    ) -> tuple[list[Decision], dict[str, tuple[Finding, ...]]]:
        """Return the decisions, those stopped whose content must not leave, and what was found, by task."""
        going = [each for each in decisions if _leaves(each) and policy.push and not is_there(each.view, policy)]
        changes: dict[str, Entry | None] = {}
        for each in going:
            changes |= {path: each.carried.get(path) for path in self.gathered.paths[each.unit]}
        tree = self.ground.objects.apply(self.sides.upstream, changes)
        findings: dict[str, tuple[Finding, ...]] = {}
        for each in going:
            found = validator.task(self.gathered.units[each.unit], each.view.remote.content, each.carried, tree)
            if found:
                findings[each.unit] = found
        return [_stopped(each, findings.get(each.unit, ())) for each in decisions], findings

    def _stands(self, unit: Unit, view: View) -> bool:
        """Whether the working tree has a file of the task; those of a task inside it are not its own."""
        if view.local.present:
            return True  # also where it is a task no longer by its manifest, and is one because it is held
        objects = self.ground.objects
        found = objects.at(self.sides.local, unit.path)
        if found is None or found.mode != TREE:
            return False
        prefix = "" if unit.path == WHOLE else unit.path + "/"
        return any(self.grouping.unit_of(path).path == unit.path for path, _ in objects.walk(found.oid, prefix))

    def _fault(self, tree: str, unit: Unit) -> str | None:
        """Return why a root tree holds no valid task there."""
        return facts(self.ground.objects, tree, unit, self.ground.settings.tasks.manifests).fault

    def _fault_of_merge(self, decision: Decision) -> str | None:
        unit, sides = self.gathered.units[decision.unit], self.sides
        for content in (decision.merged, decision.joined):
            if content and unit.kind != "file":
                changes = {path: content.get(path) for path in self.gathered.paths[decision.unit]}
                found = self._fault(self.ground.objects.apply(sides.upstream, changes), unit)
                known = (self._fault(tree, unit) for tree in (sides.upstream, sides.head))
                if found is not None and found not in known:
                    return found
        return None


def _leaves(decision: Decision) -> bool:
    """Whether a decision sends the task's content to the remote, to whatever branch."""
    return decision.action in (Action.PUSH, Action.MERGE) or decision.review


def _stopped(decision: Decision, findings: Iterable[Finding]) -> Decision:
    stops = [found for found in findings if found.weight is Weight.STOP]
    if not stops:
        return decision
    more = f" (and {len(stops) - 1} more)" if len(stops) > 1 else ""
    reason = f"{stops[0]}{more}"
    if decision.action is Action.MERGE:
        return _held(decision, reason)
    view = replace(decision.view, blocked=reason, invalid=True)
    return replace(wait(decision, reason), view=view, review=False)


def _held(decision: Decision, reason: str) -> Decision:
    view = decision.view
    committed = None if decision.committed is None else Action.HOLD
    return Decision(view, Action.HOLD, reason, bases_of(view, view.held), committed=committed)
