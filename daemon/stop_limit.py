"""A stop takes so many seconds and no more, whatever hangs: then the process leaves as it is."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

log = logging.getLogger(__name__)

#: Seconds from the signal on; one more goes to threads that do not end. systemd kills after ten (the unit's
#: TimeoutStopSec), and tells nobody what hung.
SECONDS: Final = 8.5

_TO_TELL = 1.0  # seconds for the telling: the log may be a pipe that nobody reads


@contextmanager
def beside(*ends: Callable[[], object]) -> Iterator[None]:
    """Call these in a thread of their own, one after the other, while the block runs; wait for them at its end."""

    def run() -> None:
        with ExitStack() as stack:
            for end in reversed(ends):
                stack.callback(end)

    thread = threading.Thread(target=run, name="ending", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


class StopLimit:
    """`leave` is called with 1, the exit code, where the stop has not ended in time.

    That is no worse than a power cut: the next start finishes or undoes what was in hand. Where telling it hangs too,
    the kernel ends the process: setitimer(2), SIGALRM.
    """

    def __init__(self, seconds: float = SECONDS, leave: Callable[[int], object] = os._exit) -> None:
        self._seconds = seconds
        self._leave = leave
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """The end was asked for; asked again, it comes no later. May be called by a signal handler."""
        if self._timer is None:
            self._timer = threading.Timer(self._seconds, self._over)
            self._timer.name = "stop-limit"
            self._timer.daemon = True
            self._timer.start()
            signal.setitimer(signal.ITIMER_REAL, self._seconds + _TO_TELL)

    def end(self) -> None:
        """All has ended."""
        if self._timer is not None:
            self._timer.cancel()
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _over(self) -> None:
        try:
            log.error(
                "the stop took longer than %g s and is cut short; the next start finishes or undoes what was in hand",
                self._seconds,
                extra={"action": "stopped"},
            )
            faulthandler.dump_traceback()
            logging.shutdown()
        finally:
            self._leave(1)
