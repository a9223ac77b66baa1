"""Tasks that one rename joins, or that stand in each other's place, share their fate. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from gitferry.pushback.decision import BOTH_CHANGED, IN_REVIEW, TRAVELS, Action, Decision, Merge, Side, View
from gitferry.pushback.groups import grouped
from gitferry.pushback.outcome import Take
from gitferry.pushback.rules import bases_of
from gitferry.pushback.strategies import to_both
from gitferry.repos.content import Content, Entry

Link = tuple[str, str]
_STOPPED = (Action.HOLD, Action.WAIT)


def together(
    decisions: Iterable[Decision],
    known: Mapping[str, View],
    links: Sequence[Link],
    merge: Merge,
    contest: Callable[[View], Decision],
) -> list[Decision]:
    """Return the decisions with a conflict's answer given to all tasks that are linked to it.

    The half of a rename that only one side has is no conflict by itself; alone, it would be carried against the answer.
    Nor is either of two that both sides put in each other's place, or to which both moved one file: `contest` returns
    what becomes of such a task as one that both sides changed. `known` are all views, by task.
    """
    result = {decision.unit: decision for decision in decisions}
    for group in grouped(result, links):
        members = [result[unit] for unit in group]
        if len(members) > 1 and _torn(members, links):
            torn = [one.unit for one in members if _directions(one)]
            partners = dict(zip(torn, (*torn[1:], *torn[:1]), strict=True)) if len(torn) > 1 else {}
            result |= {one: replace(contest(known[one]), partner=partners.get(one)) for one in torn}
            members = [result[unit] for unit in group]
        takes = {member.answered for member in members if member.answered is not None}
        if takes in ({Take.LOCAL}, {Take.REMOTE}):
            result |= {member.unit: _given(member, known[member.unit], *takes) for member in members}
            if _collide([result[unit] for unit in group]):
                result |= {member.unit: _unanswered(member, known[member.unit]) for member in members}
        elif takes == {Take.MERGED} and any(member.action is Action.HOLD for member in members):
            result |= _merged([_whole(member, known[member.unit]) for member in members], merge)
    return list(result.values())


def _torn(members: Sequence[Decision], links: Sequence[Link]) -> bool:
    """Whether both sides changed these tasks taken together, though none of them by itself."""
    if any(member.action in _STOPPED or member.answered is not None for member in members):
        return False
    standing = (_directions(member) for member in members if member.view.in_place)
    if {Action.PUSH, Action.PULL} <= set[Action]().union(*standing):
        return True  # they cannot be there both, whatever else is joined to them
    if not all(_is_moved(member.view) for member in members if _directions(member)):
        return False  # made from the same, perhaps; each has a content of its own
    if {Action.PUSH, Action.PULL} <= set().union(*(_directions(member) for member in members)):
        return True
    known = {member.unit: member for member in members}
    moved = [old for old, new in links if old in known and new in known]
    return any(
        moved.count(old) == 1 and _gone(known[old].view) and _directions(known[new])
        for old, new in links
        if old in known and new in known
    )


def _directions(member: Decision) -> set[Action]:
    """Return where a task goes: to the remote, also in a commit of the user's, or from there."""
    to_remote = member.action is Action.PUSH or member.committed in (Action.PUSH, Action.MERGE)
    return ({Action.PUSH} if to_remote else set()) | ({member.action} & {Action.PULL})


def _gone(view: View) -> bool:
    """Whether both sides deleted it: one of them, if it moved it, did so against the other's wish."""
    bases = view.bases if view.known_base is None else (view.known_base,)
    return not view.local.present and not view.remote.present and any(base.present for base in bases)


def _given(member: Decision, view: View, take: Take) -> Decision:
    """Return what becomes of a task whose other half went to one side; what is stopped stays so.

    It follows where all that the sides differ in was moved as it is, or stands in the other's place. A task that only
    holds a file like one of the other's has a life of its own.
    """
    follows = view.carry and not view.staged and view.blocked is None and _is_moved(view)
    if member.action in _STOPPED or not follows or (take is Take.LOCAL and member.action is not Action.PULL):
        return member
    if take is Take.LOCAL:
        return replace(member, action=Action.PUSH, answered=take, park=False)
    member = _whole(member, view)
    action = Action.AGREED if view.local == view.remote else Action.PULL
    return replace(member, action=action, answered=take, merged=None, park=False)


