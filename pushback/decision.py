"""What a decision looks at and what it says: values only. The rules are in rules.py.

l = the working tree, h = HEAD, r = the upstream tip, m = the merge base of HEAD and the upstream tip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gitferry.pushback.answers import Answered, version_of
from gitferry.pushback.outcome import PushStatus, Strategy, Take
from gitferry.repos.content import Content
from gitferry.repos.hold import HoldState

#: Three-way merge of a task's content: base, local, remote → the clean result, or None where it is not clean.
Merge = Callable[[Content, Content, Content], Content | None]

BOTH_CHANGED = "both sides changed it"
MERGE_READY = "both sides changed it, and a merge is ready: `gitferry resolve TASK --take merged`"
MERGE_UNCLEAN = "both sides changed it, and the changes do not merge by themselves"
CONFLICT_IN_REVIEW = "both sides changed it; yours is in review"
IN_REVIEW = "in review"
REVIEW_GONE = "its review branch was deleted at the remote: edit it, or `gitferry push` it"
REVIEW_CHANGED = "its review branch was changed at the remote, and so was it here"
CHANGED_SINCE = "it was changed again since you looked: see `gitferry conflicts`"
STAGED = "you are staging it"
PENDING = "waits for `gitferry push`"
UNAPPROVED = "nobody has approved it as it is now"
PUSH_OFF = "nothing is pushed here"
PULL_ONLY = "a pull sends nothing: `gitferry sync`"
SWITCHED_OFF = "pushing is switched off (pushback.enabled)"
UNDONE = "undone: waits until it is edited or pushed by hand"
UNDONE_CONFLICT = "undone here, and the remote has something else: `gitferry resolve` it, or edit it"

MADE_OF_EITHER = "after a reset, or beside a stash, nobody can tell what this was made from: `gitferry resolve` it"
UNSURE = "edited while an undo of it was broken off: `gitferry resolve` it"


class Action(StrEnum):
    """What a crossing does with one task."""

    AGREED = "agreed"
    PULL = "pull"  # the working tree gets the remote's content
    PUSH = "push"  # the remote gets the working tree's content
    MERGE = "merge"  # both get what holds both sides' changes
    HOLD = "hold"  # the remote changed it, the working tree keeps its own: remember the base
    WAIT = "wait"  # only the working tree differs, and it may not travel now


#: What carries a task to one side or both; the others leave it where it is.
TRAVELS = frozenset({Action.PULL, Action.PUSH, Action.MERGE})


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
class Reviewed:
    """What a task's review branch has of it."""

    sent: Side  # what we pushed there last
    amended: Side | None = None  # what it has now, where somebody committed on top of ours
    landed: Side | None = None  # what of these the tracked branch has taken over
    gone: bool = False  # somebody deleted the branch
    unbearable: str | None = None  # why nobody can look at all that is there


