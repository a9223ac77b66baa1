"""A remote's host out of reach: one repository tries for all, it is said once, and all go on when it is back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace

import pytest

from gitferry.config.errors import GitferryError
from gitferry.config.model import Repository
from gitferry.daemon.lanes import Lanes
from gitferry.pushback.outcome import Outcome, Request, State
from gitferry.tests.daemon.test_lanes import Engines, answer, repository, until, watched

QUICK = {"retry": {"initial": "50ms", "max": "100ms"}}
SLOW = {"retry": {"initial": "1h", "max": "1h"}}
CUT = "no route to host"


class Net:
    """Whether each host can be reached, and how often it was asked."""

    def __init__(self, engines: Engines) -> None:
        self.engines = engines
        self.down: set[str] = set()
        self.asked: list[str] = []
        self.stuck: set[str] = set()  # repositories that come to no try: a rebase stands in the way
        engines.act = self.cross

    def cross(self, repository: Repository, request: Request) -> Outcome:
        host, lost = self.engines.hosts.get(repository.name), dict(self.engines.lost)[repository.name]
        if lost is not None:
            return answer(repository, state=State.WAITING, waiting_for=lost, offline=True, retry=True)
        if repository.name in self.stuck:
            return answer(repository, state=State.WAITING, waiting_for="a rebase is under way")
        self.asked.append(repository.name)
        if host in self.down:
            return answer(repository, state=State.WAITING, waiting_for=CUT, offline=True, retry=True)
        return answer(repository, reached=True)

    def real(self, name: str) -> int:
        """Return how often a repository asked its host."""
        return self.asked.count(name)


@pytest.fixture
def engines() -> Engines:
    """The crossings of this test."""
    return Engines()


@pytest.fixture
def net(engines: Engines) -> Net:
    """The network of this test."""
    return Net(engines)


@pytest.fixture
def lanes(engines: Engines) -> Iterator[Lanes]:
    """Lanes over both."""
    made = Lanes(engines.engine(), workers=4)
    yield made
    assert made.stop(threading.Event(), finish=5, then=1)


@pytest.fixture
def ten(lanes: Lanes, engines: Engines) -> Callable[[dict[str, object]], list[str]]:
    """Ten repositories at one host."""

    def put(settings: dict[str, object]) -> list[str]:
        names = [f"r{number}" for number in range(10)]
        for name in names:
            engines.hosts[name] = "forge"
            lanes.put(repository(name, **settings))
        return names

    return put


def actions(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged of the network."""
    found = (getattr(record, "action", "") for record in caplog.records)
    return [action for action in found if action in ("offline", "online")]


def ask(lanes: Lanes, names: list[str], request: Request) -> list[Outcome]:
    """Wish for a crossing of each and return the answers."""
    return [wish.result(5) for wish in [lanes.submit(name, request) for name in names]]