def _collide(members: Sequence[Decision]) -> bool:
    """Whether tasks that cannot be there both would be carried to one another's side."""
    standing = {member.action for member in members if member.view.in_place}
    return {Action.PUSH, Action.PULL} <= standing


def _unanswered(member: Decision, view: View) -> Decision:
    if member.action not in TRAVELS:
        return member
    whole = _whole(member, view)
    return replace(whole, action=Action.HOLD, reason=BOTH_CHANGED, merged=None, answered=None, park=False)


def _is_moved(view: View) -> bool:
    """Whether all that the sides differ in was moved as it is, or stands in another task's place."""
    local, remote = view.local.content, view.remote.content
    return all(path in view.moved for path in {*local, *remote} if local.get(path) != remote.get(path))


def _whole(member: Decision, view: View) -> Decision:
    """Return the decision about all that was done here, the user's own commits of the task included."""
    if member.committed is None:
        return member
    return replace(member, view=view, bases=bases_of(view, view.held), committed=Action.HOLD, joined=None)


def _origin(view: View) -> tuple[Side, ...]:
    """Return what all of both sides' changes of a task came from, those that they agree on included."""
    elsewhere = (view.held, view.known_base, view.agreed)
    if len(view.bases) == 1 and not view.passed and all(each is None for each in elsewhere):
        return view.bases
    return bases_of(view, view.held)


def _merged(members: Sequence[Decision], merge: Merge) -> Mapping[str, Decision]:
    """Return the members as one merge of them all makes them, nothing where it is not clean or one may not travel."""
    bases = [_origin(member.view) for member in members]
    free = all(member.action in (Action.AGREED, *TRAVELS) or member.answered is Take.MERGED for member in members)
    if not free or any(len(base) != 1 for base in bases):
        return {}
    owners: dict[str, str] = {}
    sides: list[dict[str, Entry]] = [{}, {}, {}]
    for member, (base,) in zip(members, bases, strict=True):
        for side, content in zip(sides, (base, member.view.local, member.view.remote), strict=True):
            side.update(content.content)
            owners.update(dict.fromkeys(content.content, member.unit))
    merged = merge(*sides)
    if merged is None:
        return {}
    parts: dict[str, dict[str, Entry]] = {member.unit: {} for member in members}
    for path, entry in merged.items():
        parts[owners[path]][path] = entry
    return {member.unit: _with_part(member, parts[member.unit]) for member in members}


def _with_part(member: Decision, part: Content) -> Decision:
    if part == member.view.local.content == member.view.remote.content:
        return replace(member, action=Action.AGREED, reason=None)
    return to_both(replace(member, park=False), part, Take.MERGED)


def linked(decisions: Iterable[Decision], views: Iterable[View], links: Iterable[Link]) -> list[Decision]:
    """Return the decisions with what stops one of two linked tasks stopping the other, and on from there."""
    known = {view.unit: view for view in views}
    result = {decision.unit: decision for decision in decisions}
    pairs = [(one, two) for one, two in links if one in result and two in result]
    stopping = True
    while stopping:
        stopping = False
        for one, two in (*pairs, *((two, one) for one, two in pairs)):
            stopped, other = result[one], result[two]
            if stopped.review and stopped.reason == IN_REVIEW:
                continue  # it goes, though not to the tracked branch
            goes = other.action in TRAVELS or other.committed in (Action.PUSH, Action.MERGE)
            goes = goes or (other.review and not stopped.review)  # half of a rename is nothing to look at
            if stopped.action in _STOPPED and goes:
                result[two] = _stopped_with(stopped, other, known[two])
                stopping = True
    return list(result.values())


def _stopped_with(stopped: Decision, other: Decision, view: View) -> Decision:
    """Return what becomes of one half of a rename whose other half may not travel; `view` is without its commit."""
    return replace(
        other,
        view=view,
        action=Action.HOLD if stopped.action is Action.HOLD or view.passes else Action.WAIT,
        bases=bases_of(view, view.held) if other.committed in (Action.PUSH, Action.MERGE) else other.bases,
        merged=None,
        answered=None,
        committed=None if other.committed is None else Action.HOLD,
        joined=None,
        reason=f"it goes together with {stopped.unit}: {stopped.reason}",
        partner=stopped.unit,
        pending=stopped.pending,
        status=stopped.held_up,
        review=stopped.review,
    )
