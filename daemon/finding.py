"""One finding of `gitferry doctor`: what was looked at, how it stands, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gitferry.config.errors import GitferryError

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """`fail`: something does not work. `warn`: it works, or passes, and should be known. Both have a remedy."""

    name: str
    level: Level
    what: str
    remedy: str = ""
    repository: str | None = None

    def __post_init__(self) -> None:
        if self.level != "ok" and not self.remedy:
            raise ValueError(f"{self.name}: a {self.level} without a remedy")


def ok(name: str, what: str) -> Check:
    """Return that all is well."""
    return Check(name, "ok", what)


def warn(name: str, what: str, remedy: str) -> Check:
    """Return what should be known."""
    return Check(name, "warn", what, remedy)


def fail(name: str, what: str, remedy: str) -> Check:
    """Return what does not work."""
    return Check(name, "fail", what, remedy)


def failed(name: str, error: GitferryError) -> Check:
    """Return an error as a finding; its hint is the remedy."""
    return Check(name, "fail", error.title, error.hint or "`gitferry -v status` tells more")
