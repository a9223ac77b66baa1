"""One process at a time changes the vault: flock(2) on a file of its own, which ends with its holder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.security.vault_faults import VaultBusy

NAME = "vault.lock"
_SECONDS_TO_WAIT = 30.0
_SECONDS_BETWEEN = 0.05


class VaultLock:
    """`with lock.held():` waits for whoever changes the vault now; `wait=False` does not."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / NAME

    @contextmanager
    def held(self, wait: bool = True) -> Iterator[None]:
        """Hold the lock. Raises VaultBusy."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise GitferryError(
                f"the vault's lock {self._path} cannot be used: {(error.strerror or str(error)).lower()}",
                "see that the state directory is this user's own",
            ) from error
        try:
            self._take(descriptor, time.monotonic() + (_SECONDS_TO_WAIT if wait else 0))
            yield
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, until: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise VaultBusy(self._path) from None
                time.sleep(_SECONDS_BETWEEN)
            else:
                return
