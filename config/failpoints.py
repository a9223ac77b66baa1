"""Named places where a test may end the process, as a crash or a power cut would, or make it fail.

`GITFERRY_FAILPOINT=name:kill:n` kills this process with SIGKILL when it reaches `name` for the n-th time,
`name:raise:n` raises an exception there that nobody expects. Without that variable a failpoint costs one comparison.
"""

from __future__ import annotations

import os
import signal
import threading

_armed = os.environ.get("GITFERRY_FAILPOINT", "")
_reached = 0
_counting = threading.Lock()


def fp(name: str) -> None:
    """Mark that execution has come to `name`; does nothing unless the environment armed it. Raises RuntimeError."""
    if not _armed:
        return
    armed, _, rest = _armed.partition(":")
    action, _, count = rest.partition(":")
    if armed != name:
        return
    global _reached
    with _counting:
        _reached += 1
        if _reached != int(count or 1):
            return
    if action == "raise":
        raise RuntimeError(f"the failpoint {name} was reached")
    os.kill(os.getpid(), signal.SIGKILL)
