"""What every decision promises, whatever the sides hold: properties of the pure planner and of the merge it asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gitferry.pushback import plan as planning
from gitferry.pushback.answers import Answered
from gitferry.pushback.decision import TRAVELS, Action, Decision, HeldView, Policy, Reviewed, Side, Touch, View
from gitferry.pushback.merge import merge_content
from gitferry.pushback.outcome import Strategy, Take
from gitferry.pushback.plan import batches, decide
from gitferry.pushback.rules import _went_back, bases_of, rules
from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, Content, Entry
from gitferry.repos.hold import HoldState

PATHS = ("t/metadata.json", "t/one.txt", "t/two.txt")


def merge_lines(path: str, base: Entry | None, ours: Entry, theirs: Entry) -> Entry | None:
    """Merge two files of three lines each, which an entry's name spells out; lines conflict one by one."""
    if base is None:
        return None
    merged = ""
    for was, one, two in zip(base.oid, ours.oid, theirs.oid, strict=True):
        if one not in (was, two) and two != was:
            return None
        merged += two if one == was else one
    return Entry(ours.mode, merged)


def merge(base: Content, local: Content, remote: Content) -> Content | None:
    return merge_content(base, local, remote, merge_lines)


entries = st.builds(
    Entry, st.sampled_from([FILE, FILE, FILE, EXECUTABLE, SYMLINK]), st.text("abc", min_size=3, max_size=3)
)
contents = st.dictionaries(st.sampled_from(PATHS), entries)


@st.composite
def perturbed(draw: st.DrawFn, base: Content) -> Content:
    """The base after a few edits: near enough to it, and to another such, to meet every rule."""
    result = dict(base)
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=2)):
        old = result.get(path)
        kind = draw(st.sampled_from(["line", "line", "line", "new", "gone"]))
        if kind == "gone":
            result.pop(path, None)
        elif kind == "line" and old is not None:
            at = draw(st.integers(0, 2))
            result[path] = Entry(old.mode, old.oid[:at] + draw(st.sampled_from("abc")) + old.oid[at + 1 :])
        else:
            result[path] = draw(entries)
    return result


@st.composite
def views(draw: st.DrawFn, *, held: bool | None = None, committed: bool | None = None) -> View:
    """Any view: every side an edit or two away from one content."""
    origin = draw(contents)
    sides = st.one_of(st.just(origin), perturbed(origin)).map(Side)
    touch = st.builds(Touch, sides, st.booleans(), st.booleans(), st.booleans())
    few = st.lists(sides, min_size=1, max_size=2).map(tuple)
    hold = st.builds(HeldView, st.one_of(few, st.just(())), few, st.sampled_from(HoldState))
    return View(
        unit="t",
        local=draw(sides),
        head=draw(sides),
        remote=draw(sides),
        bases=draw(few),
        agreed=draw(st.none() | sides),
        parted=draw(st.none() | st.none() | sides),
        held=draw({None: st.none() | hold, True: hold, False: st.none()}[held]),
        touches=draw(st.lists(touch, max_size=2).map(tuple)),
        committed=draw(st.booleans()) if committed is None else committed,
        carry=draw(st.sampled_from([True, True, True, False])),
        staged=draw(st.sampled_from([False, False, False, True])),
        blocked=draw(st.sampled_from([None, None, None, "it is invalid"])),
        elsewhere=draw(st.booleans()),
    )


policies = st.builds(
    Policy,
    push=st.booleans(),
    automatic=st.booleans(),
    asked=st.sampled_from([frozenset(), {"t"}]),
    strategy=st.sampled_from(Strategy),
)
EVERYTHING = Policy()


def contains(local: Side, remote: Side, bases: Iterable[Side]) -> bool:
    """Whether local is what a clean merge of both would be, seen from every base."""
    return all(merge(base.content, local.content, remote.content) == local.content for base in bases)


# -- the rules


@given(views())
def test_agreed_means_equal(view: View) -> None:
    assert (rules(view, view.local, merge).action is Action.AGREED) == (view.local == view.remote)


