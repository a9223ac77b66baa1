"""Fifty tasks that change at once: one commit and one push of the daemon's, against three commands typed by hand."""

from __future__ import annotations

import shlex
import subprocess
import time
from pathlib import Path

from paired import Comparison, compare
from save import BETWEEN, QUIET, until_remote_moved
from workplace import FILES_IN_A_TASK, Failure, Pair, Workplace, daemon, file_name, measured, pair

TASKS = 50


def save_all(clone: Path, number: int) -> list[str]:
    """The names of the files that were saved: one in each task, each with a new line."""
    names = [file_name(task * FILES_IN_A_TASK + 1 + number % (FILES_IN_A_TASK - 1)) for task in range(TASKS)]
    for name in names:
        with (clone / name).open("a") as file:
            file.write(f"line of run {number}\n")
    return names


def counted(place: Workplace, side: Pair) -> tuple[int, int]:
    """How many commits the remote's main has, and how often it was pushed to."""
    log = (side.remote / "logs" / "refs" / "heads" / "main").read_text()
    return int(place.git(side.remote, "rev-list", "--count", "main")), len(log.splitlines())


def batch_to_remote(place: Workplace, *, pairs: int, warm_up: int, limit: float) -> Comparison:
    """Both sides make the same edits, each in its own clone with its own remote."""
    ferried, typed = pair(place, "ferried", TASKS * FILES_IN_A_TASK), pair(place, "typed", TASKS * FILES_IN_A_TASK)
    place.git(ferried.remote, "config", "core.logAllRefUpdates", "true")
    place.git(typed.remote, "config", "core.logAllRefUpdates", "true")

    def by_daemon(number: int) -> float:
        before = ferried.tip
        save_all(ferried.clone, number)
        took = until_remote_moved(ferried, before, time.perf_counter()) - QUIET
        time.sleep(BETWEEN)
        return took

    def by_hand(number: int) -> float:
        names = shlex.join(save_all(typed.clone, number))
        script = f'git add -- {names} && git commit --quiet --message "run {number}" && git push --quiet'
        started = time.perf_counter()
        subprocess.run(["sh", "-c", script], cwd=typed.clone, env=place.environment, check=True)
        took = time.perf_counter() - started
        time.sleep(BETWEEN)
        return took

    with daemon(place, measured(ferried.clone), QUIET, max_batch_size=TASKS):
        found = compare(
            f"{TASKS} tasks at once to the remote beyond the quiet period, against git add && git commit && git push",
            by_daemon,
            by_hand,
            pairs=pairs,
            warm_up=warm_up,
            limit=limit,
        )
    runs = pairs + warm_up
    if counted(place, ferried) != (1 + runs, runs):
        raise Failure(f"{runs} batches made {counted(place, ferried)} commits and pushes")
    if place.git(ferried.clone, "status", "--porcelain"):
        raise Failure("the daemon's clone is not clean after the last push")
    if place.git(ferried.remote, "rev-parse", "main^{tree}") != place.git(typed.remote, "rev-parse", "main^{tree}"):
        raise Failure("the two remotes do not hold the same files")
    return found
