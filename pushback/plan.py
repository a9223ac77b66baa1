"""What should become of each task: pure decisions on values, in the order that docs/crossing.md gives.

l = the working tree, h = HEAD, r = the upstream tip, m = the merge base of HEAD and the upstream tip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gitferry.repos.content import Content
from gitferry.repos.hold import HoldState

#: Three-way merge of a task's content: base, local, remote → the clean result, or None where it is not clean.
Merge = Callable[[Content, Content, Content], Content | None]


class Action(StrEnum):
    """What a crossing does with one task."""

    AGREED = "agreed"
    PULL = "pull"  # the working tree gets the remote's content
    PUSH = "push"  # the remote gets the working tree's content
    HOLD = "hold"  # the remote changed it, the working tree keeps its own: remember the base
    WAIT = "wait"  # only the working tree differs, and it may not travel now


@dataclass(frozen=True, slots=True)
class Side:
    """A task's content in one root tree. Sides are equal when their contents are."""

    content: Content
    tree: str = field(default="", compare=False)

    @property
    def present(self) -> bool:
        """Whether the task has any file on this side."""
        return bool(self.content)


@dataclass(frozen=True, slots=True)
class Touch:
    """A commit between the merge base and the upstream tip that touches the task."""

    content: Side
    introduced: bool  # differs from all its parents
    single_parent: bool
    own: bool  # pushed from here


@dataclass(frozen=True, slots=True)
class HeldView:
    """What an earlier crossing recorded when it held the task."""

    bases: tuple[Side, ...]
    locals: tuple[Side, ...]
    state: HoldState


@dataclass(frozen=True, slots=True)
class View:
    """All that one decision looks at."""

    unit: str
    local: Side
    head: Side
    remote: Side
    bases: tuple[Side, ...]  # one a merge base
    agreed: Side | None = None  # at S, where HEAD no longer contains S
    passed: Side | None = None  # at S, where the user moved HEAD on from S and may have left files behind
    held: HeldView | None = None
    touches: tuple[Touch, ...] = ()
    committed: bool = False  # the user's own unpushed commits touch it
    carry: bool = True  # False: excluded, or in no task
    staged: bool = False  # an index entry differs from HEAD and from the upstream tip
    blocked: str | None = None  # why its local content may not travel: unmerged, invalid, too large, being written
    invalid: bool = False  # `blocked` is for the user to mend; otherwise it passes by itself
    unread: bool = False  # its local content was not taken, so `local` is not all of it
    elsewhere: bool = False  # a stash or another branch has it differing from base and theirs


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user allows this crossing to push."""

    push: bool = True
    automatic: bool = True  # auto_push, no first push held back
    only_asked: bool = False  # a person named the tasks to push; the others wait for their own turn
    asked: frozenset[str] = frozenset()  # units pushed by hand
    asked_all: bool = False

    def asks(self, unit: str) -> bool:
        """Return whether a person asked for this task to be pushed now."""
        return self.asked_all or unit in self.asked


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one task, and why."""

    view: View
    action: Action
    reason: str | None = None
    bases: tuple[Side, ...] = ()  # what a hold records
    committed: Action | None = None  # what becomes of the user's own commits of it, where there are any
    park: bool = False  # an earlier hold is kept, parked
    pending: bool = False  # waits for a push by hand
    partner: str | None = None  # the other half of a rename, which stopped this one
    guarded: bool = False  # a deletion that waits because so much was deleted

    @property
    def unit(self) -> str:
        """The task's path."""
        return self.view.unit


@dataclass(frozen=True, slots=True)
class _Verdict:
    action: Action
    bases: tuple[Side, ...]


BOTH_CHANGED = "both sides changed it"
STAGED = "you are staging it"
PENDING = "waits for `gitferry push`"
PUSH_OFF = "pushing is switched off"
UNDONE = "undone: waits until it is edited or pushed by hand"


def plan(views: Iterable[View], policy: Policy, merge: Merge, links: Iterable[tuple[str, str]] = ()) -> list[Decision]:
    """Return one decision for each task. `links` are pairs that one rename joins: they share their fate."""
    known = tuple(views)
    return linked([decide(view, policy, merge) for view in known], known, links)


def decide(view: View, policy: Policy, merge: Merge) -> Decision:
    """Return what becomes of one task."""
    committed: Action | None = None
    if view.committed:
        committed = rules(replace(view, passed=None), view.head, merge).action
        if committed is Action.PUSH and not _undone(view, view.head, policy):
            # The user's commit travels as it is; what is edited beyond it goes on top of it.
            view = replace(view, remote=view.head, bases=(view.head,), agreed=None, passed=None, held=None, touches=())
        else:
            committed = Action.HOLD
    if view.unread:
        bases = (view.remote,) if _goes_on(view, view.held) else _bases(view, view.held)
        return wait(Decision(view, Action.WAIT, bases=bases, committed=committed), view.blocked or "")
    verdict = rules(view, view.local, merge)
    decision = Decision(view, verdict.action, bases=verdict.bases, committed=committed)
    if view.held is not None and verdict.action in (Action.AGREED, Action.PULL):
        return replace(decision, park=view.elsewhere)
    if verdict.action in (Action.AGREED, Action.PULL):
        return decision
    return _restrained(decision, policy)


