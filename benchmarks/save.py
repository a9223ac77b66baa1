"""From a saved file to the remote: the daemon, beyond its quiet period, against three commands typed by hand."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from paired import Comparison, compare
from workplace import FILES_IN_A_TASK, Failure, Pair, Workplace, daemon, file_name, measured, pair

QUIET = 0.5  # seconds, subtracted from what the daemon took
ARRIVES_WITHIN = 60.0  # seconds
BETWEEN = 1.0  # seconds for whoever was measured to finish what it does after the push


def save(clone: Path, number: int, files: int) -> str:
    """The name of the file that was saved, as editors do: a new line, in another task each time."""
    at = (number * FILES_IN_A_TASK * 7 + 1) % files
    name = file_name(at if at % FILES_IN_A_TASK else at + 1)
    with (clone / name).open("a") as file:
        file.write(f"line of run {number}\n")
    return name


def until_remote_moved(side: Pair, before: str, started: float) -> float:
    """Seconds from `started` until the remote's main was no longer `before`."""
    while time.perf_counter() - started < ARRIVES_WITHIN:
        if side.tip != before:
            return time.perf_counter() - started
        time.sleep(0.0005)
    raise Failure(f"nothing arrived at the remote within {ARRIVES_WITHIN:.0f} s")


def save_to_remote(place: Workplace, files: int, *, pairs: int, warm_up: int, limit: float) -> Comparison:
    """Both sides make the same edits, each in its own clone with its own remote."""
    ferried = pair(place, f"ferried-{files}", files)
    typed = pair(place, f"typed-{files}", files)

    def by_daemon(number: int) -> float:
        before = ferried.tip
        save(ferried.clone, number, files)
        took = until_remote_moved(ferried, before, time.perf_counter()) - QUIET
        time.sleep(BETWEEN)
        return took

    def by_hand(number: int) -> float:
        name = save(typed.clone, number, files)
        script = f'git add -- "{name}" && git commit --quiet --message "run {number}" && git push --quiet'
        started = time.perf_counter()
        subprocess.run(["sh", "-c", script], cwd=typed.clone, env=place.environment, check=True)
        took = time.perf_counter() - started
        time.sleep(BETWEEN)
        return took

    with daemon(place, measured(ferried.clone), QUIET):
        found = compare(
            f"save to remote beyond the quiet period, {files:,} files, against git add && git commit && git push",
            by_daemon,
            by_hand,
            pairs=pairs,
            warm_up=warm_up,
            limit=limit,
        )
    if place.git(ferried.clone, "status", "--porcelain"):
        raise Failure("the daemon's clone is not clean after the last push")
    if place.git(ferried.remote, "rev-parse", "main^{tree}") != place.git(typed.remote, "rev-parse", "main^{tree}"):
        raise Failure("the two remotes do not hold the same files")
    return found
