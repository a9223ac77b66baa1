"""The vault's key in the desktop's keyring, which opens when its user logs in.

https://keyring.readthedocs.io/: the library is optional, and finds the keyring of the desktop by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from gitferry.security import envelope
from gitferry.security.key_sources import KeySourceError, SourceName

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "gitferry vault"
_OTHERWISE = "or take another place for the key: `--key-source keyfile`"
_ANSWER: Final = 60.0  # seconds: a locked keyring asks a person, who may not be there
_ENCRYPTS = 1  # the library's "recommended": backends below it keep passwords in plain files, or nowhere

T = TypeVar("T")


class DesktopKeyring:
    """Keys as passwords of the service "gitferry vault", each under its id.

    A keyring that does not answer is waited for once; until it does, each further question fails at once, so that it
    holds up nothing else.
    """

    name: SourceName = "keyring"

    def __init__(self) -> None:
        self._asking: threading.Thread | None = None
        self._one_asks = threading.Lock()

    def require(self) -> None:
        """Return where there is a keyring that encrypts. Raises KeySourceError."""
        self._backend()

    def make(self, unlike: bytes | None) -> bytes:
        """Return a random key."""
        return envelope.new_key()

    def keep(self, key_id: str, key: bytes) -> None:
        """Keep the key, and see that the keyring gives it back."""
        backend = self._backend()

        def keep() -> str | None:
            backend.set_password(SERVICE, key_id, envelope.text(key))
            return backend.get_password(SERVICE, key_id)

        kept = self._answer(keep)
        if kept != envelope.text(key):
            raise KeySourceError("the desktop keyring does not give back what it got", f"look at it, {_OTHERWISE}")

    def load(self, key_id: str) -> tuple[bytes, ...]:
        """Return the key of that id."""
        backend = self._backend()
        found = self._answer(lambda: backend.get_password(SERVICE, key_id))
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

        def forget() -> None:
            if backend.get_password(SERVICE, key_id) is not None:
                backend.delete_password(SERVICE, key_id)

        self._answer(forget)

    def _answer(self, ask: Callable[[], T]) -> T:
        """Return what the keyring answers. Raises KeySourceError: it refuses, or waits for a person."""
        answers: list[T] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                answers.append(ask())
            except Exception as error:
                errors.append(error)

        with self._one_asks:
            if self._asking is not None and self._asking.is_alive():
                raise _silent()
            self._asking = asking = threading.Thread(target=run, name="asks the keyring", daemon=True)
            asking.start()
            asking.join(_ANSWER)
        if errors:
            raise _refused(errors[0]) from errors[0]
        if not answers:
            raise _silent()
        return answers[0]

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


def _silent() -> KeySourceError:
    return KeySourceError(
        "the desktop keyring does not answer: it may be waiting for somebody to unlock it", f"unlock it, {_OTHERWISE}"
    )


def _refused(error: Exception) -> KeySourceError:
    # Backends raise what their systems do: KeyringError, D-Bus errors, RuntimeError.
    said = str(error).strip().splitlines()
    return KeySourceError(
        f"the desktop keyring refused: {said[0] if said else type(error).__name__}", f"unlock it, {_OTHERWISE}"
    )
