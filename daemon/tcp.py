"""The routes for monitors on a TCP port of this machine, where and as long as the settings ask for it."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError

if TYPE_CHECKING:
    from gitferry.config.model import Http
    from gitferry.daemon.probes import Probes
    from gitferry.daemon.server import Server

log = logging.getLogger(__name__)


class PortTaken(GitferryError):
    """The address of the settings cannot be listened on."""


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens at `host`, an address of this machine's own loopback. Raises PortTaken."""
    place = f"{host}:{port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as failure:
        raise PortTaken(f"daemon.http: {host} is no address ({failure.strerror})", "take 127.0.0.1") from failure
    if not ipaddress.ip_address(address[0]).is_loopback:
        raise PortTaken(
            f"daemon.http: {host} can be reached from elsewhere, and who asks is not checked yet",
            "take 127.0.0.1, and a proxy that checks who asks in front of it",
        )
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(64)
    except OSError as failure:
        listener.close()
        raise PortTaken(
            f"daemon.http: {place} cannot be listened on: {(failure.strerror or str(failure)).lower()}",
            "`ss -ltnp` tells who has the port; take another one, or 0 for any",
        ) from failure
    return listener


class Tcp:
    """Serves what `Probes` answers while the settings say so. `fault` says why it does not, `address` where it does."""

    def __init__(self, probes: Probes, crash: Callable[[BaseException, str], Path | None]) -> None:
        self.fault: str | None = None
        self.address: str | None = None
        self._probes = probes
        self._crash = crash
        self._http: Http | None = None
        self._server: Server | None = None

    def apply(self, http: Http) -> None:
        """Serve as these settings say from now on. What is in the way is logged, and tried again with the next ones."""
        if http == self._http and self.fault is None:
            return
        self.stop()
        self._http = http
        if not http.enabled:
            return
        try:
            self._start(http)
        except GitferryError as error:
            log.error("%s", error, extra={"action": "http"})
            self.fault = error.title

    def stop(self) -> None:
        """Serve nothing."""
        server, self._server = self._server, None
        self.fault = self.address = self._http = None
        if server is not None:
            server.stop()

    def _start(self, http: Http) -> None:
        from gitferry.daemon.api.app import probes_alone
        from gitferry.daemon.api.host_check import hosts
        from gitferry.daemon.server import Server

        listener = bound(http.host, http.port)
        address, port = listener.getsockname()[:2]
        allowed = hosts(http.host, port, http.allowed_hosts) | hosts(address, port, ())
        server = Server(probes_alone(self._probes, allowed, self._crash), listener, name="http-tcp")
        try:
            server.start()
        except GitferryError:
            listener.close()
            raise
        self._server = server
        self.address = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        log.info("monitors are answered at http://%s", self.address, extra={"action": "http", "address": self.address})
