from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.repos import settle
from gitferry.repos.settle import Patience, Settler, Unsettled

PATIENCE = Patience(quiet=2.0, max_wait=30.0)


def changed(*paths: str) -> frozenset[str] | None:
    return frozenset(paths)


def test_a_change_is_due_after_the_quiet_period_and_each_change_restarts_it() -> None:
    state = settle.record(None, changed("a"), 10.0)
    assert not settle.due(state, PATIENCE, 11.9)
    assert settle.due(state, PATIENCE, 12.0)
    state = settle.record(state, changed("b"), 11.9)
    assert not settle.due(state, PATIENCE, 13.8)
    assert settle.next_deadline(state, PATIENCE) == pytest.approx(13.9)
    assert state.paths == changed("a", "b")


def test_the_longest_wait_bounds_ceaseless_changes() -> None:
    state = settle.record(None, changed("log"), 0.0)
    now = 0.0
    while not settle.due(state, PATIENCE, now):
        now += 1.0
        state = settle.record(state, changed("log"), now)
    assert now == 30.0


def test_everything_swallows_paths_and_refs_alone_are_no_paths() -> None:
    refs = settle.record(None, frozenset(), 1.0)
    assert refs.paths == frozenset()
    assert settle.record(settle.record(refs, changed("a"), 2.0), None, 3.0).paths is None
    assert settle.record(settle.record(refs, None, 2.0), changed("a"), 3.0).paths is None


def test_more_paths_than_git_should_be_asked_about_are_everything() -> None:
    many = frozenset(str(number) for number in range(settle.MANY + 1))
    assert settle.record(None, many, 0.0).paths is None
    assert settle.record(None, many - {"0"}, 0.0).paths == many - {"0"}
    too_many = settle.record(None, frozenset(str(number) for number in range(settle.MEMORABLE + 1)), 5.0)
    assert too_many == Unsettled(5.0, 5.0, {}, 5.0)


def test_paths_still_being_saved_are_told_from_quiet_ones() -> None:
    state = settle.record(settle.record(None, changed("a", "b"), 10.0), changed("b"), 11.5)
    assert settle.busy_paths(state, PATIENCE, 12.0) == changed("b")
    assert settle.busy_paths(state, PATIENCE, 13.5) == frozenset()
    unknown = settle.record(state, None, 20.0)
    assert settle.busy_paths(unknown, PATIENCE, 21.0) is None
    assert settle.busy_paths(unknown, PATIENCE, 22.0) == frozenset()


def test_what_is_in_use_when_the_rest_goes_comes_again_by_itself() -> None:
    state = settle.record(settle.record(None, changed("a"), 10.0), changed("b"), 39.5)
    assert settle.due(state, PATIENCE, 40.0)
    left = settle.remaining(state, PATIENCE, 40.0)
    assert left == Unsettled(40.0, 39.5, {"b": 39.5})
    assert settle.due(left, PATIENCE, 41.5)
    assert settle.remaining(left, PATIENCE, 41.5) is None


arrivals = st.lists(
    st.tuples(
        st.floats(0, 10), st.none() | st.frozensets(st.sampled_from("abc"), max_size=3)
    ),
    min_size=1,
)  # fmt: skip


@given(arrivals)
def test_a_burst_at_once_is_the_same_as_its_changes_one_by_one(steps: list[settle.Arrival]) -> None:
    now, burst = 0.0, []
    for after, paths in steps:
        now += after
        burst.append((now, paths))
    one_by_one = None
    for at, paths in burst:
        one_by_one = settle.record(one_by_one, paths, at)
    assert settle.fold(None, burst) == one_by_one
    assert one_by_one is not None
    assert one_by_one.first_change == burst[0][0]
    assert settle.next_deadline(one_by_one, PATIENCE) <= one_by_one.first_change + PATIENCE.max_wait


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_settler_hands_over_each_repository_once_when_it_is_due() -> None:
    clock = Clock()
    told: list[tuple[str, frozenset[str] | None]] = []
    settler = Settler(lambda name, paths: told.append((name, paths)), clock)
    settler.set("one", PATIENCE)
    settler.set("two", Patience(quiet=5.0, max_wait=6.0))
    assert settler.step() is None
    settler.changed("one", changed("a"))
    settler.changed("two", changed("x"))
    settler.changed("gone", changed("y"))
    assert settler.step() == pytest.approx(2.0)
    clock.now += 1.0
    settler.changed("one", changed("b"))
    assert settler.step() == pytest.approx(2.0)
    assert settler.busy("one") == changed("a", "b")
    assert settler.busy("gone") == frozenset()
    clock.now += 2.0
    assert settler.step() == pytest.approx(2.0)
    assert told == [("one", changed("a", "b"))]
    clock.now += 2.0
    assert settler.step() is None
    assert told[1:] == [("two", changed("x"))]


def test_changes_while_one_is_handed_over_come_next() -> None:
    clock = Clock()
    told: list[frozenset[str] | None] = []

    def crossing(name: str, paths: frozenset[str] | None) -> None:
        told.append(paths)
        if len(told) == 1:
            settler.changed(name, changed("during"))

    settler = Settler(crossing, clock)
    settler.set("r", PATIENCE)
    settler.changed("r", changed("before"))
    clock.now += 2.0
    settler.step()
    clock.now += 2.0
    settler.step()
    assert told == [changed("before"), changed("during")]


def test_one_repository_in_trouble_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    told: list[str] = []

    def due(name: str, paths: frozenset[str] | None) -> None:
        if name == "bad":
            raise RuntimeError("no room")
        told.append(name)

    settler = Settler(due, clock)
    for name in ("bad", "good"):
        settler.set(name, PATIENCE)
        settler.changed(name, None)
    clock.now += 2.0
    settler.step()
    assert told == ["good"]
    assert "no room" in caplog.text


def test_its_thread_wakes_for_a_first_change_and_ends() -> None:
    told: list[tuple[str, frozenset[str] | None]] = []
    heard = threading.Event()

    def due(name: str, paths: frozenset[str] | None) -> None:
        told.append((name, paths))
        heard.set()

    settler = Settler(due)
    settler.start()
    settler.set("r", Patience(quiet=0.2, max_wait=20.0))
    began = time.monotonic()
    for number in range(10):
        settler.changed("r", changed(str(number)))
    assert heard.wait(10)
    assert time.monotonic() - began >= 0.2
    assert told == [("r", changed(*map(str, range(10))))]
    settler.set("far", Patience(quiet=60.0, max_wait=60.0))
    settler.changed("far", None)
    heard.clear()
    settler.changed("r", changed("again"))
    assert heard.wait(10)
    settler.remove("far")
    settler.close()
    assert not any(thread.name == "gitferry-settle" for thread in threading.enumerate())


def test_a_burst_of_many_changes_is_cheap() -> None:
    settler = Settler(lambda name, paths: None, Clock())
    settler.set("r", PATIENCE)
    began = time.process_time()
    for number in range(50_000):
        settler.changed("r", changed(f"task{number % 2000}/file"))
    settler.step()
    assert time.process_time() - began < 2.0
