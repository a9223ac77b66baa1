"""Where the vault's key comes from, and what each such place must be able to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from gitferry.config.errors import GitferryError

SourceName = Literal["systemd", "keyring", "keyfile", "passphrase"]

#: Those that are tried in this order where none is chosen. A passphrase is only ever chosen.
BY_ITSELF: tuple[SourceName, ...] = ("systemd", "keyring", "keyfile")
BY_PASSPHRASE: SourceName = "passphrase"  # noqa: S105 - the name of a place


class KeySourceError(GitferryError):
    """A place for the vault's key cannot be used, or has no key."""


class KeySource(Protocol):
    """A place that keeps keys by id and gives them without asking anyone. Every method raises KeySourceError."""

    @property
    def name(self) -> SourceName:
        """What people call it."""
        ...

    def require(self) -> None:
        """Return where it can be used here; else raise the reason and the remedy."""
        ...

    def make(self, unlike: bytes | None) -> bytes:
        """Return a key to begin with: a random one, or the one that the place was given; never `unlike`."""
        ...

    def keep(self, key_id: str, key: bytes) -> None:
        """Keep a key; the same again changes nothing."""
        ...

    def load(self, key_id: str) -> tuple[bytes, ...]:
        """Return the keys that may be the one of that id, none where it has none."""
        ...

    def forget(self, key_id: str) -> None:
        """Drop a key; one that is not there is dropped already."""
        ...


def first_that_works(sources: Iterable[KeySource]) -> KeySource:
    """Return the first place that can be used here. Raises KeySourceError with every reason."""
    reasons = []
    for source in sources:
        try:
            source.require()
        except KeySourceError as error:
            reasons.append(f"{source.name}: {error.title}")
        else:
            return source
    raise KeySourceError(
        "no place for the vault's key works here" + "".join(f"\n  {reason}" for reason in reasons),
        "mend one of them, or choose a passphrase: `gitferry vault init --key-source passphrase`",
    )
