"""What the service manager is told: ready, reloading, stopping, alive, and how things stand (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

from gitferry.daemon.heartbeat import beat_every

#: What is for this process alone: a program that it starts, systemctl say, would speak in its name.
_OWN = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


def for_others(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` as programs are given it that the service manager did not start."""
    return {name: value for name, value in environ.items() if name not in _OWN}


class ServiceManager:
    """The one that started this process, by its notification socket; without one, nothing is sent."""

    def __init__(self, environ: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._environ = environ
        self._clock = clock
        self._every = beat_every(environ, os.getpid())
        self._next = clock()
        self._status = ""

    def ready(self, status: str) -> None:
        """Say that all is up, or that the new settings are in force."""
        self._status = status
        notify(self._environ, "READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")

    def reloading(self) -> None:
        """Say that the settings are read again; `ready` ends it. Both times are of CLOCK_MONOTONIC."""
        notify(self._environ, "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that it ends."""
        notify(self._environ, "STOPPING=1", "STATUS=stopping")

    def status(self, status: str) -> None:
        """Say how things stand, where that is news."""
        if status != self._status:
            self._status = status
            notify(self._environ, f"STATUS={status}")

    def beat(self) -> None:
        """Say that all is well, as often as it wants to hear that."""
        if self._every is not None and self._clock() >= self._next:
            self._next = self._clock() + self._every
            notify(self._environ, "WATCHDOG=1")


def notify(environ: Mapping[str, str], *assignments: str) -> bool:
    """Send `assignments` ("READY=1") to the service manager; return whether one listens.

    The address is `NOTIFY_SOCKET`, a path or, with a leading "@", an abstract name, as sd_notify(3) says.
    A manager that went away is no reason to stop: OSError becomes False.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto("\n".join(assignments).encode(errors="replace"), address)
    except OSError:
        return False
    return True
