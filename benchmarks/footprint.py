"""What a process costs, as proc(5) tells it: memory, inotify watches, processor time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


def family(pid: int) -> list[int]:
    """Return a process and those that it started."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(each for child in children for word in child.read_text().split() for each in family(int(word)))]


def memory(pid: int) -> float:
    """Return the proportional set size of a process and its children, in MB (10^6 bytes): proc(5), smaps_rollup."""
    kib = 0
    for each in family(pid):
        text = Path(f"/proc/{each}/smaps_rollup").read_text()
        kib += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return kib * 1024 / 1e6


def watches(pid: int) -> int:
    """Return how many inotify watches a process holds: proc(5), fdinfo."""
    count = 0
    for file in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += file.read_text().count("inotify wd:")
    return count


def share(pid: int, seconds: float) -> float:
    """Return how much of a core a process and its children that ended used in so many seconds, in per cent."""
    began, used = time.monotonic(), seconds_used(pid)
    time.sleep(seconds)
    return 100 * (seconds_used(pid) - used) / (time.monotonic() - began)


def seconds_used(pid: int) -> float:
    """Return the processor time of a process and of its children that were waited for: proc(5), stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS
