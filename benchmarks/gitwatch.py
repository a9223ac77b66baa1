"""What as many gitwatch processes cost as a daemon has repositories: <https://github.com/gitwatch/gitwatch>."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from footprint import family, memory, seconds_used, watches
from workplace import Failure, Workplace

_READY_WITHIN = 300.0  # seconds
_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")  # inotify(7); each gitwatch takes one
_OTHERS = 28  # instances that other programs of this user may hold


def program() -> str | None:
    """Return where gitwatch is, None where this machine has none, or lacks the inotifywait that it needs."""
    found = os.environ.get("GITWATCH") or shutil.which("gitwatch")
    return found if shutil.which("inotifywait") else None


def require_possible(count: int) -> None:
    """Raise `Failure` where gitwatch is here and this user may not watch with so many processes."""
    allowed = int(_INSTANCES.read_text())
    if program() is not None and allowed < count + _OTHERS:
        remedy = f"sysctl fs.inotify.max_user_instances={2 * count}"
        raise Failure(f"{count} gitwatch need {count} inotify instances: {remedy}")


def beside(place: Workplace, clones: Sequence[Path], *, idle: float) -> Mapping[str, float]:
    """Measure one gitwatch for each clone, that pushes what it commits, for `idle` seconds in which nothing happens.

    Raises `Failure` where one of them ends.
    """
    gitwatch = program()
    if gitwatch is None:
        return {}
    began = time.monotonic()
    started = [
        subprocess.Popen(
            ["bash", gitwatch, "-r", "origin", "-b", "main", str(clone)],
            env=place.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for clone in clones
    ]
    try:
        while not all(any(map(watches, family(process.pid))) for process in started):
            if time.monotonic() - began > _READY_WITHIN:
                raise Failure("gitwatch did not begin to watch")
            time.sleep(0.2)
        figures = {"gitwatch: seconds until all are watched": time.monotonic() - began}
        time.sleep(min(idle, 10.0))
        processes = [each for process in started for each in family(process.pid)]
        figures["gitwatch: PSS, MB"] = sum(memory(process.pid) for process in started)
        figures["gitwatch: processes"] = len(processes)
        figures["gitwatch: inotify watches"] = sum(map(watches, processes))
        used, began = sum(map(seconds_used, processes)), time.monotonic()
        time.sleep(idle)
        used = sum(map(seconds_used, processes)) - used
        figures["gitwatch: % of a core without saves"] = 100 * used / (time.monotonic() - began)
        if any(process.poll() is not None for process in started):
            raise Failure("a gitwatch ended")
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself, as was reported
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    return figures
