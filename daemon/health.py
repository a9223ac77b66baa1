"""How well a repository is: one word, and why, from what its last crossings came to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gitferry.pushback.outcome import State

if TYPE_CHECKING:
    from gitferry.config.model import Health as Thresholds
    from gitferry.daemon.board import Known
    from gitferry.daemon.vitals import Vital

#: A repository that now works, and of whose crossings in 24 hours fewer succeeded, is degraded.
STEADY: Final = 0.9
#: Of fewer crossings nothing is concluded.
ENOUGH: Final = 10
_WATCHED: Final = (None, "all", "being set up")


class Health(StrEnum):
    """How well a repository is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"  # it works, and not as it should
    FAILING = "failing"  # so many failures in a row that it may need its user
    WAITING = "waiting"  # for something that is named, the network among it
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Condition:
    """A repository's health and why it is so; None where that needs no word."""

    health: Health
    why: str | None = None


def condition(known: Known, vital: Vital, *, watching: str | None, thresholds: Thresholds) -> Condition:
    """Return how well a repository is; `watching` is how it is watched, in the watcher's words."""
    if known.state == State.PAUSED:
        return Condition(Health.PAUSED, known.waiting_for)
    if known.state == State.WAITING:
        return Condition(Health.WAITING, known.waiting_for)
    if known.state == State.FAILING:
        return _failing(known.last_error, vital, thresholds.unhealthy)
    if vital.failures:  # the last crossing worked, and did not ask the remote that failed
        return _failing(vital.error, vital, thresholds.unhealthy)
    if known.state not in (State.HEALTHY, State.CONFLICT):
        return Condition(Health.WAITING, "its first crossing")
    why = _wanting(known, vital, watching)
    return Condition(Health.HEALTHY) if why is None else Condition(Health.DEGRADED, why)


def _failing(error: str | None, vital: Vital, unhealthy: int) -> Condition:
    # An earlier process saw it fail, and this one did not try yet: how often in a row is not known.
    if vital.failures >= unhealthy or not vital.seen:
        return Condition(Health.FAILING, error)
    return Condition(Health.DEGRADED, error)


def _wanting(known: Known, vital: Vital, watching: str | None) -> str | None:
    """Return what is not as it should be in a repository that works."""
    if known.conflicts:
        return f"{known.conflicts} task{'s' if known.conflicts > 1 else ''} in conflict"
    if known.refused:
        return f"{known.refused} task{'s' if known.refused > 1 else ''} failed"
    if watching not in _WATCHED and not (watching or "").startswith("off:"):
        return watching
    if vital.success_rate is not None and vital.crossings >= ENOUGH and vital.success_rate < STEADY:
        return f"{vital.success_rate:.0%} of its crossings in 24 hours succeeded"
    return None


def lag(known: Known, now: datetime) -> float | None:
    """Return how many seconds ago the oldest edit was made that is not at the remote; None where there is none.

    An edit is as old as the newest changed file of its task.
    """
    if known.unpushed_since is None:
        return None
    return max(0.0, (now - known.unpushed_since).total_seconds())
