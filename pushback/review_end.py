"""Whether a review branch has come to its end, and how: what its tasks carry no longer goes there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

from gitferry.pushback.decision import Action, Decision
from gitferry.pushback.ground import Ground
from gitferry.pushback.outcome import PushStatus
from gitferry.pushback.planning import Planned
from gitferry.pushback.review_look import review_ref
from gitferry.repos.review import Review


class Ending(StrEnum):
    """How a review ended, in the words that follow the branch's name."""

    MERGED = "is merged"
    WITHDRAWN = "is withdrawn"  # its task went back to what the tracked branch has
    ANSWERED = "is no longer needed"  # the conflict was answered otherwise
    GONE = "was deleted"  # and its task goes on without it
    UNSENT = "was never made"


def ended(ground: Ground, planned: Planned, raced: Collection[str], review: Review) -> Ending | None:
    """Return how a branch has come to its end with this crossing; None where it goes on."""
    decisions = {each.unit: each for each in planned.decisions if each.unit in review.units}
    decisions = {unit: each for unit, each in decisions.items() if unit not in review.left or _stays(each)}
    if not decisions.keys().isdisjoint(raced):
        return None
    if decisions and all(_has_landed(each) for each in decisions.values()):
        return Ending.MERGED
    if any(each.review for each in decisions.values()):
        # Of a conflict nobody knows what that deletion says; of a change, that it was not wanted as it was.
        return Ending.GONE if review.gone and not _for_conflicts(ground) else None
    if any(each.action in (Action.HOLD, Action.WAIT) for each in decisions.values()):
        return None
    return _over(ground, decisions.values(), review)


def _for_conflicts(ground: Ground) -> bool:
    """Whether only what is in conflict goes to review branches."""
    return ground.settings.pushback.branch_strategy == "main"


def _has_landed(decision: Decision) -> bool:
    return decision.status is PushStatus.COMPLETED or decision.view.landed is not None


def left(planned: Planned, review: Review) -> tuple[str, ...]:
    """Return the tasks of a branch for which the user took what the tracked branch has, with this crossing or before.

    What is edited here from then on was made of that, though the branch may still show their side of it.
    """
    found = set(review.left)
    for each in planned.decisions:
        known = each.view.reviewed
        if known is None or each.unit not in review.units:
            continue
        theirs = each.action in (Action.AGREED, Action.PULL)
        if (each.view.remote if theirs else each.view.local) == known.sent:
            found.discard(each.unit)
        elif theirs and known.landed is None:
            found.add(each.unit)
    return tuple(sorted(found))


def _stays(decision: Decision) -> bool:
    """Whether a task still has something that does not travel to the tracked branch."""
    return decision.review or decision.action in (Action.HOLD, Action.WAIT)


def _over(ground: Ground, decisions: Iterable[Decision], review: Review) -> Ending | None:
    """Return how a branch ends to which nothing goes any more."""
    if review.tip is None and ground.objects.ref(review_ref(review.branch)) is None:
        return Ending.UNSENT
    if review.gone:
        return Ending.GONE
    answered = any(each.action in (Action.PUSH, Action.MERGE) or each.answered for each in decisions)
    if answered or _for_conflicts(ground):
        return Ending.ANSWERED
    return Ending.WITHDRAWN
