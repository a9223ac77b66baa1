"""Two ways of doing the same thing, timed in turns, so that what the machine does meanwhile hits both."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

Timed = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of each run, in pairs: `ours[i]` and `theirs[i]` were measured one after the other."""

    what: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    limit: float

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def held(self) -> bool:
        """Whether the median of the pairs' ratios is within the limit."""
        return statistics.median(self.ratios) <= self.limit

    def report(self) -> str:
        """Four lines for people."""
        verdict = "held" if self.held else "MISSED"
        return "\n".join(
            [
                f"{self.what} ({len(self.ours)} pairs)",
                f"  ours    {_milliseconds(self.ours)}",
                f"  theirs  {_milliseconds(self.theirs)}",
                f"  ratio   {_spread(self.ratios, '.2f')}   at most {self.limit}: {verdict}",
            ]
        )


def compare(what: str, ours: Timed, theirs: Timed, *, pairs: int, warm_up: int, limit: float) -> Comparison:
    """Runs both in turns, `warm_up` times unmeasured and then `pairs` times; each is given the run's number."""
    for number in range(warm_up):
        ours(number)
        theirs(number)
    numbers = range(warm_up, warm_up + pairs)
    measured = [(ours(number), theirs(number)) for number in numbers]
    return Comparison(what, tuple(a for a, _ in measured), tuple(b for _, b in measured), limit)


def _milliseconds(seconds: tuple[float, ...]) -> str:
    return _spread(tuple(1000 * value for value in seconds), ".1f") + " ms"


def _spread(values: tuple[float, ...], form: str) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"min {low:{form}}  median {middle:{form}}  max {high:{form}}"
