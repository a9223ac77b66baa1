"""What is too much to push unasked waits; the rest goes."""

from __future__ import annotations

from gitferry.pushback.decision import Action, Decision, Policy, Side, View
from gitferry.pushback.guards import Load, guarded
from gitferry.repos.content import FILE, Entry

THERE = Side({"x": Entry(FILE, "1" * 40)})
GONE = Side({})


def pushing(name: str, local: Side) -> Decision:
    return Decision(View(name, local, THERE, THERE, (THERE,)), Action.PUSH)


def run(
    decisions: list[Decision], policy: Policy | None = None, *, total: int = 100, size: int = 1
) -> dict[str, Action]:
    found = guarded(
        decisions,
        policy or Policy(),
        total_tasks=lambda: total,
        load=lambda _: Load(size, 1),
        batch_limit=1000,
        files_limit=20,
    )
    return {decision.unit: decision.action for decision in found}


def deletions(count: int) -> list[Decision]:
    return [pushing(f"t{number}", GONE) for number in range(count)]


def test_half_of_the_tasks_may_go_and_one_more_waits() -> None:
    assert set(run(deletions(5), total=10).values()) == {Action.PUSH}
    assert set(run(deletions(6), total=10).values()) == {Action.WAIT}


def test_two_tasks_are_too_few_to_guard() -> None:
    assert set(run(deletions(2), total=2).values()) == {Action.PUSH}
    assert set(run(deletions(2), total=3).values()) == {Action.WAIT}


def test_more_than_fifty_wait_in_a_repository_of_any_size() -> None:
    many = guarded(
        deletions(51), Policy(), total_tasks=lambda: 9999, load=lambda _: Load(1, 1), batch_limit=1000, files_limit=1000
    )
    assert {decision.action for decision in many} == {Action.WAIT}
    assert all("51 of 9999" in (decision.reason or "") and decision.pending for decision in many)


def test_edits_go_while_deletions_wait() -> None:
    found = run([*deletions(6), pushing("edit", THERE)], total=10)
    assert found.pop("edit") is Action.PUSH
    assert set(found.values()) == {Action.WAIT}


def test_a_push_by_hand_is_the_word_they_wait_for() -> None:
    assert set(run(deletions(6), Policy(asked_all=True), total=10).values()) == {Action.PUSH}
    found = run(deletions(6), Policy(asked=frozenset({"t0"})), total=8)
    assert found["t0"] is Action.PUSH
    assert found["t1"] is Action.WAIT


def test_a_deletion_that_waited_before_waits_on() -> None:
    found = guarded(
        deletions(2),
        Policy(),
        remembered={"t0"},
        total_tasks=lambda: 100,
        load=lambda _: Load(1, 1),
        batch_limit=1000,
        files_limit=20,
    )
    assert {d.unit: (d.action, d.guarded) for d in found} == {"t0": (Action.WAIT, True), "t1": (Action.PUSH, False)}


def test_bytes_and_files_over_the_limit_wait() -> None:
    edits = [pushing(f"e{number}", THERE) for number in range(10)]
    assert set(run(edits, size=100).values()) == {Action.PUSH}
    assert set(run(edits, size=101).values()) == {Action.WAIT}
    assert set(run([pushing(f"e{n}", THERE) for n in range(21)]).values()) == {Action.WAIT}
