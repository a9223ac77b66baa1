"""What a target of notifications is sent: batches, none twice, nothing that is over, no stream while out of reach."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gitferry.daemon.outbox import BETWEEN, FIRST_WAIT, GIVEN_UP, LONGEST_WAIT, WINDOW, Batch, Outbox


def outbox(**known: object) -> Outbox:
    numbers = itertools.count(1)
    return Outbox(lambda: f"m{next(numbers)}", **known)  # type: ignore[arg-type]  # the two keywords of its own


def test_what_comes_within_the_window_is_one_message() -> None:
    made = outbox()
    assert made.due(["a"], 0.0) is None
    assert made.wait(["a"], 0.0) == WINDOW
    assert made.due(["a", "b"], WINDOW - 1) is None
    assert made.due(["a", "b", "c"], WINDOW) == Batch("m1", ("a", "b", "c"))
    made.ended(WINDOW)
    assert made.due(["a", "b", "c"], 1000.0) is None
    assert made.wait(["a", "b", "c"], 1000.0) is None


def test_two_messages_have_time_between_them() -> None:
    made = outbox()
    made.due(["a"], 0.0)
    made.due(["a"], WINDOW)
    made.ended(WINDOW)
    assert made.due(["a", "b"], WINDOW + 1) is None
    assert made.wait(["a", "b"], WINDOW + 1) == BETWEEN - 1
    assert made.due(["a", "b"], WINDOW + BETWEEN) == Batch("m2", ("b",))


def test_what_is_over_before_it_is_sent_is_not_sent() -> None:
    made = outbox()
    made.due(["a"], 0.0)
    assert made.due([], WINDOW) is None and made.wait([], WINDOW) is None
    assert made.due(["b"], WINDOW + 1) is None  # its own window


def test_out_of_reach_there_are_few_tries_and_one_message_keeps_its_id() -> None:
    made, tries, now = outbox(), [], 0.0
    made.due(["a"], now)
    now = WINDOW
    alerts = ["a"]
    while now < 8 * 3600:
        batch = made.due(alerts, now)
        if batch is not None:
            tries.append(batch)
            assert made.failed(now, 0.5)
            alerts.append(f"later{len(alerts)}")
        wait = made.wait(alerts, now)
        assert wait is not None
        now += wait
    assert len(tries) < 60 and set(tries) == {Batch("m1", ("a",))}
    made.hurry(now)
    assert made.due(alerts, now) == Batch("m1", ("a",))
    made.ended(now)
    made.due(alerts, now)
    assert made.due(alerts, now + BETWEEN) == Batch("m2", tuple(alerts[1:]))


def test_a_batch_is_given_up_after_a_day() -> None:
    made = outbox(begun=Batch("m0", ("a",)))
    assert made.due(["a"], 0.0) == Batch("m0", ("a",))
    assert made.failed(0.0, 0.0)
    assert made.wait(["a"], 0.0) == pytest.approx(0.75 * FIRST_WAIT)
    assert not made.failed(GIVEN_UP, 0.0)


def test_the_waits_grow_whichever_batch_it_is() -> None:
    made = outbox(begun=Batch("m0", ("a",)))
    for _ in range(8):
        assert made.failed(0.0, 0.5)
    assert made.due(["b"], 1.0) is None  # a is over
    made.due(["b"], 1.0 + WINDOW)
    assert made.due(["b"], LONGEST_WAIT - 1) is None
    assert made.due(["b"], LONGEST_WAIT) == Batch("m1", ("b",))


def test_a_restart_goes_on_with_what_was_begun() -> None:
    made = outbox(told=["a"], begun=Batch("m0", ("b", "c")))
    assert made.due(["a", "b", "d"], 0.0) == Batch("m0", ("b",))
    made.ended(0.0)
    assert made.wait(["a", "b", "d"], 0.0) == 0.0  # there is something new
    made.due(["a", "b", "d"], 0.0)
    assert made.due(["a", "b", "d"], BETWEEN) == Batch("m1", ("d",))


class Target(RuleBasedStateMachine):
    """A target that answers or not, alerts that come and go, and restarts at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count(1)
        self.now = 0.0
        self.open: list[str] = []
        self.begun: dict[str, tuple[str, ...]] = {}  # what is kept over a restart: messages
        self.finished: set[str] = set()
        self.arrived: Counter[str] = Counter()  # alerts, by message once
        self.seen: set[str] = set()  # messages that the target knows
        self.tries: list[float] = []
        self.outbox = self.made()

    def made(self) -> Outbox:
        told = [each for message in self.finished for each in self.begun[message]]
        unended = [Batch(message, alerts) for message, alerts in self.begun.items() if message not in self.finished]
        return Outbox(lambda: f"m{next(self.numbers)}", told=told, begun=unended[-1] if unended else None)

    @rule()
    def comes(self) -> None:
        self.open.append(f"a{next(self.numbers)}")

    @rule(index=st.integers(0, 5))
    def goes(self, index: int) -> None:
        if index < len(self.open):
            gone = self.open.pop(index)
            self.begun = {message: tuple(a for a in alerts if a != gone) for message, alerts in self.begun.items()}
            self.begun = {message: alerts for message, alerts in self.begun.items() if alerts}
            self.finished &= set(self.begun)

    @rule(seconds=st.floats(0, 2 * BETWEEN))
    def passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(arrives=st.booleans(), answers=st.booleans(), chance=st.floats(0, 1), dies=st.booleans())
    def looks(self, arrives: bool, answers: bool, chance: float, dies: bool) -> None:
        batch = self.outbox.due(self.open, self.now)
        if batch is None:
            return
        assert batch.alerts and set(batch.alerts) <= set(self.open)
        self.begun.setdefault(batch.message, batch.alerts)
        self.tries.append(self.now)
        if arrives and batch.message not in self.seen:
            self.seen.add(batch.message)
            self.arrived.update(batch.alerts)
        if dies:
            self.outbox = self.made()
        elif arrives and answers:
            self.finished.add(batch.message)
            self.outbox.ended(self.now)
        else:
            assert self.outbox.failed(self.now, chance) or self.now > GIVEN_UP

    @rule()
    def restarts(self) -> None:
        self.outbox = self.made()

    @invariant()
    def nothing_is_told_twice(self) -> None:
        assert all(count == 1 for count in self.arrived.values()), self.arrived

    @invariant()
    def a_wait_is_bounded(self) -> None:
        wait = self.outbox.wait(self.open, self.now)
        assert wait is None or 0 <= wait <= LONGEST_WAIT * 1.25


TestTarget = Target.TestCase
