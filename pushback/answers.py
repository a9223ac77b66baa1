"""A person's answers to conflicts, and the name of the state that each was given to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from gitferry.pushback.outcome import Take
from gitferry.repos.content import Content


def version_of(local: Content, remote: Content) -> str:
    """Return a name for the state of one conflict: another one as soon as either side changes."""
    digest = sha256()
    for side in (local, remote):
        for path, entry in sorted(side.items()):
            digest.update(f"{entry.mode:o} {entry.oid} {path}\0".encode("utf-8", "surrogateescape"))
        digest.update(b"\0")
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Answered:
    """A person's answer to one conflict. `content`: what they made of it, for Take.GIVEN, unless it is refused."""

    take: Take
    version: str
    content: Content | None = None
    refused: str | None = None  # why it cannot be the task
