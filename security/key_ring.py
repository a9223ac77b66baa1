"""The vault's key in the desktop's keyring, which opens when its user logs in.

https://keyring.readthedocs.io/: the library is optional, and finds the keyring of the desktop by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitferry.security import envelope
from gitferry.security.key_sources import KeySourceError, SourceName

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "gitferry vault"
_OTHERWISE = "or take another place for the key: `--key-source keyfile`"
_ENCRYPTS = 1  # the library's "recommended": backends below it keep passwords in plain files, or nowhere


class DesktopKeyring:
    """Keys as passwords of the service "gitferry vault", each under its id."""

    name: SourceName = "keyring"

    def require(self) -> None:
        """Return where there is a keyring that encrypts. Raises KeySourceError."""
        self._backend()

    def make(self, unlike: bytes | None) -> bytes:
        """Return a random key."""
        return envelope.new_key()

    def keep(self, key_id: str, key: bytes) -> None:
        """Keep the key, and see that the keyring gives it back."""
        backend = self._backend()
        try:
            backend.set_password(SERVICE, key_id, envelope.text(key))
            kept = backend.get_password(SERVICE, key_id)
        except Exception as error:
            raise _refused(error) from error
        if kept != envelope.text(key):
            raise KeySourceError("the desktop keyring does not give back what it got", f"look at it, {_OTHERWISE}")

    def load(self, key_id: str) -> tuple[bytes, ...]:
        """Return the key of that id."""
        backend = self._backend()
        try:
            found = backend.get_password(SERVICE, key_id)
        except Exception as error:
            raise _refused(error) from error
        if found is None:
            return ()
        try:
            return (envelope.from_text(found),)
        except ValueError as error:
            raise KeySourceError(
                f"what the desktop keyring has as {SERVICE!r}, {key_id}, is no key", "bring it back from a backup"
            ) from error

    def forget(self, key_id: str) -> None:
        """Delete the key."""
        backend = self._backend()
        try:
            if backend.get_password(SERVICE, key_id) is not None:
                backend.delete_password(SERVICE, key_id)
        except Exception as error:
            raise _refused(error) from error

    def _backend(self) -> KeyringBackend:
        try:
            import keyring
        except ModuleNotFoundError as error:
            raise KeySourceError(
                "the desktop keyring needs the Python package keyring, which is not installed",
                f"pip install keyring into gitferry's environment, {_OTHERWISE}",
            ) from error
        try:
            backend = keyring.get_keyring()
            encrypts = float(backend.priority) >= _ENCRYPTS
        except Exception as error:
            raise _refused(error) from error
        if not encrypts:
            raise KeySourceError(
                "there is no desktop keyring here that encrypts (a server or a service has none)",
                f"start one (gnome-keyring, KWallet, KeePassXC) in the session that gitferry runs in, {_OTHERWISE}",
            )
        return backend


def _refused(error: Exception) -> KeySourceError:
    # Backends raise what their systems do: KeyringError, D-Bus errors, RuntimeError.
    said = str(error).strip().splitlines()
    return KeySourceError(
        f"the desktop keyring refused: {said[0] if said else type(error).__name__}", f"unlock it, {_OTHERWISE}"
    )
