"""All credentials as one encrypted text, for another machine or a drawer: to a passphrase, or to an RSA public key.

To a passphrase: Argon2id and AES-256-GCM, which also shows that nobody changed it. To a public key: a random key by
RSAES-OAEP (RFC 8017) with SHA-256, and AES-256-GCM; whoever has that public key can make such a text too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gitferry.config.errors import GitferryError
from gitferry.config.instants import instant
from gitferry.security import envelope, passphrase, private_key
from gitferry.security.credential import Given
from gitferry.security.credential_record import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import OAEP
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

_FORMAT = "gitferry vault export"
_VERSION = 1
_FEWEST_BITS = 2048


class ExportUnreadable(GitferryError):
    """The text is no export, was changed, or is for somebody else."""


class NoRsaKey(GitferryError):
    """The file holds no RSA key that can be used."""


def to_passphrase(payload: bytes, given: bytes, cost: passphrase.Cost) -> str:
    """Return `payload` encrypted to a passphrase. Raises EmptyPassphrase."""
    derivation = passphrase.new(cost)
    return _written(payload, derivation.key(given), {"to": "passphrase", "kdf": derivation.dump()})


def to_public_key(payload: bytes, key: bytes) -> str:
    """Return `payload` encrypted to an RSA public key in PEM or OpenSSH form. Raises NoRsaKey."""
    fresh = envelope.new_key()
    wrapped = _public(key).encrypt(fresh, _oaep())
    return _written(payload, fresh, {"to": "rsa", "key": envelope.text(wrapped)})


def addressee(text: str) -> str:
    """Return what opens an export: `passphrase` or `rsa`. Raises ExportUnreadable."""
    return str(_read(text)["to"])


def by_passphrase(text: str, given: bytes) -> bytes:
    """Return the payload. Raises ExportUnreadable, EmptyPassphrase."""
    found = _read(text)
    try:
        derivation = passphrase.load(str(found.get("kdf")))
    except ValueError as error:
        raise _damaged(str(error)) from None
    return _payload(found, derivation.key(given), "the passphrase is another one, or the export was changed")


def by_private_key(text: str, key: bytes, key_passphrase: bytes | None = None) -> bytes:
    """Return the payload with an RSA private key in PEM or OpenSSH form. Raises ExportUnreadable, NoRsaKey."""
    found = _read(text)
    private = _private(key, key_passphrase)
    other = "it is for another key, or was changed"
    try:
        fresh = private.decrypt(envelope.from_text(str(found.get("key"))), _oaep())
    except ValueError:
        raise _damaged(other) from None
    return _payload(found, fresh, other)


def dump(credentials: Iterable[tuple[Given, Secret]]) -> bytes:
    """Return credentials as the payload of an export."""
    rows = [
        {
            "name": given.name,
            "type": given.kind,
            "username": given.username,
            "expires": None if given.expires is None else instant(given.expires),
            "secret": envelope.text(secret.secret),
            "passphrase": None if secret.passphrase is None else envelope.text(secret.passphrase),
        }
        for given, secret in credentials
    ]
    return json.dumps({"credentials": rows}).encode("ascii")


def load(payload: bytes) -> list[tuple[Given, Secret]]:
    """Return the credentials of a payload. Raises ExportUnreadable: a later version wrote it."""
    try:
        return [_row(row) for row in json.loads(payload)["credentials"]]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise _damaged("its content is not what this version knows") from None


def _row(row: Mapping[str, Any]) -> tuple[Given, Secret]:
    expires = None if row["expires"] is None else datetime.fromisoformat(row["expires"]).astimezone(UTC)
    locked = None if row["passphrase"] is None else envelope.from_text(row["passphrase"])
    username = None if row["username"] is None else str(row["username"])
    given = Given(str(row["name"]), str(row["type"]), username, expires)
    return given, Secret(envelope.from_text(row["secret"]), locked)


def _written(payload: bytes, key: bytes, head: dict[str, str]) -> str:
    box = envelope.encrypt(key, payload, _identity(head))
    whole = {"format": _FORMAT, "version": _VERSION, **head, "data": envelope.text(box)}
    return json.dumps(whole, indent=1) + "\n"


def _payload(found: dict[str, Any], key: bytes, why: str) -> bytes:
    head: dict[str, str] = {name: str(found[name]) for name in ("to", "kdf", "key") if name in found}
    try:
        return envelope.decrypt(key, envelope.from_text(str(found.get("data"))), _identity(head), "the export")
    except (envelope.Unopened, ValueError):
        raise _damaged(why) from None


def _identity(head: Mapping[str, str]) -> bytes:
    return envelope.bound(_FORMAT, _VERSION, *(part for name in sorted(head) for part in (name, head[name])))


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("format") != _FORMAT or found.get("to") not in ("passphrase", "rsa"):
        raise _damaged("it is no export of a vault, or was cut short")
    if found.get("version") != _VERSION:
        raise ExportUnreadable(f"the export is of version {found.get('version')!r}", "update gitferry")
    return found


def _oaep() -> OAEP:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP

    return OAEP(mgf=MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def _public(text: bytes) -> RSAPublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    load = serialization.load_ssh_public_key if text.startswith(b"ssh-") else serialization.load_pem_public_key
    try:
        key = load(text.strip() if text.startswith(b"ssh-") else text)
    except (ValueError, UnsupportedAlgorithm):
        raise NoRsaKey(
            "that is no public key in PEM or OpenSSH form", "`openssl rsa -in KEY -pubout`, or an id_rsa.pub"
        ) from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _FEWEST_BITS:
        raise NoRsaKey(
            f"that is no RSA key of at least {_FEWEST_BITS} bits", "other kinds of keys sign, and cannot encrypt"
        )
    return key


def _private(text: bytes, given: bytes | None) -> RSAPrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    try:
        key = private_key.load(text, given)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoRsaKey(
            f"the private key cannot be used: {error}", "give it in PEM form; `ssh-keygen -p -m PEM -f COPY` converts"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise NoRsaKey("that is no RSA private key", "give the one that belongs to the public key of the export")
    return key


def _damaged(why: str) -> ExportUnreadable:
    return ExportUnreadable(f"the export cannot be opened: {why}", "nothing was taken in; try another copy of it")