@given(views())
def test_nothing_is_pushed_over_a_remote_change_that_it_does_not_contain(view: View) -> None:
    verdict = rules(view, view.local, merge)
    if verdict.action is not Action.PUSH:
        return
    own = view.held is None and view.touches and all(touch.own and touch.single_parent for touch in view.touches)
    bases = bases_of(view, view.held)
    ordinary = bases_of(view, None)
    assert own or any(
        known and (all(view.remote == base for base in known) or contains(view.local, view.remote, known))
        for known in (bases, ordinary)
    )


@given(views())
def test_nothing_is_pulled_over_a_local_change_that_the_remote_does_not_contain(view: View) -> None:
    verdict = rules(view, view.local, merge)
    if verdict.action is not Action.PULL:
        return
    arrived = view.local.present and any(touch.introduced and touch.content == view.local for touch in view.touches)
    known = {id(base): base for base in (*bases_of(view, view.held), *bases_of(view, None))}
    assert (
        arrived
        or any(view.local == base for base in known.values())
        or contains(view.remote, view.local, verdict.bases)
    )


@given(views(held=False))
def test_both_sides_are_treated_alike(view: View) -> None:
    base = view.bases[0]
    one = replace(view, head=base, bases=(base,), agreed=None, touches=(), parted=None)
    other = replace(one, local=one.remote, remote=one.local)
    mirrored = {Action.PUSH: Action.PULL, Action.PULL: Action.PUSH}
    action = rules(one, one.local, merge).action
    assert rules(other, other.local, merge).action is mirrored.get(action, action)


@given(views(held=True), views())
def test_a_hold_is_decided_by_its_own_bases_alone(view: View, other: View) -> None:
    assert view.held is not None
    assume(view.held.state is not HoldState.PARKED)  # which may be an edit of what came in its place
    view = replace(view, parted=None)
    moved = replace(view, head=other.head, bases=other.bases, agreed=other.agreed, touches=other.touches)
    held = view.held
    assume(held is not None and not _went_back(view, view.local, held) and not _went_back(moved, view.local, held))
    assert rules(view, view.local, merge) == rules(moved, moved.local, merge)


@given(views(held=False), contents, entries)
def test_merge_bases_that_differ_decide_nothing_by_themselves(view: View, base: Content, other: Entry) -> None:
    assume(base.get(PATHS[0]) != other)
    view = replace(view, bases=(Side(base), Side({**base, PATHS[0]: other})), touches=(), parted=None)
    action = rules(view, view.local, merge).action
    if view.local == view.remote:
        assert action is Action.AGREED
    elif view.head != view.remote:
        assert action is Action.HOLD


# -- what holds a push back


@given(views(), policies)
def test_what_is_staged_blocked_or_not_to_be_carried_never_leaves(view: View, policy: Policy) -> None:
    assume(view.staged or view.blocked is not None or not view.carry)
    assert decide(view, policy, merge).action not in (Action.PUSH, Action.MERGE)


@given(views(), policies)
def test_nothing_leaves_that_the_policy_forbids(view: View, policy: Policy) -> None:
    if decide(view, policy, merge).action in (Action.PUSH, Action.MERGE):
        assert policy.push and (policy.automatic or policy.asks("t"))


@given(views(), policies)
def test_what_was_not_read_stays_where_it_is(view: View, policy: Policy) -> None:
    unread = replace(view, unread=True, blocked=view.blocked or "it is being written")
    assert decide(unread, policy, merge).action in (Action.WAIT, Action.HOLD)


@given(views(), policies)
def test_head_passes_no_remote_change_that_the_tree_lacks_without_a_hold(view: View, policy: Policy) -> None:
    decision = decide(view, policy, merge)
    if decision.action is Action.WAIT:
        assert decision.view.remote == decision.view.head
        assert decision.view.held is None
    if decision.committed is Action.HOLD and decision.action not in (Action.AGREED, *TRAVELS):
        assert decision.view.remote == view.remote
    if decision.action in (Action.WAIT, Action.HOLD):
        assert decision.reason


@given(views(held=True), policies)
def test_what_was_undone_stays_until_it_changes_or_is_asked_for(view: View, policy: Policy) -> None:
    assert view.held is not None
    undone = replace(view, held=replace(view.held, state=HoldState.UNDONE), local=view.held.locals[0], committed=False)
    assume(not policy.asks("t"))
    assert decide(undone, policy, merge).action not in (Action.PUSH, Action.MERGE)


