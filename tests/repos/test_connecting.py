"""A connection that nobody answers is noticed in its process tree; one that was answered never is."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitferry.repos.connecting import Connecting

pytestmark = pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="the kernel has no /proc")

# The connection is made by a grandchild, as git's is by git-remote-http.
CHILD = "import socket, sys; s = socket.socket(); s.connect(('127.0.0.1', int(sys.argv[1]))); s.recv(1)"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], sys.argv[2]])"


@contextmanager
def connecting_to(port: int) -> Iterator[int]:
    """The process id of a parent whose child connects to `port`."""
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD, str(port)], start_new_session=True) as parent:
        try:
            yield parent.pid
        finally:
            children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
            for pid in children:
                subprocess.run(["kill", "-KILL", pid], check=False)
            parent.kill()


def stuck_within(pid: int, limit: float, seconds: float) -> float | None:
    """After how many seconds it was called stuck, or None."""
    started = time.monotonic()
    connecting = Connecting(pid, limit, started)
    while (passed := time.monotonic() - started) < seconds:
        if connecting.stuck(time.monotonic()):
            return passed
        time.sleep(0.1)
    return None


def test_an_unanswered_connection_is_stuck_after_the_limit() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        with connecting_to(port) as pid:
            passed = stuck_within(pid, 1.5, 6)
        for each in waiting:
            each.close()
    assert passed is not None and passed >= 1.5


def test_an_answered_connection_is_not_stuck() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        with connecting_to(listener.getsockname()[1]) as pid:
            assert stuck_within(pid, 0.5, 1.5) is None


def test_a_process_that_is_gone_is_not_stuck() -> None:
    assert stuck_within(2**22 + 1, 0.1, 0.3) is None
