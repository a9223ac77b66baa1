"""The vault's key towards its record: how a key proves to be the one, and how two keys lead to each other in a rekey.

Pure: a rekey that died is finished, or taken back, by whoever has either key.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gitferry.security import envelope
from gitferry.security.vault_faults import DamagedVault, NoVault
from gitferry.security.vault_records import KeyRecord, NewKey

CURRENT: Final = "current"
NEXT: Final = "next"
RETIRED: Final = "retired"


@dataclass(frozen=True, slots=True)
class Standing:
    """The keys that there are: one in force, another during a rekey, and those that only wait to be dropped."""

    current: KeyRecord
    next: KeyRecord | None
    retired: tuple[KeyRecord, ...]

    @property
    def alive(self) -> tuple[KeyRecord, ...]:
        """Those that a credential may be under."""
        return (self.current,) if self.next is None else (self.current, self.next)


def standing(records: Sequence[KeyRecord]) -> Standing:
    """Return how the keys stand. Raises NoVault, DamagedVault."""
    if not records:
        raise NoVault
    by_state: dict[str, list[KeyRecord]] = {CURRENT: [], NEXT: [], RETIRED: []}
    for record in records:
        if record.state not in by_state:
            raise DamagedVault(f"a key is {record.state!r}")
        by_state[record.state].append(record)
    current, following = by_state[CURRENT], by_state[NEXT]
    if len(current) != 1 or len(following) > 1:
        raise DamagedVault(f"{len(current)} keys are in force and {len(following)} are to follow")
    return Standing(current[0], following[0] if following else None, tuple(by_state[RETIRED]))


def record_of(key: bytes, source: str, parameters: str, created: str) -> NewKey:
    """Return the record of a new key that is in force."""
    record = NewKey(secrets.token_hex(16), CURRENT, source, parameters, created, b"")
    return replace(record, proof=envelope.encrypt(key, b"", _identity(record)))


def proves(key: bytes, record: KeyRecord) -> bool:
    """Return whether this is the key of the record, and the record as it was written."""
    try:
        return envelope.decrypt(key, record.proof, _identity(record), "the vault's key") == b""
    except envelope.Unopened:
        return False


def to_follow(record: NewKey, key: bytes, current: KeyRecord, current_key: bytes) -> NewKey:
    """Return the record of a key that is to follow the current one, each of the two under the other."""
    forward = envelope.encrypt(current_key, key, _leads(current.id, record.id))
    back = envelope.encrypt(key, current_key, _leads(record.id, current.id))
    return replace(record, state=NEXT, forward=forward, back=back)


def following(current: KeyRecord, current_key: bytes, record: KeyRecord) -> bytes:
    """Return the key that is to follow. Raises Unopened."""
    identity = _leads(current.id, record.id)
    return envelope.decrypt(current_key, record.forward or b"", identity, "the key that is to follow the vault's")


def followed(record: KeyRecord, key: bytes, current: KeyRecord) -> bytes:
    """Return the current key from the one that is to follow it. Raises Unopened."""
    identity = _leads(record.id, current.id)
    return envelope.decrypt(key, record.back or b"", identity, "the vault's key, under the one that is to follow")


def _identity(record: KeyRecord) -> bytes:
    return envelope.bound("key", record.id, record.source, record.parameters, record.created)


def _leads(one: str, other: str) -> bytes:
    return envelope.bound("leads", one, "to", other)
