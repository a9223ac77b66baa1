"""What stands in the record about review branches and a person's word on a change. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Review:
    """A branch at the remote where the local side of tasks is reviewed. Its name stands before the branch does."""

    branch: str
    units: tuple[str, ...]  # more than one where a rename joins them
    tip: str | None = None  # the last of our commits that is known to have arrived there, or what a reviewer added
    there: str | None = None  # what it was found at instead of our tip; "": it is gone
    url: str | None = None  # of the request that a forge opened for it
    left: tuple[str, ...] = ()  # of the units, those for which the user took what the tracked branch has
    over: str | None = None  # why nothing goes there any more; it can be deleted then

    @property
    def gone(self) -> bool:
        """Whether somebody deleted the branch at the remote."""
        return self.there == ""


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's word on one change of one task; another change needs another word."""

    unit: str
    version: str  # of both sides as that person saw them
    by: str
    at: str  # RFC 3339
    granted: bool = True  # False: rejected
