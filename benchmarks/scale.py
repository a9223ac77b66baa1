"""What a daemon costs that looks after hundreds of repositories: time until all are watched, memory, threads, CPU."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import gitwatch
from footprint import Footprint, memory, share, watches
from workplace import GITFERRY, STOPPED_WITHIN, Failure, Workplace, pair

FILES = 50
_READY_WITHIN = 300.0  # seconds
_SETTLED = 60.0  # seconds


def scale(place: Workplace, count: int, *, idle: float, pulling: float, limits: Mapping[str, float]) -> Footprint:
    """Measure `count` repositories of 50 files: `idle` seconds without pulls, then `pulling` seconds with them.

    Where gitwatch is on this machine, so many of it are measured after the daemon, over the same clones.
    """
    gitwatch.require_possible(count)
    rows = repositories(place, count)
    write_settings(place, rows, pulls=False)
    figures: dict[str, float] = {}
    began = time.monotonic()
    with (place.root / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen([GITFERRY, "run"], env=place.environment, stdout=log, stderr=log)
    try:
        await_all(place, daemon, lambda row: row["watching"] == "all")
        figures["seconds until all are watched"] = time.monotonic() - began
        await_all(place, daemon, lambda row: row["last_crossing_at"] is not None)
        figures["seconds until all have crossed"] = time.monotonic() - began
        time.sleep(min(idle, 10.0))
        figures["PSS after that, MB"] = memory(daemon.pid)
        figures["threads"] = len(list(Path(f"/proc/{daemon.pid}/task").iterdir()))
        figures["inotify watches"] = watches(daemon.pid)
        figures["% of a core without pulls"] = share(daemon.pid, idle)
        write_settings(place, rows, pulls=True)
        time.sleep(_SETTLED)  # what was changed crosses once
        figures["% of a core with pulls every 5 minutes"] = share(daemon.pid, pulling)
        figures["PSS at the end, MB"] = memory(daemon.pid)
        if daemon.poll() is not None:
            raise Failure((place.root / "daemon.log").read_text(errors="replace"))
    finally:
        daemon.terminate()
        began = time.monotonic()
        daemon.wait(STOPPED_WITHIN)
        figures["seconds to stop"] = time.monotonic() - began
    figures |= gitwatch.beside(place, [place.root / str(row["name"]) for row in rows], idle=idle)
    what = f"a daemon over {count} repositories of {FILES} files ({idle:g} s idle, {pulling:g} s with pulls)"
    return Footprint(what, figures, limits)


def repositories(place: Workplace, count: int) -> list[dict[str, object]]:
    """Make clones `r0`, `r1`, … each with a remote of its own, and return their settings."""
    first = pair(place, "first", FILES)
    rows: list[dict[str, object]] = []
    for number in range(count):
        remote, clone = place.root / f"r{number}.git", place.root / f"r{number}"
        shutil.copytree(first.remote, remote)
        shutil.copytree(first.clone, clone)
        config = clone / ".git" / "config"
        config.write_text(config.read_text().replace(str(first.remote), str(remote)))
        rows.append({"name": clone.name, "path": str(clone)})
    return rows


def write_settings(place: Workplace, rows: list[dict[str, object]], *, pulls: bool) -> None:
    """Write the settings file over these repositories, replacing the one that is there."""
    pull = {"every": "5m"} if pulls else {"enabled": False}
    settings = {"version": 1, "defaults": {"pull": pull}, "repositories": rows}
    path = Path(place.environment["GITFERRY_CONFIG"])
    path.with_suffix(".new").write_text(json.dumps(settings))
    path.with_suffix(".new").replace(path)


def await_all(place: Workplace, daemon: subprocess.Popen[bytes], reached: Callable[[dict[str, object]], bool]) -> None:
    until = time.monotonic() + _READY_WITHIN
    while time.monotonic() < until and daemon.poll() is None:
        done = place.gitferry("status", "--json")
        if done.returncode == 0:
            answer = json.loads(done.stdout)
            if answer["daemon"]["running"] and all(map(reached, answer["repositories"])):
                return
        time.sleep(0.2)
    raise Failure(f"the daemon was not ready:\n{(place.root / 'daemon.log').read_text(errors='replace')}")
