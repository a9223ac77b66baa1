"""The names of review branches: `gitferry/<host>/<slug>`, from any hostname and any task's path. Pure.

What a branch may be called is in git-check-ref-format(1) and git-branch(1). Only ASCII is kept, because a server's
file system may not tell two spellings of a letter apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from itertools import count

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 60  # characters of a component; the percent-encoded branch is one file's name, which holds 255 bytes


def host_branches(hostname: str) -> str:
    """Return what the name of every review branch of this host begins with, the last slash included."""
    return f"gitferry/{_component(hostname)}/"


def review_branch(hostname: str, path: str, taken: Iterable[str]) -> str:
    """Return a branch for the task at `path`: the first name, with a number from the second on, that is free.

    `taken` are names of branches. One that lies below a name takes it too, as git keeps refs like files.
    """
    known = frozenset(taken)
    name = host_branches(hostname) + _component(path)

    def free(candidate: str) -> bool:
        return candidate not in known and not any(other.startswith(candidate + "/") for other in known)

    return next(found for n in count(1) if free(found := name if n == 1 else f"{name}-{n}"))


def _component(text: str) -> str:
    """Return `text` as one component of a branch's name; what has no usable character is named by its digest."""
    safe = re.sub(r"\.{2,}", ".", _UNSAFE.sub("-", text)).strip("-.")[:_LONGEST].rstrip("-.")
    if safe.endswith(".lock"):
        safe = safe.removesuffix(".lock") + "-lock"
    return safe or sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]
