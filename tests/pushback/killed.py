"""A crossing that dies: run in a forked child, which a failpoint ends with SIGKILL as a crash or a power cut would."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable

from gitferry.config import failpoints
from gitferry.pushback.outcome import Outcome
from gitferry.tests.pushback.kit import Side


def killed_at(side: Side, point: str, count: int = 1, cross: Callable[[], Outcome] | None = None) -> Outcome | None:
    """Cross in a child that is killed when it reaches the failpoint for the `count`-th time.

    Return the outcome where the crossing came to its end without reaching it, None where it was killed. The
    side's clock goes on as if the crossing had been its own.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 70
        try:
            failpoints._armed, failpoints._reached = f"{point}:kill:{count}", 0
            outcome = (cross or side.sync)()
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(outcome, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    for _ in range(20):
        side.clock()
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, f"the crossing ended by signal {os.WTERMSIG(status)}"
        return None
    assert os.WEXITSTATUS(status) == 0, "the crossing ended with an exception"
    outcome = pickle.loads(told)
    assert isinstance(outcome, Outcome)
    return outcome
