"""A secret sealed with a data key of its own, which is wrapped by the vault's key; both are bound to what they are of.

AES-256-GCM (NIST SP 800-38D) with random nonces: a data key seals one secret, and the vault's key wraps one data key
for each version of each credential, far from the 2^32 messages that random nonces allow. Pure but for the random bytes.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field

from gitferry.config.errors import GitferryError

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Unopened(GitferryError):
    """What was sealed was changed, cut short or swapped with another, or the key is not the one that sealed it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} does not open: it was changed, cut short or swapped with another")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed secret beside its wrapped data key; each begins with its nonce and ends with its tag."""

    wrapped: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


def new_key() -> bytes:
    """Return a random key for AES-256."""
    return secrets.token_bytes(KEY_BYTES)


def bound(*parts: str | int | None) -> bytes:
    """Return additional data that names `parts` and their order; no two lists of parts have the same."""
    return json.dumps(["gitferry", 1, *parts], separators=(",", ":"), ensure_ascii=True).encode("ascii")


def encrypt(key: bytes, plain: bytes, identity: bytes) -> bytes:
    """Return nonce, ciphertext and tag of `plain`, bound to `identity`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, identity)


def decrypt(key: bytes, box: bytes, identity: bytes, what: str) -> bytes:
    """Return what `encrypt` was given. Raises Unopened, which names it as `what`."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(key) != KEY_BYTES or len(box) < _NONCE_BYTES + _TAG_BYTES:
        raise Unopened(what)
    try:
        return AESGCM(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], identity)
    except InvalidTag:
        # The cause tells nothing, and its traceback would lead through the frames that hold keys.
        raise Unopened(what) from None


def seal(key: bytes, key_id: str, secret: bytes, identity: bytes) -> Envelope:
    """Return `secret` sealed for what `identity` names, under a new data key wrapped by `key`."""
    data_key = new_key()
    return Envelope(_wrap(key, key_id, data_key, identity), encrypt(data_key, secret, identity))


def unseal(key: bytes, key_id: str, envelope: Envelope, identity: bytes, what: str) -> bytes:
    """Return the secret. Raises Unopened, which names it as `what`."""
    return decrypt(_unwrap(key, key_id, envelope.wrapped, identity, what), envelope.sealed, identity, what)


def rewrap(old: tuple[str, bytes], new: tuple[str, bytes], wrapped: bytes, identity: bytes, what: str) -> bytes:
    """Return the data key that `old` (a key's id and the key) wraps, wrapped by `new`. Raises Unopened."""
    return _wrap(new[1], new[0], _unwrap(old[1], old[0], wrapped, identity, what), identity)


def text(data: bytes) -> str:
    """Return bytes as base64 text."""
    return base64.b64encode(data).decode("ascii")


def from_text(data: str) -> bytes:
    """Return the bytes of base64 text. Raises ValueError."""
    return base64.b64decode(data.encode("ascii"), validate=True)


def _wrap(key: bytes, key_id: str, data_key: bytes, identity: bytes) -> bytes:
    return encrypt(key, data_key, identity + bound("wrapped by", key_id))


def _unwrap(key: bytes, key_id: str, wrapped: bytes, identity: bytes, what: str) -> bytes:
    return decrypt(key, wrapped, identity + bound("wrapped by", key_id), what)
