"""Whether the daemon may say that it lives, decided from what its threads have in hand and which are dead. Pure.

The service manager restarts a daemon whose beats stay away (sd_watchdog_enabled(3)). Nothing is sent on a timer's word
alone: a beat says that every thread makes progress, or is within the time that its work may take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gitferry.repos.progress import Step

#: Seconds beyond a step's own limit. Whoever ends a program at its deadline needs some of them.
_GRACE: Final = 60.0
#: Seconds for which the control interface may not come to its next turn; it takes one every 0.1 s.
_SILENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Signs:
    """What the threads show of themselves: steps in hand, names of the dead, when the API's loop last turned."""

    steps: Sequence[Step]
    dead: Sequence[str]
    turned: float


def faults(signs: Signs, now: float) -> tuple[str, ...]:
    """Return what keeps the daemon from saying that it lives, in words for the log; nothing where all is well.

    `now` is on the clock of the steps.
    """
    found = [f"{name} ended by itself" for name in signs.dead]
    if now - signs.turned > _SILENCE:
        found.append(f"the control interface has not answered for {now - signs.turned:.0f} s")
    for step in signs.steps:
        if now - step.since > step.limit + _GRACE:
            found.append(f"{step.what} takes {now - step.since:.0f} s, and may take {step.limit:g} s")
    return tuple(found)


def beat_every(environ: Mapping[str, str], pid: int) -> float | None:
    """Return the seconds between two beats, half of what the service manager waits; None where it waits for none.

    `WATCHDOG_USEC` counts only for the process that `WATCHDOG_PID` names, where it names one.
    """
    wanted = environ.get("WATCHDOG_USEC", "")
    if not wanted.isascii() or not wanted.isdigit() or int(wanted) == 0:
        return None
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(wanted) / 2_000_000
