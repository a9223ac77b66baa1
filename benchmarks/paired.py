"""Two ways of doing the same thing, timed in turns, so that what the machine does meanwhile hits both."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

Timed = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of each run, in pairs: `ours[i]` and `theirs[i]` were measured one after the other.

    `limit` is what a pair's ratio may be, or with `added` by how many seconds ours may take longer.
    """

    what: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    limit: float
    added: bool = False

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def differences(self) -> tuple[float, ...]:
        return tuple(ours - theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def held(self) -> bool:
        """Whether the median of the pairs is within the limit."""
        return statistics.median(self.differences if self.added else self.ratios) <= self.limit

    def report(self) -> str:
        """Four lines for people."""
        verdict = "held" if self.held else "MISSED"
        return "\n".join(
            [
                f"{self.what} ({len(self.ours)} pairs)",
                f"  ours    {_milliseconds(self.ours)}",
                f"  theirs  {_milliseconds(self.theirs)}",
                f"  more    {_milliseconds(self.differences)}   at most {1000 * self.limit:g} ms: {verdict}"
                if self.added
                else f"  ratio   {_spread(self.ratios, '.2f')}   at most {self.limit}: {verdict}",
            ]
        )


def compare(
    what: str, ours: Timed, theirs: Timed, *, pairs: int, warm_up: int, limit: float, added: bool = False
) -> Comparison:
    """Runs both in turns, `warm_up` times unmeasured and then `pairs` times; each is given the run's number."""
    for number in range(warm_up):
        ours(number)
        theirs(number)
    numbers = range(warm_up, warm_up + pairs)
    measured = [(ours(number), theirs(number)) for number in numbers]
    return Comparison(what, tuple(a for a, _ in measured), tuple(b for _, b in measured), limit, added)


def _milliseconds(seconds: tuple[float, ...]) -> str:
    return _spread(tuple(1000 * value for value in seconds), ".1f") + " ms"


def _spread(values: tuple[float, ...], form: str) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"min {low:{form}}  median {middle:{form}}  max {high:{form}}"
