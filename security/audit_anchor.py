"""The audit log's head outside the database: one small file, replaced as a whole, and the lock around it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitferry.config.durable import flush_directory, write_flushed
from gitferry.config.errors import GitferryError
from gitferry.security.audit_chain import Anchor, Place
from gitferry.security.file_lock import take

NAME = "audit.head"
_LOCK = "audit.lock"
_SECONDS = 60.0  # that another process may take for its record; the database gives up after thirty
_LONGEST = 4096  # bytes
_HEX = frozenset("0123456789abcdef")


class AnchorUnreadable(GitferryError):
    """The file holds something else than what gitferry writes."""


class AnchorUnwritable(GitferryError):
    """The file, or its lock, cannot be written. `record` may stand in the database all the same."""


class AnchorFile:
    """`audit.head` in the state directory: for its owner only, atomically replaced, on the disk before it counts."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / NAME
        self._lock = state_dir / _LOCK

    def read(self) -> Anchor | None:
        """Return the anchor, None where there is no such file. Raises AnchorUnreadable."""
        try:
            with self.path.open("rb") as file:
                text = file.read(_LONGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AnchorUnreadable(f"{self.path} cannot be read: {error.strerror}", "see its owner and mode") from error
        anchor = _decoded(text)
        if anchor is None or _encoded(anchor) != text:
            raise AnchorUnreadable(
                f"{self.path} is not what gitferry wrote",
                "records may have been removed: compare the log with an older `gitferry audit export`",
            )
        return anchor

    def write(self, anchor: Anchor, *, durable: bool = True) -> None:
        """Replace the file. Without `durable` a power cut may bring the one before it back. Raises AnchorUnwritable."""
        fresh = self.path.with_name(f".{NAME}.new")  # one name: only who holds the lock writes it
        try:
            write_flushed(fresh, _encoded(anchor))
            fresh.rename(self.path)
            if durable:
                flush_directory(self.path.parent)
        except OSError as error:
            raise AnchorUnwritable(
                f"{self.path} cannot be written: {error.strerror}", "see the disk, and that this user may write there"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process and thread from the anchor until the block ends. Raises AnchorUnwritable."""
        try:
            descriptor = take(self._lock, _SECONDS)
        except TimeoutError:
            raise AnchorUnwritable(
                f"another process keeps {self._lock}", "see who with `fuser`, and try again"
            ) from None
        except OSError as error:
            raise AnchorUnwritable(
                f"{self._lock} cannot be opened: {error.strerror}", "see that this user may write there"
            ) from error
        try:
            yield
        finally:
            os.close(descriptor)


def _encoded(anchor: Anchor) -> bytes:
    after = anchor.next
    body = {
        "version": 1,
        "sequence": anchor.head.sequence,
        "hash": anchor.head.hash,
        "next": None if after is None else {"sequence": after.sequence, "hash": after.hash},
    }
    return json.dumps(body).encode("ascii") + b"\n"


def _decoded(text: bytes) -> Anchor | None:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or body.get("version") != 1:
        return None
    head, after = _place(body), body.get("next")
    if head is None or after is None:
        return None if head is None else Anchor(head)
    following = _place(after)
    return None if following is None else Anchor(head, following)


def _place(body: Any) -> Place | None:
    if not isinstance(body, dict):
        return None
    sequence, found = body.get("sequence"), body.get("hash")
    if type(sequence) is not int or sequence < 0 or not isinstance(found, str):
        return None
    return Place(sequence, found) if len(found) == 64 and _HEX.issuperset(found) else None
