"""What is counted of every repository: what its crossings came to over a day, how long they took, failures in a row."""

from __future__ import annotations

import math
import threading
from array import array
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gitferry.pushback.outcome import State

if TYPE_CHECKING:
    from gitferry.pushback.outcome import Outcome

HOUR: Final = 3600.0
HOURS: Final = 24  # over which rates and percentiles are told

_MOST: Final = 0xFFFF  # that one class counts in an hour, which is 18 a second

#: Upper bounds, in seconds, of the classes into which durations fall: each 1.41 times the one before it.
BOUNDS: Final = tuple(0.001 * math.sqrt(2) ** step for step in range(41))
#: The coarser bounds of the histogram since the start, in which every repository is counted together.
TOTAL_BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Result(StrEnum):
    """What a crossing came to, as it is counted."""

    OK = "ok"
    FAILED = "failed"
    WAITING = "waiting"
    OFFLINE = "offline"


_RESULTS: Final = tuple(Result)


def result_of(outcome: Outcome) -> Result:
    """Return as what an outcome counts. A conflict holds tasks and not the crossing; being offline is no failure."""
    if outcome.offline:
        return Result.OFFLINE
    if outcome.state is State.FAILING:
        return Result.FAILED
    return Result.OK if outcome.state in (State.HEALTHY, State.CONFLICT) else Result.WAITING


