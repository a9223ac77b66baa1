"""Tasks that one rename joins, or that stand in each other's place, share their fate. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gitferry.pushback.decision import TRAVELS, Action, Decision, Merge, View
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
    for group in _groups(result, links):
        members = [result[unit] for unit in group]
        if _torn(members, links):
            torn = [one.unit for one in members if one.action in TRAVELS]
            partners = dict(zip(torn, (*torn[1:], *torn[:1]), strict=True)) if len(torn) > 1 else {}
            result |= {one: replace(contest(known[one]), partner=partners.get(one)) for one in torn}
            members = [result[unit] for unit in group]
        takes = {member.answered for member in members if member.answered is not None}
        if takes in ({Take.LOCAL}, {Take.REMOTE}):
            result |= {member.unit: _given(member, known[member.unit], *takes) for member in members}
        elif takes == {Take.MERGED} and any(member.action is Action.HOLD for member in members):
            result |= _merged([_whole(member, known[member.unit]) for member in members], merge)
    return list(result.values())


def _groups(units: Iterable[str], links: Iterable[Link]) -> Iterator[tuple[str, ...]]:
    """Yield the sets of tasks that links join, each sorted."""
    group = {unit: {unit} for unit in units}
    for one, two in links:
        if one in group and two in group and group[one] is not group[two]:
            joined = group[one] | group[two]
            group |= dict.fromkeys(joined, joined)
    yield from sorted({tuple(sorted(members)) for members in group.values() if len(members) > 1})


def _torn(members: Sequence[Decision], links: Sequence[Link]) -> bool:
    """Whether both sides changed these tasks taken together, though none of them by itself."""
    if any(member.action in _STOPPED or member.answered is not None for member in members):
        return False
    if {Action.PUSH, Action.PULL} <= {member.action for member in members}:
        return True
    known = {member.unit: member for member in members}
    moved = [old for old, new in links if old in known and new in known]
    return any(
        moved.count(old) == 1 and _gone(known[old].view) and known[new].action in (Action.PUSH, Action.PULL)
        for old, new in links
        if old in known and new in known
    )


def _gone(view: View) -> bool:
    """Whether both sides deleted it: one of them, if it moved it, did so against the other's wish."""
    return not view.local.present and not view.remote.present and any(base.present for base in view.bases)


def _given(member: Decision, view: View, take: Take) -> Decision:
    """Return what becomes of a task whose other half went to one side; what is stopped stays so."""
    if take is Take.LOCAL:
        stopped = member.action is not Action.PULL or view.staged or view.blocked is not None
        return member if stopped else replace(member, action=Action.PUSH, answered=take, park=False)
    if member.action in _STOPPED or view.staged or view.blocked is not None:
        return member
    member = _whole(member, view)
    action = Action.AGREED if view.local == view.remote else Action.PULL
    return replace(member, action=action, answered=take, merged=None, park=False)


def _whole(member: Decision, view: View) -> Decision:
    """Return the decision about all that was done here, the user's own commits of the task included."""
    if member.committed is None:
        return member
    return replace(member, view=view, bases=bases_of(view, view.held), committed=Action.HOLD, joined=None)


def _merged(members: Sequence[Decision], merge: Merge) -> Mapping[str, Decision]:
    """Return the members as one merge of them all makes them, nothing where it is not clean or one may not travel."""
    bases = [bases_of(member.view, member.view.held) for member in members]
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
            goes = other.action in TRAVELS or other.committed in (Action.PUSH, Action.MERGE)
            if stopped.action in _STOPPED and goes:
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
        bases=bases_of(view, view.held) if other.committed in (Action.PUSH, Action.MERGE) else other.bases,
        merged=None,
        answered=None,
        committed=None if other.committed is None else Action.HOLD,
        joined=None,
        reason=f"renamed together with {stopped.unit}: {stopped.reason}",
        partner=stopped.unit,
        pending=stopped.pending,
    )
