"""What should become of each task: pure decisions on values, in the order that docs/crossing.md gives.

l = the working tree, h = HEAD, r = the upstream tip, m = the merge base of HEAD and the upstream tip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gitferry.pushback.decision import (
    BOTH_CHANGED,
    PENDING,
    REVIEW_GONE,
    STAGED,
    TRAVELS,
    UNDONE,
    UNDONE_CONFLICT,
    UNSURE,
    Action,
    Decision,
    HeldView,
    Merge,
    Policy,
    Side,
    View,
    clean,
    wait,
)
from gitferry.pushback.feature_branch import is_there
from gitferry.pushback.linking import linked, together
from gitferry.pushback.outcome import PushStatus, Strategy, Take
from gitferry.pushback.rules import bases_of, goes_on, rules
from gitferry.pushback.strategies import by_answer, by_strategy
from gitferry.repos.hold import HoldState


def plan(views: Iterable[View], policy: Policy, merge: Merge, links: Iterable[tuple[str, str]] = ()) -> list[Decision]:
    """Return one decision for each task. `links` are pairs that one rename joins: they share their fate."""
    known, pairs = {view.unit: view for view in views}, tuple(links)

    def contest(view: View) -> Decision:
        # No base: what each side has of it is what it made of another task.
        held = Decision(view, Action.HOLD, committed=Action.HOLD if view.committed else None)
        return _restrained(held, policy, merge)

    decisions = together([decide(view, policy, merge) for view in known.values()], known, pairs, merge, contest)
    return linked(decisions, known.values(), pairs)


def decide(view: View, policy: Policy, merge: Merge) -> Decision:
    """Return what becomes of one task: the user's own unpushed commits of it first, then what was edited beyond."""
    if not view.committed or policy.review or policy.lacks_word(view.unit):
        return _edited(view, None, policy, merge)  # the user's commits stay here: what counts is the working tree
    verdict = rules(replace(view, passed=()), view.head, merge)
    answered = view.unit in policy.answers
    undone = _undone(view, view.head, policy) or _undone(view, view.local, policy)
    if verdict.action is Action.PUSH and not answered and not undone:
        # The user's commit travels as it is; what is edited beyond it goes on top of it.
        return _edited(_on_top(view, view.head, _beyond(view, view.head, merge)), Action.PUSH, policy, merge)
    if verdict.action is Action.HOLD and not answered and _restraint(view, policy) is None:
        strategy = policy.strategy_of(view.unit)
        if strategy is Strategy.TAKE_LOCAL:
            ours = _edited(_on_top(view, view.head), Action.PUSH, policy, merge)
            return replace(ours, answered=Take.LOCAL, bases=verdict.bases)
        joined = clean(verdict.bases, view.head, view.remote, merge) if strategy is Strategy.MERGE else None
        if joined is not None:
            both = Side(joined)
            beyond = _edited(_on_top(view, both, _beyond(view, both, merge)), Action.MERGE, policy, merge)
            if beyond.action in (Action.AGREED, *TRAVELS):
                return replace(beyond, joined=joined, answered=Take.MERGED, bases=verdict.bases)
    return _edited(view, Action.HOLD, policy, merge)


def _on_top(view: View, commit: Side, held: HeldView | None = None) -> View:
    """Return the view of what was edited beyond the user's commit, which will be upstream as `commit`."""
    return replace(view, remote=commit, bases=(view.head,), agreed=None, passed=(), parted=None, held=held, touches=())


def _beyond(view: View, commit: Side, merge: Merge) -> HeldView | None:
    """Return the hold that stays on what was edited beyond the user's commit; None where that was made of the commit.

    Who commits another file of a task in conflict has not answered it: the rest is made from what the hold says still,
    unless it has the remote's change in it, or the commit has all that was held.
    """
    held = view.held

    def has(one: Side, other: Side) -> bool:
        bases = () if held is None else held.bases
        return bool(bases) and all(merge(b.content, one.content, other.content) == one.content for b in bases)

    if held is None or has(view.local, view.remote) or any(has(commit, known) for known in held.locals[-1:]):
        return None
    return held


def _edited(view: View, committed: Action | None, policy: Policy, merge: Merge) -> Decision:
    if view.unread:
        bases = (view.remote,) if goes_on(view, view.held) else bases_of(view, view.held)
        return wait(Decision(view, Action.WAIT, bases=bases, committed=committed), view.blocked or "")
    verdict = rules(view, view.local, merge)
    decision = Decision(view, verdict.action, bases=verdict.bases, committed=committed)
    answer = policy.answers.get(view.unit)
    if answer is not None and (verdict.action is Action.HOLD or (view.held is not None and verdict.action in TRAVELS)):
        return by_answer(replace(decision, action=Action.HOLD), answer, policy, merge)
    if verdict.action is Action.PULL and _undone(view, view.local, policy):
        return replace(decision, action=Action.HOLD, reason=UNDONE_CONFLICT)
    if view.held is not None and verdict.action in (Action.AGREED, Action.PULL):
        return replace(decision, park=view.elsewhere)
    if verdict.action in (Action.AGREED, Action.PULL):
        return decision
    return _restrained(decision, policy, merge)