@given(views(committed=True), policies)
def test_a_commit_of_the_users_is_carried_only_where_it_contains_the_remote(view: View, policy: Policy) -> None:
    decision = decide(view, policy, merge)
    verdict = rules(replace(view, passed=()), view.head, merge)
    assert decision.committed in (Action.PUSH, Action.MERGE, Action.HOLD)
    if decision.committed is Action.PUSH and policy.strategy is not Strategy.TAKE_LOCAL:
        assert verdict.action is Action.PUSH
    if decision.committed is Action.MERGE:
        assert policy.strategy is Strategy.MERGE and decision.joined is not None
        assert contains(Side(decision.joined), view.remote, verdict.bases)
        assert contains(Side(decision.joined), view.head, verdict.bases)


# -- the strategies


@given(views(committed=False), policies)
def test_a_strategy_changes_nothing_but_conflicts(view: View, policy: Policy) -> None:
    plain = decide(view, replace(policy, strategy=Strategy.FAIL), merge)
    decision = decide(view, policy, merge)
    if plain.action is not Action.HOLD:
        assert decision == plain
    elif decision.action is Action.PUSH:
        assert policy.strategy in (Strategy.TAKE_LOCAL, Strategy.MERGE)
    elif decision.action is Action.PULL:
        assert policy.strategy in (Strategy.TAKE_REMOTE, Strategy.MERGE)
    elif decision.action is Action.MERGE:
        assert policy.strategy is Strategy.MERGE


@given(views(), policies)
def test_what_is_merged_contains_both_sides_seen_from_every_base(view: View, policy: Policy) -> None:
    decision = decide(view, policy, merge)
    assert (decision.action is Action.MERGE) == (decision.merged is not None)
    if decision.merged is not None:
        seen = decision.view
        assert decision.bases
        assert decision.merged not in (seen.local.content, seen.remote.content)
        assert contains(Side(decision.merged), seen.local, decision.bases)
        assert contains(Side(decision.merged), seen.remote, decision.bases)


@given(views(), policies, st.sampled_from(Take), contents, st.booleans())
def test_an_answer_counts_for_the_state_that_was_seen_alone(
    view: View, policy: Policy, take: Take, content: Content, stale: bool
) -> None:
    given_ = Answered(take, "another" if stale else view.version, content if take is Take.GIVEN else None)
    decision = decide(view, replace(policy, answers={"t": given_}), merge)
    if decision.answered is None or decision.action not in TRAVELS:
        return
    assert not stale
    assert not view.staged and not view.unread
    if take in (Take.LOCAL, Take.REMOTE):
        assert decision.action is (Action.PUSH if take is Take.LOCAL else Action.PULL)
    if take is Take.GIVEN:
        ends = {Action.PUSH: view.local.content, Action.PULL: view.remote.content}
        assert content == ends.get(decision.action, decision.merged)


# -- several tasks


@given(st.lists(views(), min_size=2, max_size=2), policies)
def test_both_halves_of_a_rename_share_their_fate(pair: list[View], policy: Policy) -> None:
    one, two = replace(pair[0], unit="old"), replace(pair[1], unit="new")
    stopped = (Action.HOLD, Action.WAIT)
    for first, second in ((one, two), (two, one)):
        decisions = planning.plan([one, two], policy, merge, [(first.unit, second.unit)])
        assert [decision.unit for decision in decisions] == ["old", "new"]
        actions = {decision.action for decision in decisions}
        if actions & set(stopped):
            assert not actions & TRAVELS
            assert all(
                decision.committed not in (Action.PUSH, Action.MERGE) or decision.action in stopped
                for decision in decisions
            )


