"""The commits and root trees between which one crossing decides. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sides:
    """The commits and root trees of one crossing."""

    local: str  # the working tree, an interrupted pull read as not begun
    head_commit: str | None
    head: str
    upstream_commit: str | None
    upstream: str
    base_commits: tuple[str, ...]
    bases: tuple[str, ...]
    agreed: str | None = None  # S's tree, where HEAD no longer contains S
    passed: tuple[str, ...] = ()  # what of the upstream HEAD had where the user moved it and may have left files behind
    log: str | None = None  # the newest entry of git's log of HEAD
