"""A picture that fills the terminal and is drawn again and again, without flicker, until somebody ends it.

Source of the sequences: ctlseqs, XTerm Control Sequences; synchronized output (mode 2026) is skipped where unknown.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Self

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"  # another screen, no cursor, and lines that are cut, not wrapped
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_BEGIN, _END = "\x1b[?2026h\x1b[H", "\x1b[?2026l"
_CLEAR_LINE, _CLEAR_BELOW = "\x1b[K", "\x1b[J"
_ENDING = (signal.SIGTERM, signal.SIGHUP)
_SMALLEST = 3  # lines


class Ended(BaseException):
    """A signal asks the process to end: the terminal is put back first."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def possible() -> bool:
    """Return whether standard output is a terminal whose cursor can be moved. Colour is another question."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "")


class Screen:
    """The whole terminal while the block runs; how it was before comes back however the block ends.

    ^C is KeyboardInterrupt as ever, and ^Z gives the terminal back for as long as the process is stopped.
    """

    def __init__(self) -> None:
        self._woken, self._wake = -1, -1
        self._before: dict[int, Any] = {}
        self._mode: list[Any] | None = None

    def __enter__(self) -> Self:
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        handlers: dict[int, Callable[[int, FrameType | None], None]] = {
            signal.SIGWINCH: self._resized,
            signal.SIGTSTP: self._stop,
        }
        handlers |= dict.fromkeys(_ENDING, self._end)
        self._before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        self._take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._give_back()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._woken)
        os.close(self._wake)
        if isinstance(error, Ended):  # end as the signal would have ended it
            signal.signal(error.number, signal.SIG_DFL)
            os.kill(os.getpid(), error.number)

    @property
    def height(self) -> int:
        """How many lines a picture may have."""
        try:
            return max(_SMALLEST, os.get_terminal_size(sys.stdout.fileno()).lines)
        except OSError:
            return 24

    def draw(self, lines: Sequence[str]) -> None:
        """Show the lines in place of those before, at once."""
        height = self.height
        # Cleared before it is written: behind a line that fills the width the cursor stands on its last character.
        picture = "\n".join(f"{_CLEAR_LINE}{line}" for line in lines[:height])
        below = f"\n{_CLEAR_BELOW}" if len(lines) < height else ""
        sys.stdout.write(f"{_BEGIN}{picture}{below}{_END}")
        sys.stdout.flush()

    def wait(self, seconds: float) -> str | None:
        """Wait, and return the key that was pressed meanwhile; the empty text where the size changed, None for none."""
        sources = [self._woken] if self._mode is None else [self._woken, sys.stdin.fileno()]
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._woken in ready:
            os.read(self._woken, 4096)
            return ""
        if ready:
            typed = os.read(sys.stdin.fileno(), 64)
            if not typed:  # the terminal is gone
                raise Ended(signal.SIGHUP)
            return typed[:1].decode("ascii", "replace")
        return None

    def _take(self) -> None:
        if sys.stdin.isatty():
            with suppress(termios.error):
                self._mode = termios.tcgetattr(sys.stdin.fileno())
                tty.setcbreak(sys.stdin.fileno())  # what is typed is not shown; ^C and ^Z stay signals
        sys.stdout.write(_ENTER)
        sys.stdout.flush()

    def _give_back(self) -> None:
        with suppress(OSError, termios.error):  # there may be no terminal any more
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
            if self._mode is not None:
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._mode)

    def _resized(self, number: int, frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # it is full of news already
            os.write(self._wake, b"r")

    def _end(self, number: int, frame: FrameType | None) -> None:
        raise Ended(number)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Give the terminal back, stop, and take it again when the process goes on."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._stop)
        self._take()
        self._resized(number, frame)
