"""A private key as text: whether it is one, whether it is encrypted, and whether its passphrase opens it."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from gitferry.security.credential import CredentialRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----\r?\n.+?\r?\n-----END \1-----", re.S)
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class Lock(Enum):
    """How a private key stands towards a passphrase."""

    NONE = "not encrypted"
    OPENED = "the passphrase opens it"
    NEEDED = "encrypted, and no passphrase was given"
    WRONG = "the passphrase does not open it"
    UNTRIED = "encrypted in a way that only ssh itself can try"


def whole(text: bytes) -> bytes:
    """Return the private key in `text` with one newline at its end, as ssh wants it. Raises CredentialRefused."""
    found = _BLOCK.search(text)
    if found is None:
        raise CredentialRefused(
            "that is no private key in OpenSSH's or PEM form",
            "give the whole file, from its BEGIN line to its END line: `… < ~/.ssh/id_ed25519`; not the .pub file",
        )
    return found[0].replace(b"\r\n", b"\n") + b"\n"


def load(text: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    """Return the private key that `text` is, in OpenSSH's or PEM form.

    Raises TypeError: a passphrase is needed, or there is nothing that it could open; ValueError: it does not open the
    key, or that is damaged; UnsupportedAlgorithm.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    read = load_ssh_private_key if text.lstrip().startswith(_OPENSSH) else load_pem_private_key
    try:
        return read(text, passphrase)
    except InvalidTag:  # what cryptography 45 says of an OpenSSH key under AES-GCM, and does not document
        raise ValueError("its passphrase does not open it") from None


def lock(key: bytes, passphrase: bytes | None) -> Lock:
    """Return how a key stands towards a passphrase. Raises CredentialRefused where it cannot be read."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        load(key, None)
        return Lock.NONE
    except TypeError:  # what both raise for an encrypted key without a password
        pass
    except UnsupportedAlgorithm:
        return Lock.NONE  # a kind of key that ssh knows and the library does not: a security key's, say
    except ValueError as error:
        raise _unreadable() from error
    if passphrase is None:
        return Lock.NEEDED
    try:
        load(key, passphrase)
    except UnsupportedAlgorithm:
        return Lock.UNTRIED  # PEM knows more ciphers than the library
    except ValueError:
        return Lock.WRONG
    return Lock.OPENED


def _unreadable() -> CredentialRefused:
    return CredentialRefused(
        "the private key cannot be read: it is damaged or cut short",
        "`ssh-keygen -y -f FILE` tells whether ssh reads it",
    )