def _undone(view: View, local: Side, policy: Policy) -> bool:
    held = view.held
    return (
        held is not None
        and held.state is HoldState.UNDONE
        and not policy.asks(view.unit)
        and any(local == seen for seen in held.locals)
    )


@dataclass(frozen=True, slots=True)
class Restraint:
    """Why a task's local content may not travel now."""

    reason: str
    by_hand: bool = False  # a push by hand would let it
    status: PushStatus | None = None


def _restraint(  # noqa: PLR0911 - a return for each
    view: View, policy: Policy, *, contested: bool = False
) -> Restraint | None:
    """Return why the local content may not travel now; None where it may. `contested`: the remote changed it too."""
    if not view.carry:
        return Restraint("it is in no task")
    if view.staged:
        return Restraint(STAGED)
    if view.blocked is not None:
        return Restraint(view.blocked)
    if view.unsure and view.unit not in policy.strategies:
        return Restraint(UNSURE)
    if _undone(view, view.local, policy):
        return Restraint(UNDONE, by_hand=True)
    if is_there(view, policy):
        gone = view.reviewed is not None and view.reviewed.gone and not policy.asks(view.unit)
        if gone or not contested:  # what answers a conflict would have to travel
            return Restraint(REVIEW_GONE, by_hand=True) if gone else None
    if view.moved_from is not None and not policy.asks(view.unit):
        reason = f"moved here from branch {view.moved_from}: switch back, or `gitferry push` it"
        return Restraint(reason, by_hand=True)
    if not policy.push:
        return Restraint(policy.off, by_hand=True)
    lacking = policy.lacks_word(view.unit)
    if lacking is not None:
        return Restraint(lacking[0], by_hand=True, status=lacking[1])
    asked = policy.asks(view.unit) or view.unit in policy.approved
    if (policy.only_asked or not policy.automatic) and not asked:
        return Restraint(PENDING, by_hand=True)
    return None


def _restrained(decision: Decision, policy: Policy, merge: Merge) -> Decision:
    """Turn a push into a wait (or a hold, where the remote changed too) if something forbids it now.

    A conflict that nothing stops is answered by the strategy.
    """
    view = decision.view
    restraint = _restraint(view, policy, contested=decision.action is Action.HOLD)
    if restraint is None:
        held = decision.action is Action.HOLD
        return by_strategy(decision, policy.strategy_of(view.unit), merge) if held else decision
    reason, pending = restraint.reason, restraint.by_hand
    if decision.action is not Action.HOLD:
        return wait(decision, reason, pending=pending, status=restraint.status)
    if reason == policy.off and by_strategy(decision, policy.strategy_of(view.unit), merge).action in TRAVELS:
        return replace(decision, reason=reason, pending=pending)  # nobody has to answer it
    # A conflict is one whether or not it may be pushed; only what the user moved here stays what it is.
    if restraint.status is not None or reason in (policy.off, PENDING, UNDONE, REVIEW_GONE):
        reason, pending = UNDONE_CONFLICT if reason == UNDONE else BOTH_CHANGED, False
    return replace(decision, reason=reason, pending=pending)


def held_back(decisions: Iterable[Decision], views: Iterable[View], reason: str) -> list[Decision]:
    """Return the decisions where the user's own commits stay: nothing can go on top of them, nor in their place."""
    known = {view.unit: view for view in views}
    result = []
    for decision in decisions:
        instead = decision.committed is not None and decision.action in TRAVELS
        if decision.committed is Action.MERGE or (instead and decision.action is not Action.PUSH):
            view = known[decision.unit]
            bases = bases_of(view, view.held)
            decision = replace(decision, view=view, bases=bases, committed=Action.HOLD, joined=None)
            result.append(wait(decision, reason, pending=True))
        elif decision.action in (Action.PUSH, Action.MERGE):
            result.append(wait(decision, reason, pending=True))
        else:
            result.append(decision)
    return result


def not_at_head(decisions: Iterable[Decision], reason: str) -> list[Decision]:
    """Return the decisions where HEAD stays: who took the remote's side of a task has to wait for that side.

    The working tree would get HEAD's, which is neither theirs nor what stands here.
    """
    return [
        wait(each, reason, pending=True)
        if each.action is Action.PULL and each.answered is not None and each.view.remote != each.view.head
        else each
        for each in decisions
    ]


def batches(decisions: Sequence[Decision], size: int) -> list[tuple[Decision, ...]]:
    """Return the tasks that the remote gets in groups of at most `size`, in a stable order."""
    going = (d for d in decisions if d.action in (Action.PUSH, Action.MERGE) and not d.review)
    ordered = sorted(going, key=lambda d: d.unit)
    return [tuple(ordered[start : start + size]) for start in range(0, len(ordered), size)]
