"""What needs a person, from the save to the message: a real daemon and its monitors, and a real receiver."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gitferry.config.paths import socket_to_bind
from gitferry.daemon import outbox
from gitferry.daemon.client import Client
from gitferry.daemon.control import Control
from gitferry.daemon.house import House
from gitferry.tests.daemon.test_api import write_settings
from gitferry.tests.daemon.test_process import entry, row, running, settings, until
from gitferry.tests.daemon.test_webhook import Receiver, hook
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
        for connect in (lambda: OverSocket("localhost"), lambda: http.client.HTTPConnection("127.0.0.1", port)):
            assert ask(connect(), "/health") == (200, '{"status":"ok"}')
            status, body = ask(connect(), "/ready")
            assert status == 200
            assert json.loads(body) == {"status": "ready", "repositories": 1, "watched": 1, "crossed": 1, "healthy": 1}
            status, body = ask(connect(), "/metrics")
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
    assert said == [("alert", "settings"), ("alert_over", "settings"), ("alert_over", "approval")]
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
