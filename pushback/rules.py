"""What the two sides made of one task since they were the same: the rules of a crossing, first match wins. Pure.

l = the working tree, h = HEAD, r = the upstream tip, m = the merge base of HEAD and the upstream tip.
"""

from __future__ import annotations

from gitferry.pushback.decision import Action, HeldView, Merge, Side, Verdict, View
from gitferry.repos.hold import HoldState


def rules(view: View, local: Side, merge: Merge) -> Verdict:  # noqa: PLR0911 - a return for each rule
    """Apply the rules of a crossing to one local content; the first that matches wins."""
    remote = view.remote
    if local == remote:
        return Verdict(Action.AGREED, ())
    held = view.held if view.held is not None and not _went_back(view, local, view.held) else None
    bases = bases_of(view, held)
    # Of a held task that may come from either of two, to be at one of them is an edit of the other.
    at_base = all if held is not None else any
    if bases and at_base(local == base for base in bases):
        return Verdict(Action.PULL, bases)
    if held is None and local in view.passed:
        return Verdict(Action.PULL, bases)  # HEAD was moved over files that stayed behind: no edit of the user's
    if held is None and local.present and any(t.introduced and t.content == local for t in view.touches):
        return Verdict(Action.PULL, bases)  # our edit reached the upstream another way
    # A push that must wait is held against what it goes on from, which is the remote's content in each case.
    if bases and all(remote == base for base in bases):
        return Verdict(Action.PUSH, (remote,))
    if goes_on(view, held):
        return Verdict(Action.PUSH, (remote,))
    merged = [merge(base.content, local.content, remote.content) for base in bases]
    if merged and all(result == remote.content for result in merged):
        # Of an undone task that was edited since, a merge brings back what was undone: from what it comes nobody knows.
        undone = held is not None and held.state is HoldState.UNDONE
        return Verdict(Action.HOLD, ()) if undone else Verdict(Action.PULL, bases)
    if merged and all(result == local.content for result in merged):
        return Verdict(Action.PUSH, (remote,))
    return Verdict(Action.HOLD, bases)


def bases_of(view: View, held: HeldView | None) -> tuple[Side, ...]:
    """Return what both sides come from: one content, two where either may be it, none where nobody knows."""
    # The remote's content was made of it, and so was what was edited here since; what is at HEAD was made of HEAD.
    at_head = _at_head(view, view.local)
    if view.known_base is not None and not at_head:
        return (view.known_base,)
    if view.landed is not None and at_head:
        held = None  # what it was held for was answered in review
    if held is not None and held.state is not HoldState.PARKED:
        return held.bases
    if held is not None:
        # It may be what was stashed, or an edit of what came in its place: both count, so that neither is overruled.
        ordinary = bases_of(view, None)
        return (*held.bases, *ordinary) if held.bases and ordinary else ()
    if view.head != view.remote and any(base != view.bases[0] for base in view.bases):
        return ()  # merge bases that differ: picking one would drop a change
    upstream = (view.head,) if view.head == view.remote else view.bases[:1]
    bases = [*upstream, *(() if view.agreed is None or view.head == view.remote else (view.agreed,))]
    for side in view.passed:
        if side not in bases:
            bases.append(side)  # HEAD was moved over files that stayed behind: what was edited may come from either
    return tuple(bases)


def goes_on(view: View, held: HeldView | None) -> bool:
    """Return whether all that the remote did to the task are our own pushes, so that an edit goes on from there."""
    return held is None and bool(view.touches) and all(t.single_parent and t.own for t in view.touches)


def _went_back(view: View, local: Side, held: HeldView) -> bool:
    """Whether a held task is back at HEAD with nothing of its held content: stashed, checked out or restored.

    Or back at where HEAD stood before it was moved over files that stayed behind. What a review brought to HEAD is held
    no more either, though it is the same. A parked one stood at the remote's content; to be at its old base again is
    then an edit like any other.
    """
    if any(local == seen for seen in held.locals):
        return view.landed is not None and _at_head(view, local)
    if held.state is HoldState.PARKED and local != view.head and any(local == base for base in held.bases):
        return view.head == view.remote
    return local in view.passed or _at_head(view, local)


def _at_head(view: View, local: Side) -> bool:
    """Whether nothing was edited here: it stands at HEAD, and HEAD where both sides' histories part."""
    return local == view.head and all(base == local for base in view.bases)
