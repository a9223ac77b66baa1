"""What answers a task that both sides changed: its user's strategy, or a person's own word. Pure."""

from __future__ import annotations

from dataclasses import replace

from gitferry.pushback.answers import Answered
from gitferry.pushback.decision import (
    BOTH_CHANGED,
    CHANGED_SINCE,
    CONFLICT_IN_REVIEW,
    MADE_OF_EITHER,
    MERGE_READY,
    MERGE_UNCLEAN,
    STAGED,
    Action,
    Decision,
    Merge,
    Policy,
    clean,
)
from gitferry.pushback.outcome import Strategy, Take
from gitferry.repos.content import Content
from gitferry.repos.hold import HoldState


def by_strategy(held: Decision, strategy: Strategy, merge: Merge) -> Decision:
    """Return what the strategy makes of a conflict whose local side may travel now."""
    view = held.view
    if strategy is Strategy.TAKE_LOCAL:
        return replace(held, action=Action.PUSH, reason=None, answered=Take.LOCAL)
    if strategy is Strategy.TAKE_REMOTE:
        pulled = replace(held, action=Action.PULL, reason=None, answered=Take.REMOTE)
        return replace(held, reason=MADE_OF_EITHER) if _may_be_made_of_remote(held) else pulled
    if strategy is Strategy.CREATE_PR:
        return replace(held, reason=CONFLICT_IN_REVIEW, review=True)
    if strategy is Strategy.FAIL:
        return replace(held, reason=BOTH_CHANGED)
    merged = clean(held.bases, view.local, view.remote, merge)
    if strategy is Strategy.MANUAL:
        return replace(held, reason=MERGE_UNCLEAN if merged is None else MERGE_READY)
    return _unclean(held) if merged is None else to_both(held, merged, Take.MERGED)


def _may_be_made_of_remote(held: Decision) -> bool:
    """Whether the edit may have been made from what the remote has, so that the remote changed nothing of it.

    What comes back from a stash was not.
    """
    view, before = held.view, held.view.held
    returned = before is not None and before.state is HoldState.PARKED and view.local in before.locals
    return not returned and len(held.bases) > 1 and view.remote in held.bases


def _unclean(held: Decision) -> Decision:
    """Return the conflict as one that a merge was wanted for: together with a linked task it may yet be clean."""
    return replace(held, reason=MERGE_UNCLEAN, answered=Take.MERGED)


def by_answer(held: Decision, answer: Answered, policy: Policy, merge: Merge) -> Decision:
    """Return what a person's answer makes of a held task. They had seen it in the version that the answer names."""
    view = held.view
    if answer.version != view.version:
        return replace(held, reason=CHANGED_SINCE)
    stopped = STAGED if view.staged else view.blocked if view.unread else None
    if answer.take is not Take.REMOTE:
        stopped = stopped or view.blocked or (None if policy.push else policy.off)
        lacking = policy.lacks_word(view.unit)
        stopped = stopped or (None if lacking is None else lacking[0])
    stopped = stopped or answer.refused
    if stopped is not None:
        return replace(held, reason=stopped)
    if answer.take is Take.LOCAL:
        return replace(held, action=Action.PUSH, reason=None, answered=Take.LOCAL)
    if answer.take is Take.REMOTE:
        return replace(held, action=Action.PULL, reason=None, answered=Take.REMOTE)
    merged = answer.content
    if answer.take is Take.MERGED:
        merged = clean(held.bases, view.local, view.remote, merge)
    return _unclean(held) if merged is None else to_both(held, merged, answer.take)


def to_both(held: Decision, merged: Content, take: Take) -> Decision:
    """Return the decision that gives both sides `merged`; where one has it already, only the other moves."""
    done = replace(held, reason=None, answered=take)
    if merged == held.view.local.content:
        return replace(done, action=Action.PUSH)
    if merged == held.view.remote.content:
        return replace(done, action=Action.PULL)
    return replace(done, action=Action.MERGE, merged=merged)
