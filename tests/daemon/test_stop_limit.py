"""A stop that hangs is cut short, and one that ends in time is not."""

from __future__ import annotations

import subprocess
import sys
import threading

from gitferry.daemon.stop_limit import StopLimit

HANGING = """
import signal, threading
from gitferry.daemon.stop_limit import StopLimit
limit = StopLimit(0.2)
signal.signal(signal.SIGTERM, lambda number, frame: limit.begin())
print("ready", flush=True)
threading.Thread(target=threading.Event().wait, name="hangs").start()
"""


def test_a_process_whose_threads_hang_leaves_and_tells_where() -> None:
    words = [sys.executable, "-c", HANGING]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "is cut short" in said and "in wait" in said


def test_a_stop_that_ends_in_time_is_left_alone() -> None:
    left: list[int] = []
    limit = StopLimit(0.1, left.append)
    limit.begin()
    limit.begin()
    limit.end()
    assert not threading.Event().wait(0.3) and left == []


def test_the_end_of_what_was_never_begun_is_nothing() -> None:
    StopLimit().end()