def rules(view: View, local: Side, merge: Merge) -> _Verdict:  # noqa: PLR0911 - a return for each rule
    """Apply the rules of a crossing to one local content; the first that matches wins."""
    remote = view.remote
    if local == remote:
        return _Verdict(Action.AGREED, ())
    held = view.held if view.held is not None and not _went_back(view, local, view.held) else None
    bases = _bases(view, held)
    if any(local == base for base in bases):
        return _Verdict(Action.PULL, bases)
    if held is None and local == view.passed:
        return _Verdict(Action.PULL, bases)  # HEAD was moved over files that stayed behind: no edit of the user's
    if held is None and local.present and any(t.introduced and t.content == local for t in view.touches):
        return _Verdict(Action.PULL, bases)  # our edit reached the upstream another way
    # A push that must wait is held against what it goes on from, which is the remote's content in each case.
    if bases and all(remote == base for base in bases):
        return _Verdict(Action.PUSH, (remote,))
    if _goes_on(view, held):
        return _Verdict(Action.PUSH, (remote,))
    merged = [merge(base.content, local.content, remote.content) for base in bases]
    if merged and all(result == remote.content for result in merged):
        return _Verdict(Action.PULL, bases)
    if merged and all(result == local.content for result in merged):
        return _Verdict(Action.PUSH, (remote,))
    return _Verdict(Action.HOLD, bases)


def _bases(view: View, held: HeldView | None) -> tuple[Side, ...]:
    if held is not None and held.state is not HoldState.PARKED:
        return held.bases
    if held is not None:
        # It may be what was stashed, or an edit of what came in its place: both count, so that neither is overruled.
        ordinary = _bases(view, None)
        return (*held.bases, *ordinary) if held.bases and ordinary else ()
    if view.head == view.remote:
        return (view.head,)
    if any(base != view.bases[0] for base in view.bases):
        return ()  # merge bases that differ: picking one would drop a change
    return (*view.bases[:1], *(() if view.agreed is None else (view.agreed,)))


def _goes_on(view: View, held: HeldView | None) -> bool:
    """Whether all that the remote did to the task are our own pushes, so that an edit goes on from there."""
    return held is None and bool(view.touches) and all(t.single_parent and t.own for t in view.touches)


def _went_back(view: View, local: Side, held: HeldView) -> bool:
    """Whether a held task is back at HEAD with nothing of its held content: stashed, checked out or restored.

    A parked one stood at the remote's content; to be at its old base again is then an edit like any other.
    """
    if held.state is HoldState.PARKED and local != view.head and any(local == base for base in held.bases):
        return view.head == view.remote
    return (
        held.state is not HoldState.UNDONE
        and local == view.head
        and all(base == local for base in view.bases)
        and all(local != seen for seen in held.locals)
    )


def _undone(view: View, local: Side, policy: Policy) -> bool:
    held = view.held
    return (
        held is not None
        and held.state is HoldState.UNDONE
        and not policy.asks(view.unit)
        and any(local == seen for seen in held.locals)
    )


def _restrained(decision: Decision, policy: Policy) -> Decision:
    """Turn a push into a wait (or a hold, where the remote changed too) if something forbids it now."""
    view = decision.view
    reason: str | None = None
    pending = False
    if not view.carry:
        reason = "it is in no task"
    elif view.staged:
        reason = STAGED
    elif view.blocked is not None:
        reason = view.blocked
    elif _undone(view, view.local, policy):
        reason, pending = UNDONE, True
    elif not policy.push:
        reason, pending = PUSH_OFF, True
    elif (policy.only_asked or not policy.automatic) and not policy.asks(view.unit):
        reason, pending = PENDING, True
    if decision.action is Action.HOLD:
        # A conflict is one whether or not it may be pushed; only what the user undid stays what it is.
        if reason is None or reason in (PUSH_OFF, PENDING):
            reason, pending = BOTH_CHANGED, False
        return replace(decision, reason=reason, pending=pending)
    if reason is None:
        return decision
    return wait(decision, reason, pending=pending)


def wait(decision: Decision, reason: str, *, pending: bool = False) -> Decision:
    """Return the decision as a wait; a hold where HEAD would pass a remote change the working tree lacks."""
    view = decision.view
    passes = view.remote != view.head or view.held is not None
    action = Action.HOLD if passes else Action.WAIT
    return replace(decision, action=action, reason=reason, pending=pending)


def linked(decisions: Iterable[Decision], views: Iterable[View], links: Iterable[tuple[str, str]]) -> list[Decision]:
    """Return the decisions with linked tasks sharing their fate: what stops one stops the other, and on from there."""
    known = {view.unit: view for view in views}
    result = {decision.unit: decision for decision in decisions}
    pairs = [(one, two) for one, two in links if one in result and two in result]
    stopping = True
    while stopping:
        stopping = False
        for one, two in (*pairs, *((two, one) for one, two in pairs)):
            stopped, other = result[one], result[two]
            goes = other.action in (Action.PUSH, Action.PULL) or other.committed is Action.PUSH
            if stopped.action in (Action.HOLD, Action.WAIT) and goes:
                result[two] = _stopped_with(stopped, other, known[two])
                stopping = True
    return list(result.values())


def _stopped_with(stopped: Decision, other: Decision, view: View) -> Decision:
    """Return what becomes of one half of a rename whose other half may not travel; `view` is without its commit."""
    held = view.held is not None or view.remote != view.head
    return replace(
        other,
        view=view,
        action=Action.HOLD if stopped.action is Action.HOLD or held else Action.WAIT,
        bases=_bases(view, view.held) if other.committed is Action.PUSH else other.bases,
        committed=None if other.committed is None else Action.HOLD,
        reason=f"renamed together with {stopped.unit}: {stopped.reason}",
        partner=stopped.unit,
        pending=stopped.pending,
    )


def batches(decisions: Sequence[Decision], size: int) -> list[tuple[Decision, ...]]:
    """Return the tasks to push in groups of at most `size`, in a stable order."""
    going = sorted((d for d in decisions if d.action is Action.PUSH), key=lambda d: d.unit)
    return [tuple(going[start : start + size]) for start in range(0, len(going), size)]
