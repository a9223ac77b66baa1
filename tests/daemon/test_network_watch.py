"""A network that comes is noticed, by what the kernel itself tells."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.daemon.network_watch import NetworkWatch, types
from gitferry.tests.integration.servers import program

HEADER = struct.Struct("=IHHII")

# In a network namespace of its own, which the test may change.
WATCHED = """
import subprocess, sys, threading
from gitferry.daemon import network_watch
network_watch._SETTLED = 0.2
came = threading.Event()
watch = network_watch.NetworkWatch(came.set)
watch.start()
assert not came.wait(0.5), "nothing happened yet"
subprocess.run([sys.argv[1], "link", "set", "lo", "up"], check=True)
assert came.wait(10), "an address came"
came.clear()
subprocess.run([sys.argv[1], "link", "set", "lo", "down"], check=True)
assert not came.wait(1), "a network that goes is none that comes"
watch.stop()
print("seen")
"""


def message(kind: int, body: bytes = b"") -> bytes:
    """Return a netlink message as the kernel sends it."""
    whole = HEADER.pack(HEADER.size + len(body), kind, 0, 0, 0) + body
    return whole + b"\0" * (-len(whole) % 4)


def test_every_message_of_a_packet_is_read() -> None:
    assert list(types(message(20, b"abc") + message(24) + message(21, b"x" * 9))) == [20, 24, 21]


@given(st.binary(max_size=64))
def test_what_is_cut_short_or_no_message_ends_the_reading(packet: bytes) -> None:
    assert len(list(types(packet))) <= len(packet) // HEADER.size


@pytest.mark.server
def test_an_address_that_comes_is_noticed_and_one_that_goes_is_not() -> None:
    ran = subprocess.run(
        [program("unshare"), "--map-root-user", "--net", sys.executable, "-c", WATCHED, program("ip")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout == "seen\n", ran.stderr


def test_it_ends_when_it_is_stopped() -> None:
    watch = NetworkWatch(lambda: None)
    watch.start()
    watch.stop()
    assert "gitferry-network" not in [thread.name for thread in threading.enumerate()]


def test_much_news_at_once_is_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitferry.daemon.network_watch._SETTLED", 0.05)
    kernel, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    watch = NetworkWatch(lambda: None)
    with kernel, ours:
        for _ in range(50):
            kernel.send(message(20))
        assert watch._settled(ours)
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            ours.recv(1)
    watch.stop()
