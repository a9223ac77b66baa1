"""What checks came to, remembered, so that a task that waits is not checked again by every crossing."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from gitferry.pushback.findings import Finding
from gitferry.repos.content import Entry

_REMEMBERED = 10_000  # checks; about 5 MB where little was found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, and what else was looked at in the root tree: it holds for as long as that is the same there."""

    findings: tuple[Finding, ...]
    rests_on: tuple[tuple[str, Entry | None], ...] = ()


class Validated:
    """The last verdicts, by what was checked. Shared by the crossings of one process and their threads."""

    def __init__(self) -> None:
        self._verdicts: OrderedDict[bytes, Verdict] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> Verdict | None:
        """Return the verdict of a key."""
        with self._lock:
            found = self._verdicts.get(key)
            if found is not None:
                self._verdicts.move_to_end(key)
            return found

    def put(self, key: bytes, verdict: Verdict) -> None:
        """Remember a verdict; the one that was asked for longest ago goes for it."""
        with self._lock:
            self._verdicts[key] = verdict
            self._verdicts.move_to_end(key)
            if len(self._verdicts) > _REMEMBERED:
                self._verdicts.popitem(last=False)


def key_of(*parts: object) -> bytes:
    """Return the name of what is checked; `parts` are values whose repr says all of them."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).digest()