@dataclass(frozen=True, slots=True)
class View:
    """All that one decision looks at."""

    unit: str
    local: Side
    head: Side
    remote: Side
    bases: tuple[Side, ...]  # one a merge base
    agreed: Side | None = None  # at S, where HEAD no longer contains S
    passed: tuple[Side, ...] = ()  # in what HEAD had of the upstream where the user moved it and may have left files
    parted: Side | None = None  # here, when a crossing set out whose push arrived and which then died
    held: HeldView | None = None
    reviewed: Reviewed | None = None
    touches: tuple[Touch, ...] = ()
    committed: bool = False  # the user's own unpushed commits touch it
    carry: bool = True  # False: excluded, or in no task
    staged: bool = False  # an index entry differs from HEAD and from the upstream tip
    blocked: str | None = None  # why its local content may not travel: unmerged, invalid, too large, being written
    invalid: bool = False  # `blocked` is for the user to mend; otherwise it passes by itself
    unread: bool = False  # its local content was not taken, so `local` is not all of it
    elsewhere: bool = False  # a stash or another branch has it differing from base and theirs
    moved_from: str | None = None  # the branch on which this edit was made
    unsure: bool = False  # nobody knows which content it was made from: only a person answers it
    moved: frozenset[str] = frozenset()  # its files that a side moved, or that stand for another task's
    in_place: bool = False  # it has such a file: both tasks cannot be there at once

    @property
    def landed(self) -> Side | None:
        """What of the task's review branch the tracked branch has taken over."""
        return None if self.reviewed is None else self.reviewed.landed

    @property
    def known_base(self) -> Side | None:
        """What both sides are known to come from: a review of it landed, or a crossing died after its push."""
        return self.landed or self.parted

    @property
    def passes(self) -> bool:
        """Whether HEAD would be beyond a change of the remote that the task may lack, were it not held."""
        return self.remote != self.head or self.held is not None or any(side != self.head for side in self.passed)

    @property
    def version(self) -> str:
        """The name of what both sides hold now, by which a person's answer says what they had seen."""
        return version_of(self.local.content, self.remote.content)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user allows this crossing to push, and what answers a conflict."""

    push: bool = True
    off: str = PUSH_OFF  # why not, where it is not
    review: bool = False  # what travels goes to review branches, not to the tracked one
    automatic: bool = True  # auto_push, no first push held back
    approval: bool = False  # a change needs a person's word first
    approved: frozenset[str] = frozenset()  # units, as they are now
    rejected: Mapping[str, str] = field(default_factory=dict)  # unit → who would not have it, as it is now
    only_asked: bool = False  # a person named the tasks to push; the others wait for their own turn
    asked: frozenset[str] = frozenset()  # units pushed by hand
    asked_all: bool = False
    strategy: Strategy = Strategy.FAIL
    strategies: Mapping[str, Strategy] = field(default_factory=dict)  # by unit, for this crossing
    answers: Mapping[str, Answered] = field(default_factory=dict)  # by unit

    def asks(self, unit: str) -> bool:
        """Return whether a person asked for this task to be pushed now."""
        return self.asked_all or unit in self.asked or unit in self.answers

    def lacks_word(self, unit: str) -> tuple[str, PushStatus] | None:
        """Return why a change may not travel for want of a person's word, and how that is told; None where it may."""
        if not self.approval or unit in self.approved:
            return None
        if unit in self.rejected:
            return f"rejected by {self.rejected[unit]}: edit it, or `gitferry push approve` it", PushStatus.FAILED
        return UNAPPROVED, PushStatus.AWAITING_APPROVAL

    def strategy_of(self, unit: str) -> Strategy:
        """Return what answers a conflict of this task."""
        return self.strategies.get(unit, self.strategy)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one task, and why."""

    view: View
    action: Action
    reason: str | None = None
    bases: tuple[Side, ...] = ()  # what a hold records
    merged: Content | None = None  # what MERGE gives both sides
    answered: Take | None = None  # which side a strategy or a person gave it to, where both had changed it
    committed: Action | None = None  # what becomes of the user's own commits of it, where there are any
    joined: Content | None = None  # where that is MERGE: what the branch has in their place
    park: bool = False  # an earlier hold is kept, parked
    pending: bool = False  # waits for a push by hand
    partner: str | None = None  # the other half of a rename, which stopped this one
    guarded: bool = False  # a deletion that waits because so much was deleted
    review: bool = False  # what it carries goes to a review branch
    adopted: bool = False  # what others added to that branch is in it
    status: PushStatus | None = None  # how a wait is told, where it is no ordinary one

    @property
    def in_conflict(self) -> bool:
        """Whether both sides changed it and nobody has answered."""
        went_on = self.review and bool(self.bases) and all(base == self.view.remote for base in self.bases)
        return self.action is Action.HOLD and not went_on

    @property
    def held_up(self) -> PushStatus | None:
        """How it is told where something other than the remote's change stops it; None where nothing does."""
        if self.status is not None:
            return self.status
        if self.view.blocked is not None and self.view.invalid and not self.view.staged:
            return PushStatus.FAILED
        stopped = self.pending or self.view.staged or self.view.blocked is not None
        return PushStatus.PENDING if stopped else None

    @property
    def unit(self) -> str:
        """The task's path."""
        return self.view.unit

    @property
    def carried(self) -> Content:
        """What the remote gets, of a task that goes there."""
        return self.view.local.content if self.merged is None else self.merged


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of one local content, and the bases that it came from."""

    action: Action
    bases: tuple[Side, ...]


def wait(decision: Decision, reason: str, *, pending: bool = False, status: PushStatus | None = None) -> Decision:
    """Return the decision as a wait; a hold where HEAD would pass a remote change the working tree lacks."""
    view = decision.view
    action = Action.HOLD if view.passes else Action.WAIT
    return replace(decision, action=action, reason=reason, pending=pending, status=status, merged=None, answered=None)


def clean(bases: tuple[Side, ...], local: Side, remote: Side, merge: Merge) -> Content | None:
    """Return the one content that merging from every base comes to, or None where there is no such."""
    results = [merge(base.content, local.content, remote.content) for base in bases]
    if not results or any(result != results[0] for result in results):
        return None
    return results[0]
