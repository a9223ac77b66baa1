"""The vault's key as a systemd credential, which the service manager gives to the service and to nobody else.

https://systemd.io/CREDENTIALS/
"""

from __future__ import annotations

import binascii
import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from gitferry.security import envelope
from gitferry.security.key_sources import KeySourceError, SourceName

NAME = "gitferry-vault-key"
NEXT = "gitferry-vault-key-next"
_HEX = re.compile(rb"[0-9A-Fa-f]{64}")
#: Where systemd looks for an encrypted credential that a unit names without a path: systemd.exec(5).
_STORE = "/etc/credstore.encrypted"
_MAKE = f"`openssl rand -base64 32 | systemd-creds encrypt --name={NAME} - {_STORE}/{NAME}`"
_GIVE = (
    f"make one with {_MAKE}, restart the system's service, whose unit names it, and run what opens the vault as"
    f" `systemd-run --pipe --wait -p LoadCredentialEncrypted={NAME} gitferry …`"
)


class SystemdCredential:
    """`$CREDENTIALS_DIRECTORY/gitferry-vault-key`, and beside it, for a rekey, `gitferry-vault-key-next`."""

    name: SourceName = "systemd"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._directory = environ.get("CREDENTIALS_DIRECTORY")

    def require(self) -> None:
        """Return where systemd gave a key. Raises KeySourceError."""
        if not self._given():
            raise self._missing()

    def make(self, unlike: bytes | None) -> bytes:
        """Return the key that was given; for a rekey from this very place the next one. Raises KeySourceError."""
        for key in self._given():
            if unlike is None or not hmac.compare_digest(key, unlike):
                return key
        if unlike is None:
            raise self._missing()
        raise KeySourceError(
            f"systemd gave no other key than the vault's own: there is no credential {NEXT}",
            f"encrypt the new key as {_STORE}/{NEXT}, and give that to the rekey and the service too"
            f" (`LoadCredentialEncrypted={NEXT}`); once the rekey is done, encrypt the same key as {NAME}",
        )

    def keep(self, key_id: str, key: bytes) -> None:
        """Return where systemd gives this key: it cannot be given one. Raises KeySourceError."""
        if not any(hmac.compare_digest(key, given) for given in self._given()):
            raise KeySourceError("the vault's next key is none of those that systemd gives", _GIVE)

    def load(self, key_id: str) -> tuple[bytes, ...]:
        """Return every key that systemd gave: they have no ids. Raises KeySourceError: it gave none."""
        self.require()
        return self._given()

    def forget(self, key_id: str) -> None:
        """Nothing: whoever wrote the unit takes the old key out of it."""

    def _given(self) -> tuple[bytes, ...]:
        if not self._directory:
            return ()
        found = []
        for name in (NAME, NEXT):
            try:
                found.append(_decoded((Path(self._directory) / name).read_bytes(), name))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise KeySourceError(
                    f"the systemd credential {name} cannot be read: {(error.strerror or str(error)).lower()}", _GIVE
                ) from error
        return tuple(found)

    def _missing(self) -> KeySourceError:
        if not self._directory:
            return KeySourceError("systemd gave this process no credentials (CREDENTIALS_DIRECTORY is not set)", _GIVE)
        return KeySourceError(f"systemd gave this process no credential {NAME}", _GIVE)


def _decoded(text: bytes, name: str) -> bytes:
    """Return the 32 bytes, given as they are, in base64 or in hexadecimal. Raises KeySourceError."""
    if len(text) == envelope.KEY_BYTES:
        return text
    word = text.strip()
    if _HEX.fullmatch(word):
        return bytes.fromhex(word.decode("ascii"))
    try:
        key = binascii.a2b_base64(word, strict_mode=True)
    except ValueError:
        key = b""
    if len(key) != envelope.KEY_BYTES:
        raise KeySourceError(
            f"the systemd credential {name} is no key: it must be 32 bytes, in base64 or hexadecimal", f"take {_MAKE}"
        )
    return key
