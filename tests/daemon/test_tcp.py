"""The routes for monitors over a real TCP port: three, for requests that name this server, as the settings say."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gitferry.config.model import Http
from gitferry.daemon.house import House
from gitferry.daemon.tcp import PortTaken, Tcp, bound
from gitferry.tests.daemon.test_api import write_settings
from gitferry.tests.repo import Repo


@pytest.fixture
def lived_in(clone: Callable[..., Repo]) -> Iterator[House]:
    made = House(write_settings({"name": "work", "path": str(clone().root)}), os.environ)
    yield made
    made.close()


@pytest.fixture
def tcp(lived_in: House) -> Iterator[Tcp]:
    made = Tcp(lived_in.probes, lived_in.crash)
    yield made
    made.stop()


def ask(address: str, route: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, route, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_three_routes_and_nothing_else(lived_in: House, tcp: Tcp) -> None:
    tcp.apply(Http(enabled=True, port=0))
    assert tcp.address is not None and tcp.address.startswith("127.0.0.1:")
    assert ask(tcp.address, "/health") == (200, '{"status":"ok"}')
    assert ask(tcp.address, "/ready")[0] == 503
    status, body = ask(tcp.address, "/metrics")
    assert status == 200 and 'gitferry_crossings_total{repository="work",result="ok"} 0.0' in body
    for route in ("/api/v1/status", "/api/v1/alerts", "/openapi.json", "/docs", "/"):
        assert ask(tcp.address, route)[0] == 404, route
    for route in ("/health", "/metrics"):
        assert ask(tcp.address, route, "POST")[0] == 405
    lived_in.probes.stuck = lambda: "the lanes do not go on"
    assert ask(tcp.address, "/health") == (503, '{"status":"stuck","reason":"the lanes do not go on"}')


@pytest.mark.parametrize("host", ["evil.example.org", "evil.example.org:8470", "127.0.0.1", "127.0.0.1:1", ""])
def test_a_request_for_another_host_is_refused(tcp: Tcp, host: str) -> None:
    tcp.apply(Http(enabled=True, port=0))
    assert tcp.address is not None
    assert ask(tcp.address, "/metrics", Host=host)[0] == 421
    port = tcp.address.rpartition(":")[2]
    assert ask(tcp.address, "/metrics", Host=f"LOCALHOST:{port}")[0] == 200


def test_two_hosts_are_none(tcp: Tcp) -> None:
    tcp.apply(Http(enabled=True, port=0))
    assert tcp.address is not None
    with socket.create_connection(("127.0.0.1", int(tcp.address.rpartition(":")[2])), timeout=10) as connection:
        fields = f"Host: {tcp.address}\r\nHost: evil.example.org\r\nConnection: close\r\n"
        connection.sendall(f"GET /metrics HTTP/1.1\r\n{fields}\r\n".encode())
        assert connection.recv(100).split()[1] in (b"400", b"421")


def served(tcp: Tcp, **settings: Any) -> str | None:
    tcp.apply(Http(**settings))
    return tcp.address


def test_it_changes_with_the_settings(tcp: Tcp) -> None:
    assert served(tcp) is None
    first = served(tcp, enabled=True, port=0)
    assert first is not None and served(tcp, enabled=True, port=0) == first
    second = served(tcp, enabled=True, port=0, allowed_hosts=("ferry.example.org",))
    assert second is not None and ask(second, "/health", Host="ferry.example.org")[0] == 200
    assert served(tcp) is None
    with pytest.raises(OSError, match="refused"):
        ask(second, "/health")


def test_what_cannot_be_served_is_said_and_tried_again(tcp: Tcp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert served(tcp, enabled=True, port=port) is None
        assert tcp.fault == f"daemon.http: 127.0.0.1:{port} cannot be listened on: address already in use"
    assert served(tcp, enabled=True, port=port) == f"127.0.0.1:{port}"
    assert (lambda: tcp.fault)() is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_no_address_that_others_reach(host: str) -> None:
    with pytest.raises(PortTaken, match="can be reached from elsewhere"):
        bound(host, 0)


def test_a_name_that_is_none() -> None:
    with pytest.raises(PortTaken, match="is no address"):
        bound("no.such.host.invalid", 0)
