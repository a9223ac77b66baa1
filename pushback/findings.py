"""What a check says against pushing a task's content. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """What a finding does to its task."""

    STOP = "stop"  # the task fails until it is mended
    WARN = "warn"  # it travels, and the finding is told
    EXCUSED = "excused"  # it would stop, and its author excused it; that is recorded


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found at one place. `rule` names the check: schema, manifest, markers, secret, name."""

    rule: str
    weight: Weight
    path: str
    message: str  # never the secret itself
    remedy: str
    line: int | None = None  # from 1, in the new content

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message} ({self.remedy})" if self.remedy else f"{place}: {self.message}"
