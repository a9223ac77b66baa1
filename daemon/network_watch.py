"""Notices that the machine got a network: an address or a route that was not there, told by the kernel.

Source: rtnetlink(7), netlink(7): the kernel sends a message to who joined the groups; no privilege is needed.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

log = logging.getLogger(__name__)

# linux/rtnetlink.h
_IPV4_ADDRESS, _IPV4_ROUTE, _IPV6_ADDRESS, _IPV6_ROUTE = 1 << 4, 1 << 6, 1 << 8, 1 << 10
_GROUPS: Final = _IPV4_ADDRESS | _IPV4_ROUTE | _IPV6_ADDRESS | _IPV6_ROUTE
_NEW_ADDRESS, _NEW_ROUTE = 20, 24
_HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_ALIGN = 4
#: Seconds without another message after which a network counts as there: it comes in many steps.
_SETTLED: Final = 1.0
#: Seconds after which it counts as there all the same: a machine with containers is never still.
_AT_LAST: Final = 5.0
_BUFFER = 1 << 16


def types(packet: bytes) -> Iterator[int]:
    """Yield the type of each message in what was received; of what is cut short, nothing. Pure."""
    at = 0
    while at + _HEADER.size <= len(packet):
        length, kind, _, _, _ = _HEADER.unpack_from(packet, at)
        if length < _HEADER.size:
            return
        yield kind
        at += -(-length // _ALIGN) * _ALIGN


class NetworkWatch:
    """Calls `returned` from its own thread when the machine has a new address or route. Linux only."""

    def __init__(self, returned: Callable[[], None]) -> None:
        self._returned = returned
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._run, name="gitferry-network", daemon=True)

    def start(self) -> None:
        """Start listening; where that is not possible, which is logged, hosts are tried with back-off alone."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        os.close(self._woken)
        if self._thread.is_alive():
            self._thread.join()
        os.close(self._wake)

    def _run(self) -> None:
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as news:
                news.bind((0, _GROUPS))
                while self._ready(news, None):
                    if self._is_new(news) and self._settled(news):
                        self._returned()
        except OSError as error:
            log.warning("the network is not watched: %s", error, extra={"action": "network_watch"})

    def _ready(self, news: socket.socket, seconds: float | None) -> bool:
        """Return whether the kernel has something to tell within so many seconds; no longer once stopped."""
        ready = _readable(seconds, news.fileno(), self._wake)
        return news.fileno() in ready and self._wake not in ready

    def _settled(self, news: socket.socket) -> bool:
        """Wait until the kernel is silent for a moment; return whether we go on listening."""
        end = time.monotonic() + _AT_LAST
        while time.monotonic() < end and self._ready(news, _SETTLED):
            self._is_new(news)
        return not _readable(0, self._wake)

    def _is_new(self, news: socket.socket) -> bool:
        try:
            packet = news.recv(_BUFFER)
        except OSError:
            return True  # ENOBUFS: so much happened that some of it was lost
        return any(kind in (_NEW_ADDRESS, _NEW_ROUTE) for kind in types(packet))


def _readable(seconds: float | None, *files: int) -> set[int]:
    """Wait so many seconds, for ever where None, and return the files that have something to read, or are at their end.

    Not select(2), which knows no file beyond the 1024th.
    """
    wanted = select.poll()
    for file in files:
        wanted.register(file, select.POLLIN)
    return {file for file, _ in wanted.poll(None if seconds is None else round(seconds * 1000))}
