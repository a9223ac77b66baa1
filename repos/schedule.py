"""When to pull: what a Pull setting means, how first runs are spread, how runs are moved, how failures back off.

Pure: time and chance are arguments. `fraction` is a random number from 0 up to 1, durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gitferry.config.cron import Cron, read_cron

if TYPE_CHECKING:
    from gitferry.config.model import Pull, Retry

#: The first runs after a start are spread over so many seconds, or over the interval where that is shorter.
SPREAD: Final = 60.0
#: What jitter is a share of where a cron line names the minute: so a run stays within it.
MINUTE: Final = 60.0
#: 2**40 times anything configured is beyond every `max`; the power itself must not overflow a float.
_MOST_DOUBLINGS: Final = 40


@dataclass(frozen=True, slots=True)
class Every:
    """Run every `seconds`, each run moved by up to `jitter` (a share of the interval) to either side."""

    seconds: float
    jitter: float = 0.0
    soon: bool = True  # the first run comes soon after the start; what was done at the start itself need not


@dataclass(frozen=True, slots=True)
class At:
    """Run when one of the cron lines says so, moved later by up to `jitter` (a share of a minute)."""

    lines: tuple[Cron, ...]
    jitter: float = 0.0


Plan = Every | At


def pull_plan(pull: Pull) -> Plan | None:
    """Return when the setting asks for pulls; None for never. Raises ValueError for a wrong cron line."""
    if not pull.enabled:
        return None
    if pull.at is not None:
        return At(alternatives(read_cron(pull.at)), pull.jitter)
    return Every(pull.every, pull.jitter)


def alternatives(line: Cron) -> tuple[Cron, ...]:
    """Return lines that together mean `line` where all five fields of each must match.

    crontab(5): where both the day of the month and the weekday are restricted, either is enough.
    """
    if line.day == "*" or line.weekday == "*":
        return (line,)
    return replace(line, weekday="*"), replace(line, day="*")


def first_delay(plan: Every, fraction: float) -> float:
    """Return the seconds from the start to the first run: many repositories must not ask their servers at once."""
    return fraction * min(plan.seconds, SPREAD) if plan.soon else gap(plan, fraction)


def gap(plan: Every, fraction: float) -> float:
    """Return the seconds from one run to the next."""
    return plan.seconds * (1 + plan.jitter * (2 * fraction - 1))


def lateness(plan: At, fraction: float) -> float:
    """Return how many seconds after the cron line's minute began to run. Never before: it would be due twice."""
    return fraction * plan.jitter * MINUTE


def retry_delay(retry: Retry, failures: int, fraction: float) -> float | None:
    """Return the seconds to wait after so many failures in a row (from 1); None: tried often enough.

    The wait doubles from `initial` to `max`; up to half of it is left to chance, so that clients that failed
    together do not come back together, and none comes back at once.
    """
    if retry.attempts and failures > retry.attempts:
        return None
    doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
    wait = min(retry.max, retry.initial * 2.0**doublings)
    return wait * (0.5 + fraction / 2)
