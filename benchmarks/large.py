"""A tree of 200,000 files beside small ones: until when all are watched, and what a save in a small one waits."""

from __future__ import annotations

import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from footprint import Footprint, memory
from save import save, until_remote_moved
from scale import FILES, await_all, write_settings
from workplace import GITFERRY, STOPPED_WITHIN, Failure, Pair, Workplace, pair

SMALL = 20
SAVES = 15
_BETWEEN = 1.0  # seconds


def large_beside_small(place: Workplace, *, files: int) -> Footprint:
    """Measure a daemon over a tree of so many files and 20 of 50: saves in small ones, alone and beside it."""
    large = pair(place, "large", files)
    small = [pair(place, f"small-{number}", FILES) for number in range(SMALL)]
    rows: list[dict[str, object]] = [{"name": one.clone.name, "path": str(one.clone)} for one in (large, *small)]
    write_settings(place, rows, pulls=False)
    figures: dict[str, float] = {}
    log = place.root / "daemon.log"
    began = time.monotonic()
    with log.open("wb") as output:
        daemon = subprocess.Popen([GITFERRY, "run"], env=place.environment, stdout=output, stderr=output)
    try:
        await_all(place, daemon, lambda row: row["name"] == "large" or row["watching"] == "all")
        figures["seconds until the small ones are watched"] = time.monotonic() - began
        await_all(place, daemon, lambda row: row["watching"] == "all" and row["last_crossing_at"] is not None)
        figures["seconds until all are watched and crossed"] = time.monotonic() - began
        figures["a save in a small one: seconds to its remote"] = statistics.median(
            _saved(small[number % SMALL], number, FILES) for number in range(SAVES)
        )
        lags = [_beside(large, small[number % SMALL], SAVES + number, files) for number in range(SAVES)]
        figures["a save in a small one beside the large one"] = statistics.median(one for one, _ in lags)
        figures["a save in the large one"] = statistics.median(other for _, other in lags)
        figures["PSS at the end, MB"] = memory(daemon.pid)
        if daemon.poll() is not None:
            raise Failure(log.read_text(errors="replace"))
    finally:
        daemon.terminate()
        daemon.wait(STOPPED_WITHIN)
    return Footprint(f"a daemon over a tree of {files:,} files and {SMALL} of {FILES}", figures, {})


def _saved(side: Pair, number: int, files: int) -> float:
    before, started = side.tip, time.perf_counter()
    save(side.clone, number, files)
    took = until_remote_moved(side, before, started)
    time.sleep(_BETWEEN)
    return took


def _beside(large: Pair, small: Pair, number: int, files: int) -> tuple[float, float]:
    """Return the seconds of a save in a small tree, and of one in the large tree just before it."""
    sides = ((large, large.tip, time.perf_counter()), (small, small.tip, time.perf_counter()))
    save(large.clone, number, files)
    save(small.clone, number, FILES)
    with ThreadPoolExecutor(len(sides)) as looking:
        of_large, of_small = looking.map(lambda side: until_remote_moved(*side), sides)
    time.sleep(_BETWEEN)
    return of_small, of_large
