"""What the service manager hears of a daemon: ready, reloading, alive, how things stand, stopping."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitferry.daemon.heartbeat import Signs
from gitferry.daemon.notify import ServiceManager
from gitferry.daemon.pulse import Pulse
from gitferry.repos.progress import Step
from gitferry.tests.daemon.test_process import entry, running, settings
from gitferry.tests.repo import Repo


class Manager:
    """The other end of the notification socket."""

    def __init__(self, place: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(place))
        self._socket.settimeout(20)

    def heard(self) -> list[str]:
        """The assignments of the next message."""
        return self._socket.recv(4096).decode().split("\n")

    def until(self, assignment: str) -> list[str]:
        """The first message with `assignment` in it, past all others."""
        while assignment not in (said := self.heard()):  # the socket gives up after 20 s
            pass
        return said

    def silent(self) -> bool:
        """Whether nothing more was sent."""
        self._socket.setblocking(False)
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(20)
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(runtime_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    made = Manager(runtime_directory / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(runtime_directory / "notify"))
    yield made
    made.close()


def test_a_daemon_tells_of_its_life(
    tmp_path: Path, clone: Callable[..., Repo], manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    path = settings(entry(clone("here")))
    with running(tmp_path) as daemon:
        assert manager.until("READY=1") == ["READY=1", f"MAINPID={daemon.process.pid}", "STATUS=1 repository"]
        manager.until("WATCHDOG=1")
        settings(entry(clone("here2")), entry(clone("there")))
        daemon.process.send_signal(signal.SIGHUP)
        reloading = manager.until("RELOADING=1")
        (at,) = [int(said.partition("=")[2]) for said in reloading if said.startswith("MONOTONIC_USEC=")]
        assert abs(at / 1e6 - time.clock_gettime(time.CLOCK_MONOTONIC)) < 20
        assert manager.until("READY=1")[2].startswith("STATUS=2 repositories")
        path.write_text("version: 1\nrepos: []\n")
        daemon.process.send_signal(signal.SIGHUP)
        manager.until("RELOADING=1")
        assert f"; settings fault: {path}:2:1: " in manager.until("READY=1")[2]
        assert daemon.stop() == 0
        assert manager.until("STOPPING=1") == ["STOPPING=1", "STATUS=stopping"]


def test_a_daemon_that_hangs_is_not_said_to_live(manager: Manager, caplog: pytest.LogCaptureFixture) -> None:
    now = time.monotonic()
    stuck = [Step("the sync of a", now - 5000, 900)]
    environ = dict(os.environ) | {"WATCHDOG_USEC": "2", "WATCHDOG_PID": str(os.getpid())}
    pulse = Pulse(ServiceManager(environ), str, lambda: Signs(tuple(stuck), (), time.monotonic()))
    for _ in range(3):
        pulse.go_on()
    assert manager.silent()
    assert [record.getMessage() for record in caplog.records] == [
        "this daemon hangs: the sync of a takes 5000 s, and may take 900 s"
    ]
    stuck.clear()
    pulse.go_on()
    assert manager.heard() == ["WATCHDOG=1"]


def test_how_things_stand_is_told_once(manager: Manager) -> None:
    told = ServiceManager(os.environ)
    told.ready("2 repositories")
    told.status("2 repositories")
    told.status("2 repositories, 1 pending")
    assert manager.heard() == ["READY=1", f"MAINPID={os.getpid()}", "STATUS=2 repositories"]
    assert manager.heard() == ["STATUS=2 repositories, 1 pending"]
    assert manager.silent()


def test_without_a_service_manager_nothing_is_sent() -> None:
    ServiceManager({}).ready("all is well")
    ServiceManager({"NOTIFY_SOCKET": "relative"}).stopping()
    ServiceManager({"NOTIFY_SOCKET": "/nonexistent/notify", "WATCHDOG_USEC": "2"}).beat()