def test_one_tries_for_all_and_each_way_is_said_once(
    lanes: Lanes, net: Net, ten: Callable[..., list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    names, net.down = ten(QUICK), {"forge"}
    with caplog.at_level(logging.INFO):
        assert ask(lanes, names[:1], watched("x"))[0].offline
        asked = len(net.asked)
        assert all(outcome.waiting_for == CUT for outcome in ask(lanes, names, Request("schedule", fetch=True)))
        assert len(net.asked) - asked <= 1, "the others take its word"
        until(lambda: len(net.asked) >= asked + 4)
        assert len(set(net.asked)) > 1, "they take turns"
        net.down = set()
        until(lambda: {name for name, _ in net.engines.crossed if net.real(name)} == set(names))
        until(lambda: not lanes.running())
        assert actions(caplog) == ["offline", "online"]


def test_the_network_that_returns_ends_the_waiting_at_once(
    lanes: Lanes, net: Net, ten: Callable[..., list[str]]
) -> None:
    names, net.down = ten(SLOW), {"forge"}
    ask(lanes, names, watched("x"))
    net.down = set()
    lanes.hurry()
    until(lambda: set(net.asked) == set(names))
    assert all(net.real(name) <= 3 for name in names)


def test_a_person_may_always_try_and_finds_it_for_all(lanes: Lanes, net: Net, ten: Callable[..., list[str]]) -> None:
    names, net.down = ten(SLOW), {"forge"}
    ask(lanes, names, watched("x"))
    net.down = set()
    assert ask(lanes, ["r5"], Request("request", fetch=True, by_hand=True))[0].reached
    until(lambda: set(net.asked) == set(names))


def test_one_that_comes_to_no_try_leaves_it_to_the_next(lanes: Lanes, net: Net, ten: Callable[..., list[str]]) -> None:
    names, net.down = ten(SLOW), {"forge"}
    ask(lanes, names, watched("x"))
    net.down, net.stuck = set(), set(names[:9])
    lanes.hurry()
    until(lambda: net.real("r9") >= 1)


def test_other_hosts_are_not_concerned_and_a_path_is_its_own(lanes: Lanes, net: Net, engines: Engines) -> None:
    for name, host in (("a", "one"), ("b", "two"), ("c", None), ("d", None)):
        if host:
            engines.hosts[name] = host
        lanes.put(repository(name, **SLOW))
    net.down = {"one"}
    assert [outcome.offline for outcome in ask(lanes, ["a", "b", "c", "d"], watched("x"))] == [
        True,
        False,
        False,
        False,
    ]
    assert [outcome.offline for outcome in ask(lanes, ["a", "b", "c", "d"], watched("x"))] == [
        True,
        False,
        False,
        False,
    ]


def test_being_offline_is_no_failure_that_is_counted(lanes: Lanes, net: Net, engines: Engines) -> None:
    engines.hosts["a"] = "forge"
    lanes.put(repository("a", retry={"initial": "10ms", "max": "10ms", "attempts": 2}))
    net.down = {"forge"}
    ask(lanes, ["a"], watched("x"))
    until(lambda: net.real("a") > 5)
    net.down = set()
    until(lambda: engines.heard[-1].reached)


def test_who_waits_is_dropped_with_its_host(lanes: Lanes, net: Net, engines: Engines) -> None:
    engines.hosts |= {"a": "forge", "b": "forge"}
    for name in ("a", "b"):
        lanes.put(repository(name, **SLOW))
    net.down = {"forge"}
    ask(lanes, ["a"], watched("x"))
    lanes.drop("a")
    assert ask(lanes, ["b"], watched("x"))[0].offline
    assert net.real("b") == 1, "nobody else was left to try"


def test_many_hanging_servers_hold_up_only_themselves(
    lanes: Lanes, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes._pool, "_patience", 0.2)
    go = threading.Event()

    def hang(repository: Repository, request: Request) -> Outcome:
        if repository.name.startswith("slow"):
            assert go.wait(20)
        return answer(repository, reached=True)

    engines.act = hang
    slow = []
    for number in range(8):
        engines.hosts[f"slow{number}"] = f"host{number}"
        lanes.put(repository(f"slow{number}"))
        slow.append(lanes.submit(f"slow{number}", watched("x")))
    for number in range(5):
        lanes.put(repository(f"quick{number}"))
        assert lanes.submit(f"quick{number}", watched("x")).result(5).state is State.HEALTHY
    assert not any(wish.done() for wish in slow)
    go.set()
    for wish in slow:
        wish.result(5)
    time.sleep(0.1)
    workers = [thread for thread in threading.enumerate() if thread.name.startswith("lane-worker")]
    assert len(workers) <= 4, "the threads that came for them are gone with them"


class Gate:
    """Holds one repository's crossings up, at their end."""

    def __init__(self, net: Net, name: str) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self._net, self._name = net, name
        net.engines.act = self.cross

    def cross(self, repository: Repository, request: Request) -> Outcome:
        outcome = self._net.cross(repository, request)
        if repository.name == self._name:
            self.begun.set()
            assert self.go.wait(5)
        return outcome


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does nothing with a turn loses it soon."""
    monkeypatch.setattr("gitferry.daemon.lanes._LATER", 0.2)


def two(lanes: Lanes, engines: Engines, **settings: object) -> None:
    """Have `a` and `b` wait for one host, `a` first."""
    for name in ("a", "b"):
        engines.hosts[name] = "forge"
        lanes.put(repository(name, **settings))


@pytest.mark.usefixtures("impatient")
def test_the_turn_of_one_that_is_dropped_goes_to_the_next(lanes: Lanes, net: Net, engines: Engines) -> None:
    two(lanes, engines, **QUICK)
    net.down = {"forge"}
    ask(lanes, ["a"], watched("x"))
    gate = Gate(net, "a")
    assert gate.begun.wait(5), "it is a's turn"
    ask(lanes, ["b"], watched("x"))
    lanes.drop("a")
    gate.go.set()
    until(lambda: net.real("b") > 0)
    net.down = set()
    until(lambda: engines.heard[-1].reached)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("stuck", [False, True])
def test_the_turn_of_one_whose_settings_change_is_not_lost(
    lanes: Lanes, net: Net, engines: Engines, *, stuck: bool
) -> None:
    two(lanes, engines, **QUICK)
    net.down = {"forge"}
    ask(lanes, ["a"], watched("x"))
    net.stuck = {"a"} if stuck else set()
    gate = Gate(net, "a")
    assert gate.begun.wait(5), "it is a's turn"
    ask(lanes, ["b"], watched("x"))
    lanes.put(repository("a", **QUICK, watch={"quiet": "3s"}))
    gate.go.set()
    until(lambda: net.real("b") > 0)


def test_one_that_moves_during_its_crossing_leaves_no_host_lost(lanes: Lanes, net: Net, engines: Engines) -> None:
    two(lanes, engines, **QUICK)
    net.down = {"forge"}
    gate = Gate(net, "a")
    wish = lanes.submit("a", watched("x"))
    assert gate.begun.wait(5)
    engines.hosts["a"] = "other"
    lanes.put(repository("a", **QUICK, watch={"quiet": "3s"}))
    gate.go.set()
    assert wish.result(5).offline
    until(lambda: engines.heard[-1].reached)
    assert lanes.load().lost == 0
    net.down = set()
    assert ask(lanes, ["b"], watched("y"))[0].reached


def test_a_host_that_is_read_while_the_settings_change_is_read_again(net: Net, engines: Engines) -> None:
    moved = threading.Event()

    def host(of: Repository) -> str | None:
        if moved.is_set():
            return engines.hosts[of.name]
        moved.set()
        made.put(repository("a", **SLOW, watch={"quiet": "3s"}))
        return "old"

    engines.hosts |= {"a": "new", "b": "old"}
    made = Lanes(replace(engines.engine(), host=host), workers=4)
    made.put(repository("a", **SLOW))
    made.put(repository("b", **SLOW))
    net.down = {"new"}
    ask(made, ["a"], watched("x"))
    assert ask(made, ["b"], watched("x"))[0].reached, "its host is another one"
    assert made.stop(threading.Event(), finish=5, then=1)


def test_a_remote_that_was_set_to_another_host_waits_for_the_old_one_no_longer(net: Net, engines: Engines) -> None:
    made = Lanes(replace(engines.engine(), stamp=lambda of: engines.hosts[of.name]), workers=4)
    engines.hosts |= {"a": "old"}
    made.put(repository("a", **SLOW))
    net.down = {"old"}
    assert not ask(made, ["a"], watched("x"))[0].reached and made.load().lost == 1
    engines.hosts |= {"a": "new"}
    assert ask(made, ["a"], watched("x"))[0].reached and made.load().lost == 0
    assert made.stop(threading.Event(), finish=5, then=1)


def test_a_host_lost_again_at_the_moment_it_is_found_is_tried_again(lanes: Lanes, net: Net, engines: Engines) -> None:
    two(lanes, engines, **QUICK)
    net.down = {"forge"}
    ask(lanes, ["a"], watched("x"))
    clear, cleared = lanes._alarms.clear, threading.Event()

    def clear_late(key: Hashable) -> None:
        if key == ("place", "forge") and not cleared.is_set():
            net.down = {"forge"}
            other = threading.Thread(target=lanes.submit, args=("b", watched("x")))
            other.start()
            other.join(0.1)  # where it has to wait for us, all is well
            cleared.set()
            time.sleep(0.1)
        clear(key)

    lanes._alarms.clear = clear_late  # type: ignore[method-assign]
    net.down = set()
    assert cleared.wait(5)
    until(lambda: net.real("b") > 0)
    asked = len(net.asked)
    until(lambda: len(net.asked) > asked + 2)


def test_the_network_that_returns_has_one_try_and_not_all(
    lanes: Lanes, net: Net, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitferry.daemon.lanes._soon", time.monotonic)
    names = [f"r{number}" for number in range(30)]
    for name in names:
        engines.hosts[name] = "forge"
        lanes.put(repository(name, **SLOW))
    net.down = {"forge"}
    ask(lanes, names, watched("x"))
    until(lambda: not lanes.running())
    before, asked = len(engines.crossed), len(net.asked)
    lanes.hurry()
    until(lambda: len(net.asked) > asked)
    until(lambda: not lanes.running() and not lanes.load().waiting)
    assert len(engines.crossed) == before + 1


def test_a_second_return_of_the_network_takes_no_turn_away(
    lanes: Lanes, net: Net, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitferry.daemon.lanes._soon", time.monotonic)
    engines.hosts["a"] = "forge"
    others = [f"w{number}" for number in range(4)]
    for name in ("a", *others):
        lanes.put(repository(name, **SLOW))
    net.down = {"forge"}
    ask(lanes, ["a"], watched("x"))
    go = threading.Event()

    def cross(repository: Repository, request: Request) -> Outcome:
        assert repository.name not in others or go.wait(5)
        return net.cross(repository, request)

    engines.act, net.down = cross, set()
    busy = [lanes.submit(name, watched("x")) for name in others]
    until(lambda: len(lanes.running()) == 4)
    lanes.hurry()
    until(lambda: lanes.load().waiting == 1)
    lanes.hurry()
    alarm = threading.Event()
    lanes._alarms.set("after", time.monotonic(), alarm.set)
    assert alarm.wait(5)
    go.set()
    for each in busy:
        each.result(5)
    until(lambda: net.real("a") == 2)


def test_one_that_needs_no_network_takes_no_turn_away(
    lanes: Lanes, net: Net, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitferry.daemon.lanes._soon", time.monotonic)
    two(lanes, engines, **SLOW)
    others = [f"w{number}" for number in range(3)]
    for name in others:
        lanes.put(repository(name, **SLOW))
    net.down = {"forge"}
    ask(lanes, ["a"], watched("x"))
    done, go = threading.Event(), threading.Event()

    def cross(repository: Repository, request: Request) -> Outcome:
        if repository.name == "b":  # nothing of it is to be pushed
            assert done.wait(5)
            return answer(repository)
        assert repository.name not in others or go.wait(5)
        return net.cross(repository, request)

    engines.act, net.down = cross, set()
    busy = [lanes.submit(name, watched("x")) for name in (*others, "b")]
    until(lambda: len(lanes.running()) == 4)
    lanes.hurry()
    until(lambda: lanes.load().waiting == 1)  # it is a's turn, as soon as there is a worker
    done.set()
    until(lambda: net.real("a") == 2)
    go.set()
    for each in busy:
        each.result(5)


def test_a_host_that_could_not_be_read_is_read_once_it_can_be(net: Net, engines: Engines) -> None:
    mounted = threading.Event()

    def host(repository: Repository) -> str | None:
        if not mounted.is_set():
            raise GitferryError("its disk is not mounted")
        return engines.hosts.get(repository.name)

    lanes = Lanes(replace(engines.engine(), host=host), workers=4)
    two(lanes, engines, **SLOW)
    net.stuck = {"a", "b"}
    ask(lanes, ["a", "b"], watched("x"))
    mounted.set()
    net.stuck, net.down = set(), {"forge"}
    ask(lanes, ["a"], watched("x"))
    ask(lanes, ["b"], watched("x"))
    assert net.asked == ["a"], "they wait for one host"
    assert lanes.load().lost == 1
    assert lanes.stop(threading.Event(), finish=5, then=1)
