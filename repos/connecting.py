"""Whether a running git still waits for its TCP connection: git has no connect timeout for http and git remotes.

libcurl gives a silent address 300 s, and git has no setting for it (http.lowSpeedTime counts from the connection
on, measured with git 2.39). The kernel knows what git does not tell: proc(5) lists each process's sockets and
their state, whatever proxy they go through. Where there is no /proc, nothing is ever stuck, and only the deadline of
the whole command holds.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_LOOK: Final = 1.0  # seconds between two looks; most commands end before the first
_ESTABLISHED: Final = "01"  # include/net/tcp_states.h
_SYN_SENT: Final = "02"
_STATE, _INODE = 3, 9  # columns of /proc/net/tcp


class Connecting:
    """Watches the process `leader` and its children from `started` on, on a monotonic clock in seconds."""

    def __init__(self, leader: int, limit: float, started: float) -> None:
        self._leader = leader
        self._limit = limit
        self._next = started + min(_LOOK, limit)
        self._since: dict[str, float] = {}
        self._connected = False

    def stuck(self, now: float) -> bool:
        """Whether a connection has been waiting for an answer for `limit` seconds, and none ever got one."""
        if self._connected or now < self._next:
            return False
        # A connection seen now was opened after the look before, or at the earliest when git started.
        opened, self._next = self._next - min(_LOOK, self._limit), now + _LOOK
        states = _socket_states(self._leader)
        self._connected = _ESTABLISHED in states.values()
        waiting = {inode for inode, state in states.items() if state == _SYN_SENT}
        self._since = {inode: self._since.get(inode, opened) for inode in waiting}
        return not self._connected and any(now - since >= self._limit for since in self._since.values())


def _socket_states(leader: int) -> dict[str, str]:
    """Inode to TCP state of every TCP socket that `leader` and its descendants hold."""
    found: dict[str, str] = {}
    for process in _family(_PROC / str(leader)):
        inodes = set(_sockets(process))
        if inodes:
            found |= {inode: state for inode, state in _tcp(process) if inode in inodes}
    return found


def _family(process: Path) -> Iterator[Path]:
    yield process
    for child in _words(process / "task" / process.name / "children"):
        yield from _family(_PROC / child)


def _sockets(process: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):  # it ended, or became another user's (a setuid helper)
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):  # closed since it was listed
                if socket := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                    yield socket[1]


def _tcp(process: Path) -> Iterator[tuple[str, str]]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):  # no IPv6 here, or it ended
            for line in (process / "net" / table).read_text().splitlines()[1:]:
                columns = line.split()
                yield columns[_INODE], columns[_STATE]


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []  # it ended, or the kernel has no list of children (CONFIG_PROC_CHILDREN)