@dataclass(frozen=True, slots=True)
class Vital:
    """One repository's figures. Rates and percentiles are those of the last 24 hours, None where nothing was counted.

    `failing_for` is how many seconds ago the first of the failures in a row was.
    """

    crossings: int = 0  # in the last 24 hours
    success_rate: float | None = None  # of those that succeeded or failed
    duration_p50: float | None = None  # seconds
    duration_p95: float | None = None
    failures: int = 0  # in a row
    error: str | None = None  # of the last of them
    failing_for: float | None = None
    seen: bool = False  # it crossed since the start


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted since the start: crossings by repository and result, pushes by repository and status."""

    crossings: tuple[tuple[str, str, int], ...]
    pushes: tuple[tuple[str, str, int], ...]
    durations: tuple[int, ...]  # by class of TOTAL_BOUNDS, the last for what took longer
    seconds: float  # of all crossings together
    vault_uses: tuple[tuple[str, int], ...]  # by result


class Hours:
    """Crossings by result and by class of duration, hour by hour, of the last 24 hours: 200 bytes an hour that has any.

    Time is in seconds of a clock that nobody sets back.
    """

    __slots__ = ("_hours",)

    def __init__(self) -> None:
        self._hours: deque[tuple[int, array[int]]] = deque()

    def add(self, result: Result, seconds: float | None, now: float) -> None:
        """Count one crossing; `seconds` None: nobody measured it."""
        hour = int(now // HOUR)
        self._forget(hour)
        if not self._hours or self._hours[-1][0] < hour:
            self._hours.append((hour, array("H", bytes(2 * (len(_RESULTS) + len(BOUNDS) + 1)))))
        counts = self._hours[-1][1]
        _count(counts, _RESULTS.index(result))
        if seconds is not None:
            _count(counts, len(_RESULTS) + bisect_left(BOUNDS, seconds))

    def results(self, now: float) -> dict[Result, int]:
        """Return how many crossings had each result."""
        return dict(zip(_RESULTS, self._sums(now), strict=False))

    def percentiles(self, now: float, wanted: Iterable[float]) -> list[float | None]:
        """Return how many seconds the quickest such shares (0.5, 0.95) of the crossings took at most.

        Each is at most 19 % off: what is known is the class, and told is its middle. None where nothing was measured.
        """
        counts = self._sums(now)[len(_RESULTS) :]
        total = sum(counts)
        return [None if not total else _typical(_reached(counts, max(1, math.ceil(total * share)))) for share in wanted]

    def _sums(self, now: float) -> list[int]:
        """Return the counts of the last 24 hours: of each result, then of each class of duration."""
        self._forget(int(now // HOUR))
        if not self._hours:
            return [0] * (len(_RESULTS) + len(BOUNDS) + 1)
        return list(map(sum, zip(*(counts for _, counts in self._hours), strict=True)))

    def _forget(self, hour: int) -> None:
        while self._hours and self._hours[0][0] <= hour - HOURS:
            self._hours.popleft()


def _count(counts: array[int], index: int) -> None:
    counts[index] = min(counts[index] + 1, _MOST)


def _reached(counts: list[int], rank: int) -> int:
    """Return the first class up to which `rank` were counted."""
    so_far = 0
    for index, count in enumerate(counts):
        so_far += count
        if so_far >= rank:
            return index
    raise ValueError(f"{rank} of {so_far}")


def _typical(index: int) -> float:
    if index == 0:
        return BOUNDS[0]
    return BOUNDS[-1] if index == len(BOUNDS) else BOUNDS[index] / 2**0.25


class _Figures:
    """What is kept of one repository."""

    __slots__ = ("at_remote", "error", "failed_since", "failures", "hours", "seen")

    def __init__(self) -> None:
        self.hours = Hours()
        self.failures = 0
        self.error: str | None = None
        self.at_remote = False
        self.failed_since: float | None = None
        self.seen = False

    def end_or_go_on(self, outcome: Outcome, result: Result, now: float) -> None:
        """Count a failure, or have the failures in a row end.

        A crossing that met no host, or asked none, says nothing of those that failed at the remote.
        """
        if result is Result.FAILED:
            self.failures += 1
            self.error, self.at_remote = outcome.error, outcome.at_remote
            self.failed_since = now if self.failed_since is None else self.failed_since
        elif result is not Result.OFFLINE and (outcome.reached or not self.at_remote):
            self.failures, self.failed_since, self.error, self.at_remote = 0, None, None, False


def _standing(figures: _Figures, now: float) -> Vital:
    since = figures.failed_since
    return Vital(
        failures=figures.failures,
        error=figures.error,
        failing_for=None if since is None else max(0.0, now - since),
        seen=figures.seen,
    )


class Vitals:
    """Counts by repository, safe to use from any thread. `now` is in seconds of a clock that nobody sets back."""

    def __init__(self) -> None:
        self._figures: dict[str, _Figures] = {}
        self._crossings: Counter[tuple[str, str]] = Counter()
        self._pushes: Counter[tuple[str, str]] = Counter()
        self._vault: Counter[str] = Counter()
        self._durations = [0] * (len(TOTAL_BOUNDS) + 1)
        self._seconds = 0.0
        self._mutex = threading.Lock()

    def heard(self, outcome: Outcome, now: float) -> None:
        """Count one crossing."""
        name, seconds, result = outcome.repository, outcome.seconds, result_of(outcome)
        with self._mutex:
            figures = self._figures.setdefault(name, _Figures())
            figures.seen = True
            figures.hours.add(result, seconds, now)
            self._crossings[name, result.value] += 1
            if seconds is not None:
                self._durations[bisect_left(TOTAL_BOUNDS, seconds)] += 1
                self._seconds += seconds
            figures.end_or_go_on(outcome, result, now)

    def pushed(self, name: str, status: str) -> None:
        """Count one push: accepted, refused or failed."""
        with self._mutex:
            self._pushes[name, status] += 1

    def vault_used(self, result: str) -> None:
        """Count one use of the vault: done or failed."""
        with self._mutex:
            self._vault[result] += 1

    def of(self, name: str, now: float) -> Vital:
        """Return one repository's figures."""
        with self._mutex:
            figures = self._figures.get(name)
            if figures is None:
                return Vital()
            results = figures.hours.results(now)
            median, slow = figures.hours.percentiles(now, (0.5, 0.95))
            tried = results[Result.OK] + results[Result.FAILED]
            return replace(
                _standing(figures, now),
                crossings=sum(results.values()),
                success_rate=results[Result.OK] / tried if tried else None,
                duration_p50=median,
                duration_p95=slow,
            )

    def standing(self, name: str, now: float) -> Vital:
        """Return only what is known of failures in a row: that costs nothing, so that it can be asked often."""
        with self._mutex:
            figures = self._figures.get(name)
            return Vital() if figures is None else _standing(figures, now)

    def totals(self) -> Totals:
        """Return what was counted since the start."""
        with self._mutex:
            return Totals(
                crossings=tuple((*key, count) for key, count in sorted(self._crossings.items())),
                pushes=tuple((*key, count) for key, count in sorted(self._pushes.items())),
                durations=tuple(self._durations),
                seconds=self._seconds,
                vault_uses=tuple(sorted(self._vault.items())),
            )

    def forget(self, name: str) -> None:
        """Know nothing of a repository any more."""
        with self._mutex:
            self._figures.pop(name, None)
            for counts in (self._crossings, self._pushes):
                for key in [key for key in counts if key[0] == name]:
                    del counts[key]
