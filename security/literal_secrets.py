"""Secrets that this process holds, in every form in which they could get into a text."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

#: Shorter ones occur in ordinary text, which would become unreadable; they are hidden by their place alone.
SHORTEST: Final = 6
_SHORTEST_CODED: Final = 10  # characters of a part of a base64 text
_SHORTEST_LINE: Final = 20  # characters of a line of a key: its first and last lines are everybody's


class LiteralSecrets:
    """What is to be hidden wherever it stands; usable from any thread."""

    def __init__(self) -> None:
        self._known: Counter[str] = Counter()
        self._pattern: re.Pattern[str] | None = None
        self._mutex = threading.Lock()

    def register(self, secret: str | bytes, username: str | None = None) -> Callable[[], None]:
        """Hide a secret from now on; return what ends that, to be called when the secret is no longer held.

        Hidden too: percent-encoded, as a JSON or Python text has it, in hexadecimal, in base64 by itself and behind
        any user name.
        """
        forms = frozenset(_forms(secret, username))
        with self._mutex:
            self._known.update(forms)
            self._compile()
        ended = threading.Event()

        def end() -> None:
            with self._mutex:
                if not ended.is_set():
                    ended.set()
                    self._known.subtract(forms)
                    self._known += Counter()  # without those that nobody holds any more
                    self._compile()

        return end

    def hidden(self, text: str, instead: str) -> str:
        """Return a text in which `instead` stands for each of them."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(instead, text)

    def _compile(self) -> None:
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _forms(secret: str | bytes, username: str | None) -> Iterator[str]:
    data = secret.encode("utf-8", "surrogateescape") if isinstance(secret, str) else secret
    text = data.decode("utf-8", "surrogateescape")
    lines = text.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE and "-----" not in line)
        return
    text = text.strip()
    if len(text) < SHORTEST:
        return
    yield text
    yield quote(text, safe="", errors="surrogateescape")
    yield quote_plus(text, errors="surrogateescape")
    yield json.dumps(text)[1:-1]
    yield repr(text)[1:-1]
    yield data.strip().hex()
    if username is not None:
        yield from _coded(f"{username}:{text}".encode("utf-8", "surrogateescape"), whole=True)
    for before in range(3):
        yield from _coded(text.encode("utf-8", "surrogateescape"), before)


def _coded(data: bytes, before: int = 0, *, whole: bool = False) -> Iterator[str]:
    """Yield what `data` is in base64 (RFC 4648) behind `before` other bytes, without characters that others share."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        coded = encode(b"\0" * before + data).decode("ascii").rstrip("=")
        if whole:
            yield coded
            continue
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        if last - first >= min(_SHORTEST_CODED, len(data)):
            yield coded[first:last]
