"""A line to a server that can be spoiled while it is in use: a TCP proxy on an address of this machine's own."""

from __future__ import annotations

import contextlib
import enum
import select
import socket
import threading
import time
from collections.abc import Iterator

_PIECE = 1 << 16


class Line(enum.Enum):
    """How the line behaves to connections from now on; CUTS and TRICKLES also to those that there are."""

    GOOD = "good"
    DROPS = "drops"  # every connection at once
    WAITS = "waits"  # thirty seconds before the first byte
    TRICKLES = "trickles"  # a byte a second from the server
    CUTS = "cuts"  # once the client has sent as much as a push does


CUT_AFTER = 700  # bytes from the client: behind the request that lists refs, within the push


class BadLine:
    """Listens at `host`, which is one of 127.0.0.0/8, and passes on to the server at 127.0.0.1."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.line = Line.GOOD
        self.met = 0  # connections that the line spoiled
        self._server = port
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._closed = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """End the line and all connections."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self.line is Line.DROPS:
                self.met += 1
                return
            if self.line is Line.WAITS:
                self.met += 1
                if self._closed.wait(30):
                    return
            with socket.create_connection(("127.0.0.1", self._server)) as server:
                self._between(client, server)

    def _between(self, client: socket.socket, server: socket.socket) -> None:
        sent = 0
        while not self._closed.is_set():
            ready, _, _ = select.select([client, server], [], [], 1.0)
            for side in ready:
                data = side.recv(_PIECE)
                if not data:
                    return
                if side is client:
                    sent += len(data)
                    if self.line is Line.CUTS and sent > CUT_AFTER:
                        self.met += 1
                        server.sendall(data[: max(0, len(data) - (sent - CUT_AFTER))])
                        return
                    server.sendall(data)
                else:
                    self._answer(client, data)

    def _answer(self, client: socket.socket, data: bytes) -> None:
        at = 0
        while at < len(data) and self.line is Line.TRICKLES and not self._closed.is_set():
            self.met += at == 0
            client.sendall(data[at : at + 1])
            at += 1
            time.sleep(1)
        client.sendall(data[at:])


@contextlib.contextmanager
def bad_lines(count: int, port: int) -> Iterator[list[BadLine]]:
    """Yield as many lines to the server, each at a host of its own."""
    lines = [BadLine(f"127.0.0.{11 + number}", port) for number in range(count)]
    try:
        yield lines
    finally:
        for line in lines:
            line.close()
