"""What a broken promise is told with: its history's steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gitferry.tests.integration.simulation_oracle import Violation
from gitferry.tests.integration.simulation_tally import Tally
from gitferry.tests.integration.simulation_world import World, told


@contextmanager
def judged(history: World, tally: Tally | None, again: str) -> Iterator[None]:
    """Count what the block's history meets, and tell its steps with whatever it runs into."""
    try:
        yield
    except Exception as error:
        found = error if isinstance(error, Violation) else Violation(f"{type(error).__name__}: {error}")
        history.tally.broken(found)
        raise type(found)(f"{found}\nafter\n{told(history.steps)}\n{again}") from error
    finally:
        if tally is not None:
            tally.add(history.tally)
