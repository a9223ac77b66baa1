"""A line to the remote that breaks as the answer to a push comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gitferry.repos.transport import Accepted, Refused
from gitferry.tests.integration.simulation_faults import Cut, Ferry, Line

Done = TypeVar("Done")


class Breaking(Line):
    """It stays broken: nobody can ask what became of the push."""

    def push(self, *what: Any, **how: Any) -> Accepted | Refused:
        try:
            return super().push(*what, **how)
        finally:
            self.cut = self.cut and Cut.DOWN


def untold(side: Ferry, cross: Callable[[], Done]) -> Done:
    """Cross over a line that brings the push there and its answer not back; mend it, and return what came of it."""
    side.line.cut = Cut.UNTOLD
    done = cross()
    assert side.line.met
    side.line.cut = None
    return done
