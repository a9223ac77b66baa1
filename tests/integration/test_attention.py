"""What needs a person, from the save to the message: a real daemon and its monitors, and a real receiver."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gitferry.config.paths import socket_to_bind
from gitferry.daemon import outbox, rows
from gitferry.daemon.client import Client
from gitferry.daemon.control import Control
from gitferry.daemon.house import House
from gitferry.pushback.outcome import Request
from gitferry.security.credential import Given
from gitferry.tests.daemon.test_api import write_settings
from gitferry.tests.daemon.test_process import entry, row, running, settings, until
from gitferry.tests.daemon.test_webhook import Receiver, hook
from gitferry.tests.integration.servers import HttpServer
from gitferry.tests.repo import Repo

__all__ = ["hook"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class OverSocket(http.client.HTTPConnection):
    """HTTP over the daemon's socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(str(socket_to_bind(os.environ)))


def ask(connection: http.client.HTTPConnection, route: str) -> tuple[int, str]:
    try:
        connection.request("GET", route)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def figures(text: str) -> dict[tuple[str, ...], float]:
    families = list(text_string_to_metric_families(text))
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def kinds(client: Client) -> list[str]:
    return [each["kind"] for each in client.alerts()["alerts"]]


def test_monitors_of_a_real_daemon(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    here, port = clone("here"), free_port()
    settings(entry(here), http={"enabled": True, "port": port})
    with running(tmp_path) as daemon:
        until(lambda: row(daemon.client(), "here")["state"] == "healthy")
        here.write("notes.txt", "mine\n")
        until(lambda: here.git("log", "origin/main", "-1", "--format=%s") == "Update notes.txt" or pushed(port) == 1)
        over_tcp = http.client.HTTPConnection("127.0.0.1", port)
        for connection in (OverSocket("localhost"), over_tcp):
            assert ask(connection, "/health") == (200, '{"status":"ok"}')
            status, body = ask(connection, "/ready")
            assert status == 200
            assert json.loads(body) == {"status": "ready", "repositories": 1, "watched": 1, "crossed": 1, "healthy": 1}
            status, body = ask(connection, "/metrics")
            found = figures(body)
            assert status == 200 and found["gitferry_crossings_total", "here", "ok"] >= 2
            assert found["gitferry_pushes_total", "here", "accepted"] == 1
            assert found["gitferry_repository_state", "here", "healthy"] == 1
            assert found["gitferry_watch_covered", "here"] == 1 and found["gitferry_workers",] == 4
            assert found["gitferry_crossing_duration_seconds_count",] >= 2
            assert str(here.root) not in body
        assert ask(http.client.HTTPConnection("127.0.0.1", port), "/api/v1/status")[0] == 404
        told = row(daemon.client(), "here")
        assert (told["health"], told["success_rate"], told["lag_seconds"]) == ("healthy", 1.0, None)
        assert 0 < told["duration_p50"] <= told["duration_p95"]
        settings(entry(here))
        until(lambda: refused(port))
        assert daemon.stop() == 0


def pushed(port: int) -> float:
    _, body = ask(http.client.HTTPConnection("127.0.0.1", port), "/metrics")
    return figures(body)["gitferry_pushes_total", "here", "accepted"]


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_alerts_of_a_real_daemon_over_a_restart_and_a_faulty_edit(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    here = clone("here")
    path = settings(entry(here, pushback={"approval": "required"}))
    with running(tmp_path, "first") as first:
        until(lambda: row(first.client(), "here")["state"] == "healthy")
        here.write("notes.txt", "mine\n")
        until(lambda: kinds(first.client()) == ["approval"])
        (alert,) = first.client().alerts()["alerts"]
        assert (alert["repository"], alert["subject"]) == ("here", "notes.txt")
        assert row(first.client(), "here")["lag_seconds"] >= 0
        assert first.stop() == 0
    with Control(None, os.environ) as without:
        assert without.status()["alerts"] == [alert]
    with running(tmp_path, "second") as second:
        assert second.client().alerts()["alerts"] == [alert]
        until(lambda: row(second.client(), "here")["health"] == "healthy")
        good = path.read_text()
        path.write_text(good.replace("approval", "aproval"))
        until(lambda: "settings" in kinds(second.client()))
        path.write_text(good)
        until(lambda: kinds(second.client()) == ["approval"])
        second.client().approve([alert["subject"]])
        until(lambda: kinds(second.client()) == [])
        assert second.stop() == 0
        said = [(fact["action"], fact["kind"]) for fact in second.facts() if fact.get("action", "").startswith("alert")]
        refused = [fact["level"] for fact in second.facts() if fact.get("action") == "settings_refused"]
    assert said == [("alert_over", "settings"), ("alert_over", "approval")] and refused == ["error"]
    assert [fact["kind"] for fact in first.facts() if fact.get("action") == "alert"] == ["approval"]


def test_a_conflict_is_told_to_a_webhook_once(
    clone: Callable[..., Repo],
    hook: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "WINDOW", 0.2)
    here, there = clone("here"), clone("there")
    path = write_settings({"name": "here", "path": str(here.root), "pushback": {"conflict_strategy": "fail"}})
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"notifications": [{"type": "webhook", "url": hook.url}]})
    )
    there.write("README.md", "theirs\n")
    there.commit("Theirs")
    there.push()
    here.write("README.md", "ours\n")

    def messages() -> list[Any]:
        return [json.loads(body)["data"]["alerts"] for _, body in hook.got]

    for _ in range(2):
        house = House(path, os.environ)
        house.remember()
        with Control(None, os.environ, house=house) as control:
            house.attention.start()
            control.sync()
            until(lambda: len(messages()) == 1)
            assert control.status()["alerts"] == []  # it is told with its repository, and not old
        house.close()
    ((told,),) = messages()
    assert (told["kind"], told["repository"], told["subject"]) == ("conflict", "here", "README.md")
    assert told["message"] == "both sides changed README.md"


