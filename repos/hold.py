"""A task that is held: what stands in the record about it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitferry.repos.tasks import Kind


class HoldState(StrEnum):
    """Why a held task is held: waiting now, waiting for a stash to return, or undone by its user."""

    ACTIVE = "active"
    PARKED = "parked"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Hold:
    """A task whose remote change HEAD has passed and the working tree does not contain.

    `bases`, `theirs` and `locals` are root trees; the task's content is what stands at its path in them.
    """

    unit: str
    kind: Kind
    bases: tuple[str, ...]
    theirs: str
    locals: tuple[str, ...]
    reason: str
    theirs_commit: str | None = None
    state: HoldState = HoldState.ACTIVE
    since: str = ""
    partner: str | None = None  # the other half of a rename, for whose sake it is held
    moved_from: str | None = None  # the branch on which the edit was made
    unsure: bool = False  # an undo was broken off and the task edited: what it was made from is not known

    def covers(self, path: str) -> bool:
        """Return whether a path is the task's file, or lies in its directory."""
        return path == self.unit or (self.kind != "file" and (self.unit == "." or path.startswith(self.unit + "/")))