@given(
    st.lists(st.tuples(st.sampled_from(Action), st.integers(0, 99)), unique_by=lambda pair: pair[1]), st.integers(1, 9)
)
@example([], 1)
def test_batches_hold_every_push_once_and_no_more_than_allowed(found: list[tuple[Action, int]], size: int) -> None:
    nothing = Side({})
    decisions = [Decision(View(f"t{number:02}", nothing, nothing, nothing, ()), action) for action, number in found]
    groups = batches(decisions, size)
    pushed = [decision.unit for group in groups for decision in group]
    going = (Action.PUSH, Action.MERGE)
    assert pushed == sorted(decision.unit for decision in decisions if decision.action in going)
    assert all(1 <= len(group) <= size for group in groups)
    assert all(len(group) == size for group in groups[:-1])


@given(st.permutations(range(4)), st.lists(views(), min_size=4, max_size=4), policies)
def test_the_order_of_the_tasks_decides_nothing(order: list[int], found: list[View], policy: Policy) -> None:
    named = [replace(view, unit=f"t{number}") for number, view in enumerate(found)]
    straight = {decision.unit: decision for decision in planning.plan(named, policy, merge)}
    mixed = {decision.unit: decision for decision in planning.plan([named[at] for at in order], policy, merge)}
    assert straight == mixed


# -- the merge


@given(contents.flatmap(lambda base: st.tuples(st.just(base), perturbed(base), perturbed(base))))
def test_a_merge_takes_what_one_side_left_alone_from_the_other(sides: tuple[Content, Content, Content]) -> None:
    base, one, two = sides
    assert merge(base, base, one) == one
    assert merge(base, one, base) == one
    assert merge(base, one, one) == one
    assert merge(base, one, two) == merge(base, two, one)
    merged = merge(base, one, two)
    if merged is not None:
        assert all(merged.get(path) == two.get(path) for path in PATHS if one.get(path) == base.get(path))
        assert merge(base, merged, two) == merged  # it contains both


@pytest.mark.parametrize("side", ["local", "remote"])
def test_a_deletion_meets_an_edit_as_a_conflict(side: str) -> None:
    base, edited = {"t": Entry(FILE, "aaa")}, {"t": Entry(FILE, "aba")}
    gone: Content = {}
    local, remote = (gone, edited) if side == "local" else (edited, gone)
    view = View("t", Side(local), Side(base), Side(remote), (Side(base),))
    assert decide(view, EVERYTHING, merge).action is Action.HOLD


@given(views())
def test_where_head_stays_nothing_is_put_in_the_place_of_what_stands_here_but_theirs(view: View) -> None:
    for strategy in Strategy:
        decision = decide(view, Policy(strategy=strategy), merge)
        (stays,) = planning.not_at_head([decision], "it waits")
        if stays.action is Action.PULL and stays.answered is not None:
            assert view.remote == view.head, "HEAD's is what the working tree gets"
        elif stays != decision:
            assert stays.action is Action.HOLD
            assert stays.reason == "it waits"


def test_of_an_undone_task_edited_since_no_merge_brings_back_what_was_undone() -> None:
    def side(oid: str) -> Side:
        return Side({PATHS[1]: Entry(FILE, oid)})

    base, local, remote = side("aaa"), side("aab"), side("bab")  # undone here: the first line's edit
    view = View(unit="t", local=local, head=remote, remote=remote, bases=(remote,))
    for state, action in ((HoldState.UNDONE, Action.HOLD), (HoldState.ACTIVE, Action.PULL)):
        verdict = rules(replace(view, held=HeldView((base,), (base,), state)), local, merge)
        assert verdict.action is action
    again = HeldView((), (base, local), HoldState.ACTIVE)  # as that conflict is held
    assert rules(replace(view, held=again), local, merge).action is Action.HOLD


def test_what_is_taken_back_of_a_review_that_landed_no_linked_task_brings_back() -> None:
    def side(oid: str) -> Side:
        return Side({PATHS[1]: Entry(FILE, oid)})

    before, sent, theirs = side("aaa"), side("baa"), side("caa")
    view = View("t", before, sent, theirs, (before,), reviewed=Reviewed(sent, landed=sent))
    other = Side({"u": Entry(FILE, "aaa")})
    views, policy = (view, View("u", other, other, other, (other,))), Policy(strategy=Strategy.MERGE)
    for links in ((), (("t", "u"),)):
        decision = next(one for one in planning.plan(views, policy, merge, links) if one.unit == "t")
        assert decision.action is Action.HOLD
