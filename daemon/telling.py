"""What a crossing tells, before anyone is told: no secret is in it, on the board, in index or log, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitferry.security.redact import redact

if TYPE_CHECKING:
    from gitferry.pushback.outcome import Outcome


def without_secrets(outcome: Outcome) -> Outcome:
    """Return the outcome with credentials masked in what it says; remotes, hooks and filters had a hand in that."""
    return replace(
        outcome,
        waiting_for=_masked(outcome.waiting_for),
        error=_masked(outcome.error),
        hint=_masked(outcome.hint),
        notes=tuple(map(redact, outcome.notes)),
        tasks=tuple(
            replace(task, reason=_masked(task.reason), warnings=tuple(map(redact, task.warnings)))
            for task in outcome.tasks
        ),
    )


def _masked(text: str | None) -> str | None:
    return None if text is None else redact(text)
