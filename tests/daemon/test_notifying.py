"""Who is told of what: real messages to a real receiver, through a real database, over restarts and outages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitferry.config.errors import GitferryError
from gitferry.config.model import DesktopNotification, WebhookNotification
from gitferry.daemon.alerts import Alert, Kind
from gitferry.daemon.notifying import Notifying, Target, target_of
from gitferry.daemon.outbox import BETWEEN, WINDOW
from gitferry.store.alerts import StoredAlerts
from gitferry.store.store import Store
from gitferry.tests.daemon.test_webhook import Receiver, hook

AT = datetime(2026, 1, 2, 12, tzinfo=UTC)

__all__ = ["hook"]


def alert(name: str, kind: Kind = Kind.CONFLICT) -> Alert:
    return Alert(name, kind, "work", name, f"{kind} of {name}", "do", AT, AT)


@dataclass
class World:
    """A database, a receiver, a clock that this test moves, and one process after the other."""

    stored: StoredAlerts
    hook: Receiver
    now: float = 1000.0

    def process(self, *targets: Target) -> Notifying:
        made = Notifying(lambda: self.stored, {}, host="desk", clock=lambda: self.now)
        made.set(targets or (self.target(),))
        return made

    def target(self, **changes: object) -> Target:
        given = {"type": "webhook", "url": self.hook.url} | changes
        return target_of(WebhookNotification.model_validate(given), lambda name: f"secret of {name}")

    def opens(self, process: Notifying, *alerts: Alert) -> None:
        before = {each.id for each in self.stored.open()}
        now = {each.id for each in alerts}
        self.stored.change([each for each in alerts if each.id not in before], before - now)
        process.news(alerts)

    def passes(self, process: Notifying, seconds: float) -> None:
        """Let time pass as the thread does it: look, wait, look."""
        end = self.now + seconds
        while (wait := process.look()) is not None and self.now + wait <= end:
            self.now += wait
        self.now = end

    def told(self) -> list[list[str]]:
        return [[each["id"] for each in json.loads(body)["data"]["alerts"]] for _, body in self.hook.got]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.hook.got]


@pytest.fixture
def world(tmp_path: Path, hook: Receiver) -> Iterator[World]:
    with Store(f"sqlite:///{tmp_path / 'gitferry.db'}") as store:
        yield World(StoredAlerts(lambda: store), hook)


def test_what_comes_together_is_told_together_and_once(world: World) -> None:
    first = world.process()
    world.opens(first, alert("a"))
    world.passes(first, WINDOW / 2)
    world.opens(first, alert("a"), alert("b", Kind.APPROVAL), alert("x", Kind.FAILING))
    world.passes(first, 10 * BETWEEN)
    assert world.told() == [["a", "b"]]
    second = world.process()
    world.opens(second, alert("a"), alert("b", Kind.APPROVAL), alert("c"))
    world.passes(second, 10 * BETWEEN)
    assert world.told() == [["a", "b"], ["c"]]
    assert len(set(world.ids())) == 2


def test_a_lost_answer_and_a_restart_repeat_the_same_message(world: World) -> None:
    world.hook.answers = [500]
    first = world.process()
    world.opens(first, alert("a"))
    world.passes(first, WINDOW)
    assert world.told() == [["a"]]
    second = world.process()
    world.opens(second, alert("a"), alert("b"))
    world.passes(second, 10 * BETWEEN)
    assert world.told() == [["a"], ["a"], ["b"]]
    assert world.ids()[0] == world.ids()[1] != world.ids()[2]


def test_after_a_time_offline_there_is_no_stream(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world.hook.answers = [503] * 1000
    process = world.process()
    for number in range(30):
        world.opens(process, *(alert(f"a{each}") for each in range(max(0, number - 3), number + 1)))
        world.passes(process, 600)
    tries = len(world.hook.got)
    assert tries < 60
    (fault,) = (row["fault"] for row in process.standing())
    assert fault == "it answers 503"
    said = [record.getMessage() for record in caplog.records if record.name == "gitferry.daemon.notifying"]
    assert said == ["webhook at 127.0.0.1 cannot be told: it answers 503; it is tried again"]
    world.hook.answers = []
    process.hurry()
    world.passes(process, 10 * BETWEEN)
    after = world.told()[tries:]
    assert len(after) <= 2 and sorted(each for message in after for each in message) == ["a26", "a27", "a28", "a29"]
    assert process.standing() == [{"to": "webhook at 127.0.0.1", "fault": None, "hint": None}]


def test_what_is_over_is_not_sent_any_more(world: World) -> None:
    world.hook.answers = [503]
    process = world.process()
    world.opens(process, alert("a"), alert("b"))
    world.passes(process, WINDOW)
    world.opens(process, alert("b"))
    world.passes(process, BETWEEN)
    assert world.told() == [["a", "b"], ["b"]]


def test_who_refuses_is_not_asked_again(world: World) -> None:
    world.hook.answers = [410]
    process = world.process()
    world.opens(process, alert("a"))
    world.passes(process, 10 * BETWEEN)
    assert world.told() == [["a"]]
    assert process.standing()[0]["fault"] == "it answers 410"
    again = world.process()
    world.opens(again, alert("a"))
    world.passes(again, 10 * BETWEEN)
    assert world.told() == [["a"]]


def test_each_target_has_its_events(world: World) -> None:
    process = world.process(world.target(events=["credential"]))
    world.opens(process, alert("a"), alert("c", Kind.VAULT_LOCKED))
    world.passes(process, BETWEEN)
    assert world.told() == [["c"]]


def test_the_secret_is_the_vaults_and_a_locked_vault_is_waited_for(world: World) -> None:
    locked = [True]

    def secret(name: str) -> str:
        if locked[0]:
            raise GitferryError("the vault is locked")
        return f"secret of {name}"

    wanted = WebhookNotification.model_validate({"type": "webhook", "url": world.hook.url, "credential": "hooks"})
    process = world.process(target_of(wanted, secret))
    world.opens(process, alert("a"))
    world.passes(process, WINDOW)
    assert [row["fault"] for row in process.standing()] == ["the vault is locked"]
    assert world.told() == []
    locked[0] = False
    process.hurry()
    world.passes(process, 1)
    assert world.told() == [["a"]] and "webhook-signature" in world.hook.got[0][0]


def test_what_cannot_be_kept_is_not_sent(world: World) -> None:
    def broken() -> StoredAlerts:
        raise GitferryError("the disk is full")

    process = Notifying(broken, {}, host="desk", clock=lambda: world.now)
    process.set((world.target(),))
    process.news((alert("a"),))
    world.passes(process, BETWEEN)
    assert world.told() == []


def test_settings_that_change_keep_what_was_told(world: World) -> None:
    process = world.process()
    world.opens(process, alert("a"))
    world.passes(process, BETWEEN)
    process.set((target_of(DesktopNotification(type="desktop"), str), world.target(secret="another")))
    world.passes(process, 10 * BETWEEN)
    assert world.told() == [["a"]]
    assert [row["to"] for row in process.standing()] == ["desktop", "webhook at 127.0.0.1"]
    assert process.standing()[0]["fault"] == "there is no session bus"
    process.set(())
    world.opens(process, alert("a"), alert("b"))
    assert process.look() is None and process.standing() == []


def test_the_thread_begins_with_the_first_target_and_ends(world: World) -> None:
    process = Notifying(lambda: world.stored, {}, host="desk")
    process.start()
    assert threads() == []
    process.set((world.target(),))
    (thread,) = threads()
    process.close()
    thread.join(5)
    assert threads() == []


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "notifications"]
