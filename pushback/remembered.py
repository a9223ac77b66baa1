"""Answers that took time, kept for the next crossings of this process, and what they are kept by."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The `most` answers that were asked for last. Shared by the crossings of one process and their threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[bytes, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> T | None:
        """Return the answer of a key."""
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
            return found

    def put(self, key: bytes, answer: T) -> None:
        """Remember an answer; the one that was asked for longest ago goes for it."""
        with self._lock:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            if len(self._answers) > self._most:
                self._answers.popitem(last=False)


def key_of(*parts: object) -> bytes:
    """Return the name of a question; `parts` are values whose repr says all of them."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).digest()
