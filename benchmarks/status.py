"""`gitferry status` while a daemon runs, against a Python that only imports click."""

from __future__ import annotations

import subprocess
import time

from paired import Comparison, compare
from workplace import BIN, GITFERRY, Workplace, daemon, measured, pair


def status_with_daemon(place: Workplace, *, pairs: int, warm_up: int, limit: float) -> Comparison:
    made = pair(place, "asked", 500)

    def timed(*command: str) -> float:
        started = time.perf_counter()
        subprocess.run(command, env=place.environment, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started

    with daemon(place, measured(made.clone), quiet=2.0):
        return compare(
            "gitferry status with a daemon, against python3 -c 'import click'",
            lambda number: timed(str(GITFERRY), "status"),
            lambda number: timed(str(BIN / "python3"), "-c", "import click"),
            pairs=pairs,
            warm_up=warm_up,
            limit=limit,
        )
