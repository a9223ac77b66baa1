"""One credential as a record: what is sealed of it, what stands beside that in the clear, and how both are bound."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gitferry.config.instants import instant
from gitferry.security import envelope
from gitferry.security.credential import Credential, DamagedCredential, Given
from gitferry.security.vault_records import CredentialRecord, NewCredential


@dataclass(frozen=True, slots=True)
class Secret:
    """What is sealed: a token, password or private key, and the passphrase of an encrypted key."""

    secret: bytes = field(repr=False)
    passphrase: bytes | None = field(default=None, repr=False)


def sealed(
    given: Given, secret: Secret, key: tuple[str, bytes], now: datetime, before: CredentialRecord | None = None
) -> NewCredential:
    """Return the record of a credential under `key` (its id and the key); `before` is the one that it replaces."""
    created = instant(now) if before is None else before.created
    record = NewCredential(
        id=secrets.token_hex(16) if before is None else before.id,
        name=given.name,
        kind=given.kind,
        username=given.username,
        version=1 if before is None else before.version + 1,
        created=created,
        rotated=instant(now),
        expires=None if given.expires is None else instant(given.expires),
        key_id=key[0],
        wrapped=b"",
        sealed=b"",
        last_used=None if before is None else before.last_used,
    )
    found = envelope.seal(key[1], key[0], _dump(secret), _identity(record))
    return _with(record, found)


def opened(record: CredentialRecord, key: bytes) -> Secret:
    """Return what is sealed in a record. Raises DamagedCredential."""
    found = envelope.Envelope(record.wrapped, record.sealed)
    try:
        return _load(envelope.unseal(key, record.key_id, found, _identity(record), record.name))
    except envelope.Unopened:
        raise DamagedCredential(record.name) from None


def rewrapped(record: CredentialRecord, old: bytes, new: tuple[str, bytes]) -> bytes:
    """Return the record's data key under another key. Raises DamagedCredential."""
    try:
        return envelope.rewrap((record.key_id, old), new, record.wrapped, _identity(record), record.name)
    except envelope.Unopened:
        raise DamagedCredential(record.name) from None


def described(record: CredentialRecord, fault: str | None = None) -> Credential:
    """Return what a record says of its credential; `fault` is why it does not open."""
    times: dict[str, datetime | None] = {}
    for name in ("created", "rotated", "expires", "last_used"):
        try:
            text = getattr(record, name)
            times[name] = None if text is None else datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            times[name] = None
            fault = fault or DamagedCredential(record.name, f"{name} is no time").title
    return Credential(record.id, record.name, record.kind, record.username, record.version, **times, fault=fault)


def _identity(record: CredentialRecord) -> bytes:
    """All that stands in the clear is bound, but when it was used last: that is noted without the key."""
    return envelope.bound(
        "credential",
        record.id,
        record.name,
        record.kind,
        record.version,
        record.username,
        record.created,
        record.rotated,
        record.expires,
    )


def _with(record: NewCredential, found: envelope.Envelope) -> NewCredential:
    return replace(record, wrapped=found.wrapped, sealed=found.sealed)


def _dump(secret: Secret) -> bytes:
    passphrase = None if secret.passphrase is None else envelope.text(secret.passphrase)
    return json.dumps([envelope.text(secret.secret), passphrase]).encode("ascii")


def _load(data: bytes) -> Secret:
    secret, passphrase = json.loads(data)
    return Secret(envelope.from_text(secret), None if passphrase is None else envelope.from_text(passphrase))
