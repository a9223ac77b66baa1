"""One process at a time changes the vault."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.security.file_lock import take
from gitferry.security.vault_faults import VaultBusy

NAME = "vault.lock"
_SECONDS_TO_WAIT = 30.0


class VaultLock:
    """`with lock.held():` waits for whoever changes the vault now; `wait=False` does not."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / NAME

    @contextmanager
    def held(self, wait: bool = True) -> Iterator[None]:
        """Hold the lock. Raises VaultBusy."""
        try:
            descriptor = take(self._path, _SECONDS_TO_WAIT if wait else 0)
        except TimeoutError:
            raise VaultBusy(self._path) from None
        except OSError as error:
            raise GitferryError(
                f"the vault's lock {self._path} cannot be used: {(error.strerror or str(error)).lower()}",
                "see that the state directory is this user's own",
            ) from error
        try:
            yield
        finally:
            os.close(descriptor)
