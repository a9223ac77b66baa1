"""Lanes: one crossing at a time per repository, in parallel between them, whatever fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitferry.config.model import Repository
from gitferry.daemon.heartbeat import Signs, faults
from gitferry.daemon.lanes import Engine, Lanes, NoLane, Stopping
from gitferry.pushback.outcome import Outcome, Request, State

AT = datetime(2025, 1, 1, tzinfo=UTC)


def answer(repository: Repository, **changes: object) -> Outcome:
    values: dict[str, object] = {"repository": repository.name, "state": State.HEALTHY, "at": AT} | changes
    return Outcome(**values)  # type: ignore[arg-type]  # field names are the tests' own


class Engines:
    """The seam the lanes have for this: crossings that this test writes, and what they were told."""

    def __init__(self) -> None:
        self.crossed: list[tuple[str, Request]] = []
        self.heard: list[Outcome] = []
        self.crashes: list[BaseException] = []
        self.together = 0
        self.most_together: dict[str, int] = {}
        self.hosts: dict[str, str] = {}
        self.lost: list[tuple[str, str | None]] = []
        self.act: Callable[[Repository, Request], Outcome] = lambda repository, request: answer(repository)
        self._now: dict[str, int] = {}
        self._mutex = threading.Lock()

    def engine(self) -> Engine:
        return Engine(
            cross=self.cross,
            host=lambda repository: self.hosts.get(repository.name),
            crash=self.crash,
            heard=lambda repository, request, outcome: self.heard.append(outcome),
        )

    def crash(self, error: BaseException, doing: str) -> Path | None:
        self.crashes.append(error)
        return Path("crash.txt")

    def cross(self, repository: Repository, request: Request, lost: str | None) -> Outcome:
        keys = (repository.name, "all", self.hosts.get(repository.name, "none"))
        with self._mutex:
            self.crossed.append((repository.name, request))
            self.lost.append((repository.name, lost))
            for key in keys:
                self._now[key] = self._now.get(key, 0) + 1
                self.most_together[key] = max(self.most_together.get(key, 0), self._now[key])
        try:
            return self.act(repository, request)
        finally:
            with self._mutex:
                for key in keys:
                    self._now[key] -= 1


def repository(name: str, **settings: object) -> Repository:
    return Repository.model_validate({"name": name, "path": f"/nowhere/{name}"} | settings)


@pytest.fixture
def engines() -> Engines:
    return Engines()


@pytest.fixture
def lanes(engines: Engines) -> Iterator[Lanes]:
    made = Lanes(engines.engine(), workers=4)
    yield made
    assert made.stop(threading.Event(), finish=5, then=1)


def watched(*paths: str) -> Request:
    return Request("watch", paths=frozenset(paths))


def until(true: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def test_the_answer_is_the_crossings_outcome(lanes: Lanes, engines: Engines) -> None:
    lanes.put(repository("a"))
    assert lanes.submit("a", watched("x")).result(5) == answer(repository("a"))
    assert engines.crossed == [("a", watched("x"))]
    assert engines.heard == [answer(repository("a"))]


def test_wishes_during_a_crossing_become_one_next_crossing(lanes: Lanes, engines: Engines) -> None:
    go, begun = threading.Event(), threading.Event()

    def slow(repository: Repository, request: Request) -> Outcome:
        begun.set()
        assert go.wait(5)
        return answer(repository)

    engines.act = slow
    lanes.put(repository("a"))
    first = lanes.submit("a", watched("one"))
    assert begun.wait(5)
    second, third = lanes.submit("a", watched("two")), lanes.submit("a", watched("three"))
    fourth, fifth = lanes.submit("a", Request("schedule", fetch=True)), lanes.submit("a", Request("reconcile"))
    assert not first.done()
    go.set()
    answers = {wish.result(5) for wish in (first, second, third, fourth, fifth)}
    assert answers == {answer(repository("a"))}
    assert [request for _, request in engines.crossed] == [
        watched("one"),
        watched("two", "three"),
        Request("schedule", fetch=True),
    ]
    assert engines.most_together["a"] == 1


def test_a_persons_wish_goes_first_and_is_not_mixed_with_automatic_ones(lanes: Lanes, engines: Engines) -> None:
    go, begun = threading.Event(), threading.Event()

    def slow(repository: Repository, request: Request) -> Outcome:
        begun.set()
        assert go.wait(5)
        return answer(repository)

    engines.act = slow
    lanes.put(repository("a"))
    lanes.submit("a", watched("one"))
    assert begun.wait(5)
    automatic = lanes.submit("a", watched("two"))
    pull = lanes.submit("a", Request("request", fetch=True, push=False, by_hand=True))
    go.set()
    pull.result(5), automatic.result(5)
    assert [(request.by_hand, request.push) for _, request in engines.crossed] == [
        (False, True),
        (True, False),
        (False, True),
    ]


def test_two_messages_are_two_crossings(lanes: Lanes, engines: Engines) -> None:
    lanes.put(repository("a"))
    go, begun = threading.Event(), threading.Event()

    def slow(repository: Repository, request: Request) -> Outcome:
        begun.set()
        assert go.wait(5)
        return answer(repository)

    engines.act = slow
    lanes.submit("a", watched("x"))
    assert begun.wait(5)
    wishes = [
        lanes.submit("a", Request("request", tasks=frozenset({task}), message=said, by_hand=True))
        for task, said in (("t1", "one"), ("t2", "two"), ("t3", "one"))
    ]
    go.set()
    for wish in wishes:
        wish.result(5)
    assert [(sorted(request.tasks), request.message) for _, request in engines.crossed[1:]] == [
        (["t1", "t3"], "one"),
        (["t2"], "two"),
    ]


def test_repositories_cross_in_parallel_within_the_pool(engines: Engines) -> None:
    lanes = Lanes(engines.engine(), workers=3)
    meeting = threading.Barrier(3)

    def meet(repository: Repository, request: Request) -> Outcome:
        meeting.wait(5)
        return answer(repository)

    engines.act = meet
    wishes = []
    for number in range(6):
        lanes.put(repository(f"r{number}"))
        wishes.append(lanes.submit(f"r{number}", watched("x")))
    for wish in wishes:
        assert wish.result(10).state is State.HEALTHY
    assert engines.most_together["all"] == 3
    assert lanes.stop(threading.Event())


def test_a_hanging_host_does_not_occupy_the_pool(engines: Engines) -> None:
    lanes = Lanes(engines.engine(), workers=3, per_host=2)
    go = threading.Event()

    def hang(repository: Repository, request: Request) -> Outcome:
        if engines.hosts.get(repository.name) == "slow":
            assert go.wait(5)
        return answer(repository)

    engines.act = hang
    slow = []
    for number in range(8):
        engines.hosts[f"s{number}"] = "slow"
        lanes.put(repository(f"s{number}"))
        slow.append(lanes.submit(f"s{number}", watched("x")))
    until(lambda: len(lanes.running()) == 2)
    lanes.put(repository("other"))
    engines.hosts["other"] = "quick"
    assert lanes.submit("other", watched("x")).result(2).state is State.HEALTHY
    assert not any(wish.done() for wish in slow)
    go.set()
    for wish in slow:
        wish.result(5)
    assert engines.most_together["slow"] == 2
    assert lanes.stop(threading.Event())


def test_an_exception_is_a_failing_outcome_with_a_report_and_stops_no_other(lanes: Lanes, engines: Engines) -> None:
    def broken(repository: Repository, request: Request) -> Outcome:
        if repository.name == "bad":
            raise ZeroDivisionError("ours")
        return answer(repository)

    engines.act = broken
    lanes.put(repository("bad", retry={"initial": "1h", "max": "2h"}))
    lanes.put(repository("good"))
    bad = lanes.submit("bad", watched("x")).result(5)
    assert (bad.state, bad.retry) == (State.FAILING, True)
    assert "ZeroDivisionError" in (bad.error or "")
    assert "crash.txt" in (bad.hint or "")
    assert [type(error) for error in engines.crashes] == [ZeroDivisionError]
    assert lanes.submit("good", watched("x")).result(5).state is State.HEALTHY
    assert lanes.submit("bad", watched("x")).result(5).state is State.FAILING


def test_a_passing_failure_is_tried_again_until_it_works(lanes: Lanes, engines: Engines) -> None:
    def third_time(repository: Repository, request: Request) -> Outcome:
        tries = len(engines.crossed)
        return answer(repository) if tries >= 3 else answer(repository, state=State.FAILING, retry=True)

    engines.act = third_time
    lanes.put(repository("a", retry={"initial": "20ms", "max": "40ms"}))
    asked = Request("request", fetch=True, tasks=frozenset({"t"}), message="mine", by_hand=True)
    assert lanes.submit("a", asked).result(5).retry
    until(lambda: len(engines.crossed) == 3)
    assert [request for _, request in engines.crossed[1:]] == [Request("retry", fetch=True)] * 2
    time.sleep(0.15)
    assert len(engines.crossed) == 3


def test_tries_are_counted_and_end_where_the_settings_say(lanes: Lanes, engines: Engines) -> None:
    engines.act = lambda repository, request: answer(repository, state=State.FAILING, retry=True)
    lanes.put(repository("a", retry={"initial": "10ms", "max": "10ms", "attempts": 2}))
    lanes.submit("a", watched("x")).result(5)
    until(lambda: len(engines.crossed) == 3)
    time.sleep(0.1)
    assert len(engines.crossed) == 3


def test_a_dropped_repository_finishes_its_crossing_and_begins_none(lanes: Lanes, engines: Engines) -> None:
    go, begun = threading.Event(), threading.Event()

    def slow(repository: Repository, request: Request) -> Outcome:
        begun.set()
        assert go.wait(5)
        return answer(repository)

    engines.act = slow
    lanes.put(repository("a"))
    running = lanes.submit("a", watched("one"))
    assert begun.wait(5)
    waiting = lanes.submit("a", watched("two"))
    lanes.drop("a")
    with pytest.raises(NoLane):
        waiting.result(5)
    with pytest.raises(NoLane):
        lanes.submit("a", watched("three"))
    go.set()
    assert running.result(5).state is State.HEALTHY
    assert len(engines.crossed) == 1


def test_stop_finishes_what_is_in_hand_and_refuses_what_waits(engines: Engines) -> None:
    lanes = Lanes(engines.engine(), workers=1)
    go, begun = threading.Event(), threading.Event()

    def slow(repository: Repository, request: Request) -> Outcome:
        begun.set()
        assert go.wait(5)
        return answer(repository)

    engines.act = slow
    for name in ("a", "b"):
        lanes.put(repository(name))
    running, waiting = lanes.submit("a", watched("x")), lanes.submit("b", watched("x"))
    assert begun.wait(5)
    threading.Timer(0.2, go.set).start()
    assert lanes.stop(threading.Event())
    assert running.result(0).state is State.HEALTHY
    with pytest.raises(Stopping):
        waiting.result(0)
    with pytest.raises(Stopping):
        lanes.submit("a", watched("x"))


def test_stop_cancels_what_takes_too_long_and_answers_everyone(engines: Engines) -> None:
    lanes = Lanes(engines.engine(), workers=2)
    cancel, never, begun = threading.Event(), threading.Event(), threading.Barrier(3)

    def long(repository: Repository, request: Request) -> Outcome:
        begun.wait(5)
        (cancel if repository.name == "hears" else never).wait(5)
        return answer(repository)

    engines.act = long
    wishes = {}
    for name in ("hears", "deaf"):
        lanes.put(repository(name))
        wishes[name] = lanes.submit(name, watched("x"))
    begun.wait(5)
    began = time.monotonic()
    assert not lanes.stop(cancel, finish=0.1, then=0.3)
    assert time.monotonic() - began < 2
    assert wishes["hears"].result(0).state is State.HEALTHY
    with pytest.raises(Stopping):
        wishes["deaf"].result(0)
    never.set()


def test_what_a_worker_has_in_hand_is_told(engines: Engines, lanes: Lanes) -> None:
    seen: list[str] = []

    def look(repository: Repository, request: Request) -> Outcome:
        seen.extend(step.what for step in lanes.steps())
        return answer(repository)

    engines.act = look
    lanes.put(repository("a"))
    lanes.submit("a", Request("watch")).result(10)
    assert seen == ["the sync of a"]
    end = time.monotonic() + 10
    while lanes.steps() and time.monotonic() < end:
        time.sleep(0.01)
    assert lanes.steps() == () and lanes.alive()


def test_a_worker_that_hangs_is_no_sign_of_life_and_one_that_goes_on_is(engines: Engines, lanes: Lanes) -> None:
    begun, go = threading.Event(), threading.Event()

    def hang(repository: Repository, request: Request) -> Outcome:
        begun.set()
        go.wait(20)
        return answer(repository)

    def faults_in(seconds: float) -> tuple[str, ...]:
        then = time.monotonic() + seconds
        return faults(Signs(lanes.steps(), (), then), then)

    engines.act = hang
    lanes.put(repository("a"))
    done = lanes.submit("a", Request("watch"))
    assert begun.wait(10)
    assert faults_in(0) == ()
    (said,) = faults_in(1000)
    assert said.startswith("the sync of a takes 10")
    go.set()
    done.result(10)
    until = time.monotonic() + 10
    while lanes.steps() and time.monotonic() < until:
        time.sleep(0.01)
    assert faults_in(1000) == ()


def test_threads_that_cannot_be_had_delay_work_and_lose_none(
    lanes: Lanes, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        lanes.put(repository(name))
    assert lanes.submit("a", watched("x")).result(5)
    begin, none_left = threading.Thread.start, threading.Event()

    def start(thread: threading.Thread) -> None:
        if none_left.is_set():
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    none_left.set()
    wishes = [lanes.submit(name, watched("x")) for name in "abc"]
    assert [wish.result(5).state for wish in wishes] == [State.HEALTHY] * 3
    none_left.clear()
    assert lanes.submit("b", watched("y")).result(5)
