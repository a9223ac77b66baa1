"""Which hosts a request over TCP may name."""

from __future__ import annotations

import pytest

from gitferry.daemon.api.host_check import hosts


@pytest.mark.parametrize(
    ("listening", "port", "allowed", "expected"),
    [
        ("127.0.0.1", 8470, (), {"127.0.0.1:8470", "localhost:8470"}),
        ("::1", 8470, (), {"[::1]:8470", "localhost:8470"}),
        ("LocalHost", 8470, (), {"localhost:8470"}),
        ("127.0.0.1", 80, (), {"127.0.0.1:80", "localhost:80", "127.0.0.1", "localhost"}),
        (
            "127.0.0.1",
            1,
            ("Ferry.example.org",),
            {"127.0.0.1:1", "localhost:1", "ferry.example.org:1", "ferry.example.org"},
        ),
    ],
)
def test_hosts(listening: str, port: int, allowed: tuple[str, ...], expected: set[str]) -> None:
    assert hosts(listening, port, allowed) == expected
