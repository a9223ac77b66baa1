"""The HTTP server in a thread of its own, on a socket that is already bound."""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

_START_SECONDS = 20.0
_STOP_SECONDS = 3.0


class ServerFailed(GitferryError):
    """The HTTP server did not come up."""


class Server:
    """uvicorn without its own signal handlers (it installs them in the main thread only) and without its own log.

    `turned` is when its loop last came round, in seconds of `time.monotonic`: ten times a second where nothing hangs.
    """

    def __init__(self, app: FastAPI, listener: socket.socket, *, name: str = "http") -> None:
        import uvicorn

        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            loop="asyncio",
            timeout_graceful_shutdown=1,
        )
        self.turned = time.monotonic()
        server = self

        # Not uvicorn's own callback_notify: it goes by the wall clock, and stays away when that is set back.
        class Turning(uvicorn.Server):
            async def on_tick(self, counter: int) -> bool:
                server.turned = time.monotonic()
                return await super().on_tick(counter)

        self._server = Turning(config)
        self._listener = listener
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Serve from now on; return once requests are answered. Raises ServerFailed."""
        self._thread.start()
        end = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                raise ServerFailed("the control interface did not start", "The log tells why.")
            time.sleep(0.005)

    @property
    def alive(self) -> bool:
        """Whether requests are answered."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Take no more requests, let those in hand end for a second, and close the socket."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except Exception:
            log.exception("the control interface failed", extra={"action": "http"})
