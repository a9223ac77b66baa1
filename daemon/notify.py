"""What the service manager is told: ready, reloading, stopping (sd_notify(3))."""

from __future__ import annotations

import socket
from collections.abc import Mapping


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
            channel.sendto("\n".join(assignments).encode(), address)
    except OSError:
        return False
    return True
