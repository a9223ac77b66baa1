"""The seal in a unit of ours: which form it was written in, and whether it still reads as it was written. Pure.

The form is a digest of what this version writes for services that stay the same, so that it changes exactly when an
upgrade would write another unit, whatever the service at hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import sha256

_SEAL = re.compile(r"# Form ([0-9a-f]{12}), text ([0-9a-f]{12})")


class Writing(StrEnum):
    """How the text of a unit of ours came about."""

    CURRENT = "current"  # this version would write it so
    OLDER = "older"  # another version of gitferry wrote it, and nobody changed it since
    EDITED = "edited"  # a person changed it: it is theirs


def sealed(lines: Sequence[str], form: str) -> str:
    """Return the unit of these lines, the seal below the first."""
    first, *rest = lines
    return "\n".join([first, f"# Form {form}, text {digest(lines)}", *rest]) + "\n"


def digest(lines: Sequence[str]) -> str:
    """Return a digest of the lines that is short enough to stand in one."""
    return sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def writing(content: str, form: Callable[[], str]) -> Writing:
    """Return how the unit came about. One without a seal is from before there were seals."""
    lines = content.splitlines()
    seals = [(number, found) for number, line in enumerate(lines) if (found := _SEAL.fullmatch(line))]
    if not seals:
        return Writing.OLDER
    number, seal = seals[0]
    if digest([*lines[:number], *lines[number + 1 :]]) != seal[2]:
        return Writing.EDITED
    return Writing.CURRENT if seal[1] == form() else Writing.OLDER
