"""A private SSH key in this process: read from its text, asked for its public half and for signatures.

Key and signature formats: RFC 4253 (6.6), RFC 5656, RFC 8332, RFC 8709. Encrypted keys of OpenSSH's form need bcrypt.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, TypeAlias

from gitferry.config.errors import GitferryError
from gitferry.repos import ssh_wire as wire
from gitferry.security import private_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    _Private: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

# draft-ietf-sshm-ssh-agent, section 3.6.1: which hash an RSA signature is made with.
RSA_SHA2_256: Final = 2
RSA_SHA2_512: Final = 4


class UnusableKey(GitferryError):
    """The text is no private key that can sign here, or its passphrase does not open it."""


class SshKey:
    """One private key, which never leaves this object."""

    def __init__(self, private: _Private) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._private = private
        line = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        #: The public half, as SSH writes it.
        self.public = base64.b64decode(line.split()[1])

    def sign(self, data: bytes, flags: int) -> bytes:
        """Return the signature of `data` as SSH writes it, empty where the asked kind (SHA-1) is not made."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils

        name = wire.Reader(self.public).text()
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return wire.text(name) + wire.text(self._private.sign(data))
        if isinstance(self._private, ec.EllipticCurvePrivateKey):
            size = self._private.curve.key_size
            digest = hashes.SHA256() if size <= 256 else hashes.SHA384() if size <= 384 else hashes.SHA512()
            first, second = utils.decode_dss_signature(self._private.sign(data, ec.ECDSA(digest)))
            return wire.text(name) + wire.text(wire.number(first) + wire.number(second))
        if flags & RSA_SHA2_512:
            return wire.text(b"rsa-sha2-512") + wire.text(self._private.sign(data, padding.PKCS1v15(), hashes.SHA512()))
        if flags & RSA_SHA2_256:
            return wire.text(b"rsa-sha2-256") + wire.text(self._private.sign(data, padding.PKCS1v15(), hashes.SHA256()))
        return b""


def read_key(secret: bytes, passphrase: bytes | None) -> SshKey:
    """Return the private key that `secret` holds, in OpenSSH's or PEM form. Raises UnusableKey, never with its text."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    text = secret.strip() + b"\n"  # a last newline is easily lost on the way through a prompt
    try:
        try:
            private = private_key.load(text, passphrase or None)
        except TypeError:
            if not passphrase:
                raise UnusableKey(
                    "the SSH key is encrypted, and no passphrase is stored with it",
                    "store the key again together with its passphrase",
                ) from None
            private = private_key.load(text, None)  # a passphrase for a key that has none
    except ValueError:
        words = "its passphrase does not open it" if passphrase else "it is damaged"
        raise UnusableKey(f"the SSH key cannot be read: {words}", "try it by hand: ssh-keygen -y -f FILE") from None
    except UnsupportedAlgorithm:
        raise UnusableKey(
            "the SSH key is of a kind, or encrypted in a way, that cannot be used here",
            "make one with ssh-keygen -t ed25519",
        ) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise UnusableKey("the SSH key is neither RSA, ECDSA nor Ed25519", "make one with ssh-keygen -t ed25519")
    return SshKey(private)
