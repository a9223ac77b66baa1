"""Under `branch_strategy: feature_branch` nothing goes to the tracked branch: each task has a review branch. Pure."""

from __future__ import annotations

from dataclasses import replace

from gitferry.pushback.decision import IN_REVIEW, REVIEW_CHANGED, Action, Decision, Merge, Policy, View, wait
from gitferry.pushback.outcome import PushStatus, Strategy
from gitferry.repos.content import Content


def is_there(view: View, policy: Policy) -> bool:
    """Whether the task's review branch has its local content already, so that nothing has to travel."""
    known = view.reviewed
    return policy.review and known is not None and known.landed is None and view.local == known.sent


def to_review(decision: Decision, policy: Policy, merge: Merge) -> Decision:
    """Return the decision with what would go to the tracked branch going to the task's review branch.

    What others committed there comes along; where it does not merge with what was edited here, or is more than anyone
    could take in, the task waits.
    """
    if decision.action not in (Action.PUSH, Action.MERGE):
        return decision
    view, known = decision.view, decision.view.reviewed
    # A merge that waits, or did not come into the working tree, has not taken the remote's change in.
    bases = decision.bases if decision.action is Action.MERGE else (view.remote,)
    if known is not None and known.landed is None and known.unbearable is not None:
        return replace(wait(decision, known.unbearable, pending=True), bases=bases)
    wanted: Content | None = decision.carried
    amended = None if known is None or known.landed is not None else known.amended
    if known is not None and amended is not None:
        wanted = _with_theirs(decision, known.sent.content, amended.content, policy, merge)
    if wanted is None:
        return replace(wait(decision, REVIEW_CHANGED, pending=True), bases=bases)
    adopted = amended is not None
    if wanted == view.local.content:
        return replace(wait(decision, IN_REVIEW), bases=(view.remote,), review=True, adopted=adopted)
    return replace(decision, action=Action.MERGE, merged=wanted, bases=bases, review=True, adopted=adopted)


def _with_theirs(decision: Decision, sent: Content, amended: Content, policy: Policy, merge: Merge) -> Content | None:
    """Return what this decision carries with what others made of our last push; None where they do not merge."""
    ours = decision.carried
    if ours == sent:
        return amended
    merged = merge(sent, ours, amended)
    if merged is not None:
        return merged
    strategy = policy.strategies.get(decision.unit)
    return ours if strategy is Strategy.TAKE_LOCAL else amended if strategy is Strategy.TAKE_REMOTE else None


def completed(decision: Decision, merge: Merge) -> Decision:
    """Return the decision as completed where the tracked branch has taken over what was sent to review.

    It was merged, squashed or picked, alone or together with more.
    """
    done = decision.action in (Action.AGREED, Action.PULL) and _has_landed(decision.view, merge)
    return replace(decision, status=PushStatus.COMPLETED) if done else decision


def _has_landed(view: View, merge: Merge) -> bool:
    known = view.reviewed
    if known is None or known.landed is not None:
        return known is not None
    bases = view.bases if view.held is None else view.held.bases
    went_on = [base for base in bases if base != view.remote]
    newest = known.amended or known.sent
    return bool(went_on) and all(
        merge(base.content, newest.content, view.remote.content) == view.remote.content for base in went_on
    )
