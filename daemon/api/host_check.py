"""Requests over TCP are answered only where they name this server: a page from elsewhere cannot ask through a browser.

Source: RFC 9110, sections 7.2 (Host) and 15.5.20 (421). A name that an attacker's DNS points at loopback is in no list.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from gitferry.daemon.api.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_HTTP = 80


def hosts(listening: str, port: int, allowed: Iterable[str]) -> frozenset[str]:
    """Return what a Host field may say: the address, localhost and the names allowed, with the port or as written.

    Without a port they mean 80 (RFC 9110, section 4.2.1), but for the names allowed: a proxy passes on its own.
    """
    named = [f"[{listening}]" if ":" in listening else listening, "localhost"]
    extra = [each.lower() for each in allowed]
    found = {f"{name.lower()}:{port}" for name in (*named, *extra)} | set(extra)
    return frozenset(found | {name.lower() for name in named} if port == _HTTP else found)


class HostCheck:
    """Passes on to `app` what names one of `allowed` in its one Host field, and refuses the rest."""

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            named = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
            if len(named) != 1 or named[0] not in self._allowed:
                refused = problem(
                    HTTPStatus.MISDIRECTED_REQUEST,
                    "the request is for another host",
                    "ask by the address that is listened on, or name the host in daemon.http.allowed_hosts",
                )
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)
