"""What the vault needs of whoever keeps its records: plain values, and writes that happen whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class KeyRecord(Protocol):
    """One key of the vault, never the key itself: `state` is current, next (during a rekey) or retired."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def parameters(self) -> str: ...
    @property
    def created(self) -> str: ...
    @property
    def proof(self) -> bytes: ...
    @property
    def forward(self) -> bytes | None: ...
    @property
    def back(self) -> bytes | None: ...


class CredentialRecord(Protocol):
    """One credential as it is kept. Times are RFC 3339 text: what was tampered with must be readable to be named."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def username(self) -> str | None: ...
    @property
    def version(self) -> int: ...
    @property
    def created(self) -> str: ...
    @property
    def rotated(self) -> str: ...
    @property
    def expires(self) -> str | None: ...
    @property
    def key_id(self) -> str: ...
    @property
    def wrapped(self) -> bytes: ...
    @property
    def sealed(self) -> bytes: ...
    @property
    def last_used(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key's record as the vault writes it.

    `proof` opens with the key alone. During a rekey `forward` is the next key under the current one, and `back` the
    current one under the next.
    """

    id: str
    state: str
    source: str
    parameters: str
    created: str
    proof: bytes = field(repr=False)
    forward: bytes | None = field(default=None, repr=False)
    back: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A credential's record as the vault writes it."""

    id: str
    name: str
    kind: str
    username: str | None
    version: int
    created: str
    rotated: str
    expires: str | None
    key_id: str
    wrapped: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    last_used: str | None = None


class VaultRecords(Protocol):
    """Each method is one transaction. Reading returns what is there, however damaged."""

    def vault_keys(self) -> Sequence[KeyRecord]:
        """Return every key's record."""
        ...

    def credentials(self) -> Sequence[CredentialRecord]:
        """Return every credential's record, by name."""
        ...

    def credential(self, name: str) -> CredentialRecord | None:
        """Return one credential's record."""
        ...

    def add_key(self, key: KeyRecord) -> None:
        """Add a key's record."""
        ...

    def switch(self, key_id: str) -> bool:
        """Make the next key the current one, and the current one retired with nothing left that leads to the next.

        False, and nothing done, where a credential is still under another key.
        """
        ...

    def drop_key(self, key_id: str) -> None:
        """Remove a key's record."""
        ...

    def add(self, credential: CredentialRecord) -> bool:
        """Add a credential; False where one has the name."""
        ...

    def replace(self, credential: CredentialRecord) -> None:
        """Put this in the place of the record of that name, or add it."""
        ...

    def rewrap(self, credential: CredentialRecord, key_id: str, wrapped: bytes) -> bool:
        """Put another wrapping to a record that is still as `credential`; False where it is not."""
        ...

    def remove(self, credential: CredentialRecord) -> bool:
        """Remove the credential of this id or name; False where there is none."""
        ...

    def used(self, name: str, at: str) -> None:
        """Note when a credential was used last."""
        ...