def test_a_conflict_is_as_old_as_its_hold(clone: Callable[..., Repo]) -> None:
    here, there = clone("here"), clone("there")
    path = write_settings({"name": "here", "path": str(here.root), "pushback": {"conflict_strategy": "fail"}})
    path.write_text(json.dumps(json.loads(path.read_text()) | {"daemon": {"health": {"conflict_age": "1ms"}}}))
    there.write("README.md", "theirs\n")
    there.commit("Theirs")
    there.push()
    here.write("README.md", "ours\n")
    house = House(path, os.environ)
    house.remember()
    wish = Request("request", fetch=True, by_hand=True)
    crossed(house, wish)
    (held,) = house.board.get("here").asking
    assert held.since is not None
    assert crossed(house, wish) == ["conflict", "conflict_old"]
    (again,) = house.board.get("here").asking
    assert again.since == held.since
    (alert,) = house.attention.alerts()
    assert (alert["kind"], alert["since"]) == ("conflict_old", rows.instant(held.since))
    house.close()


@pytest.fixture
def signing_in(clone: Callable[..., Repo], remote: Repo, http_server: HttpServer) -> Iterator[Callable[..., House]]:
    """A house with one repository at a server that asks for a password."""
    made: list[House] = []

    def make(**more: Any) -> House:
        here = clone("here")
        here.git("remote", "set-url", "origin", http_server.url(remote))
        house = House(write_settings({"name": "here", "path": str(here.root)} | more), os.environ)
        house.remember()
        made.append(house)
        return house

    yield make
    for house in made:
        house.close()


def crossed(house: House, request: Request) -> list[str]:
    """Return which kinds of concern there are after one crossing."""
    house.roster.ask("here", request).result(60)
    house.attention._alerting.look(["here"])
    return sorted(each.kind.value for each in house.attention._alerting.open())


def test_a_refused_credential_is_over_when_the_server_takes_one(
    signing_in: Callable[..., House], http_server: HttpServer, home: Path
) -> None:
    house, fetch = signing_in(), Request("schedule", fetch=True)
    http_server.refuse(home)
    assert crossed(house, fetch) == ["credential_refused"]
    assert crossed(house, Request("reconcile")) == ["credential_refused"]  # works, and asks no server
    found = house.row(house.roster.repository("here"))
    assert (found["state"], found["health"], found["failures"]) == ("healthy", "degraded", 1)
    http_server.admit(home)
    assert crossed(house, fetch) == []
    assert house.row(house.roster.repository("here"))["health"] == "healthy"


def test_a_locked_vault_is_told_while_a_repository_waits_for_it(
    signing_in: Callable[..., House], http_server: HttpServer
) -> None:
    house, fetch = signing_in(auth={"credential": "forge"}), Request("schedule", fetch=True)
    house.vault.init("passphrase", b"open sesame")
    house.vault.add(Given("forge", "basic", http_server.user), http_server.password.encode())
    assert crossed(house, fetch) == []
    house.vault.lock()
    assert crossed(house, fetch) == ["vault_locked"]
    house.vault.unlock(b"open sesame")
    assert crossed(house, fetch) == []
    figures_now = figures(house.probes.metrics().decode())
    assert figures_now["gitferry_vault_uses_total", "done"] >= 2
    assert figures_now["gitferry_vault_uses_total", "failed"] >= 1
