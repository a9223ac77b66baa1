"""What checks came to, remembered, so that a task that waits is not checked again by every crossing."""

from __future__ import annotations

from dataclasses import dataclass

from gitferry.pushback.findings import Finding
from gitferry.pushback.remembered import Remembered
from gitferry.repos.content import Entry

_MOST = 10_000  # checks; about 5 MB where little was found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, and what else was looked at in the root tree: it holds for as long as that is the same there."""

    findings: tuple[Finding, ...]
    rests_on: tuple[tuple[str, Entry | None], ...] = ()


class Validated(Remembered[Verdict]):
    """The last verdicts, by what was checked."""

    def __init__(self) -> None:
        super().__init__(_MOST)
