"""A stop that hangs is cut short, and one that ends in time is not."""

from __future__ import annotations

import signal
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

UNREAD = """
import logging, os, threading
from gitferry.daemon.stop_limit import StopLimit
logging.basicConfig()
os.set_blocking(2, False)
try:
    while True:
        os.write(2, b"x")
except BlockingIOError:
    os.set_blocking(2, True)
StopLimit(0.2).begin()
threading.Event().wait()
"""


def test_a_process_whose_threads_hang_leaves_and_tells_where() -> None:
    words = [sys.executable, "-c", HANGING]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "is cut short" in said and "in wait" in said


def test_also_one_whose_log_is_a_pipe_that_nobody_reads() -> None:
    with subprocess.Popen([sys.executable, "-c", UNREAD], stderr=subprocess.PIPE) as process:
        try:
            assert process.wait(20) == -signal.SIGALRM
        finally:
            process.kill()


def test_a_stop_that_ends_in_time_is_left_alone() -> None:
    left: list[int] = []
    limit = StopLimit(0.1, left.append)
    limit.begin()
    limit.begin()
    limit.end()
    assert not threading.Event().wait(0.3) and left == []
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_the_end_of_what_was_never_begun_is_nothing() -> None:
    StopLimit().end()
