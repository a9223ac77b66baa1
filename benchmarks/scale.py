"""What a daemon costs that looks after hundreds of repositories: time until all are watched, memory, threads, CPU."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workplace import GITFERRY, STOPPED_WITHIN, Failure, Workplace, pair

FILES = 50
_READY_WITHIN = 300.0  # seconds
_SETTLED = 60.0  # seconds
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Footprint:
    """Figures of one daemon; `limits` are of those that have one, by name."""

    what: str
    figures: Mapping[str, float]
    limits: Mapping[str, float]

    @property
    def held(self) -> bool:
        """Whether every figure is within its limit."""
        return all(self.figures[name] <= limit for name, limit in self.limits.items())

    def report(self) -> str:
        """A line for each figure."""
        lines = [self.what]
        for name, value in self.figures.items():
            limit = self.limits.get(name)
            verdict = "" if limit is None else f"   at most {limit:g}: {'held' if value <= limit else 'MISSED'}"
            lines.append(f"  {name:<44} {value:10.2f}{verdict}")
        return "\n".join(lines)


def footprint(place: Workplace, count: int, *, idle: float, pulling: float, limits: Mapping[str, float]) -> Footprint:
    """Measure `count` repositories of 50 files: `idle` seconds without pulls, then `pulling` seconds with them."""
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
        figures["inotify watches"] = _watches(daemon.pid)
        figures["% of a core without pulls"] = _share(daemon.pid, idle)
        write_settings(place, rows, pulls=True)
        time.sleep(_SETTLED)  # what was changed crosses once
        figures["% of a core with pulls every 5 minutes"] = _share(daemon.pid, pulling)
        figures["PSS at the end, MB"] = memory(daemon.pid)
        if daemon.poll() is not None:
            raise Failure((place.root / "daemon.log").read_text(errors="replace"))
    finally:
        daemon.terminate()
        began = time.monotonic()
        daemon.wait(STOPPED_WITHIN)
        figures["seconds to stop"] = time.monotonic() - began
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


def _family(pid: int) -> list[int]:
    """Return a process and those that it started."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(each for child in children for word in child.read_text().split() for each in _family(int(word)))]


def memory(pid: int) -> float:
    """Return the proportional set size of a process and its children, in MB (10^6 bytes): proc(5), smaps_rollup."""
    kib = 0
    for each in _family(pid):
        text = Path(f"/proc/{each}/smaps_rollup").read_text()
        kib += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return kib * 1024 / 1e6


def _watches(pid: int) -> int:
    count = 0
    for file in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += file.read_text().count("inotify wd:")
    return count


def _share(pid: int, seconds: float) -> float:
    """Return how much of a core a process and its children that ended used in so many seconds, in per cent."""
    began, used = time.monotonic(), _seconds(pid)
    time.sleep(seconds)
    return 100 * (_seconds(pid) - used) / (time.monotonic() - began)


def _seconds(pid: int) -> float:
    """Return the processor time of a process and of its children that were waited for: proc(5), stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS
