"""The client of the socket: it waits for a daemon that lives as long as it takes, and for one that is stopped not."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.config.paths import socket_to_bind
from gitferry.daemon.client import Client, DaemonNotRunning, DaemonSilent
from gitferry.tests.daemon.test_process import running, settings


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[int]:
    """A daemon that SIGSTOP holds."""
    settings()
    with running(tmp_path) as daemon:
        os.kill(daemon.process.pid, signal.SIGSTOP)
        yield daemon.process.pid
        os.kill(daemon.process.pid, signal.SIGCONT)


def test_a_stopped_daemon_is_named_and_not_waited_for(stopped: int) -> None:
    with Client(socket_to_bind(os.environ), patience=0.3) as client, pytest.raises(DaemonSilent) as said:
        client.status()
    assert f"(process {stopped}) is stopped" in said.value.title
    assert f"`kill -CONT {stopped}`" in said.value.hint


def test_nor_is_one_that_takes_no_more_of_a_long_question(tmp_path: Path) -> None:
    place = tmp_path / "stopped.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        with Client(place, patience=0.3) as client, pytest.raises(DaemonSilent):
            client.unlock("x" * 4_000_000)


def test_a_daemon_that_takes_long_and_lives_is_waited_for(tmp_path: Path) -> None:
    place = tmp_path / "slow.sock"
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"slow": 1}\n'
    health = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()

        def serve() -> None:
            first, _ = listener.accept()
            with first:
                first.recv(65536)
                second, _ = listener.accept()
                with second:
                    assert second.recv(65536).startswith(b"GET /health ")
                    second.sendall(answer)
                    health.set()
                first.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with Client(place, patience=0.3) as client:
            assert client.sync() == {"slow": 1}
        thread.join(10)
    assert health.is_set()


def test_a_socket_that_nobody_accepts_at_is_a_silent_daemon(tmp_path: Path) -> None:
    place = tmp_path / "full.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(place))
            with Client(place, patience=0.3) as client, pytest.raises(DaemonSilent):
                client.status()


def test_no_socket_is_no_daemon(tmp_path: Path) -> None:
    with Client(tmp_path / "none.sock") as client, pytest.raises(DaemonNotRunning):
        client.probe()
