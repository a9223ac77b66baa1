"""A vault for tests: the real one over a real database file, with guesses that cost nothing a clock that is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gitferry.config import failpoints
from gitferry.security.credential import Given
from gitferry.security.key_file import KeyFile
from gitferry.security.passphrase import Cost
from gitferry.security.vault import Vault
from gitferry.security.vault_lock import VaultLock
from gitferry.store.store import Store
from gitferry.store.vault import StoredVault

CHEAP = Cost(memory=32, passes=1, lanes=1)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


@dataclass
class Place:
    """A state directory; `vault()` is what a process that starts there has."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    opened: list[Store] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root.mkdir(mode=0o700, exist_ok=True)

    @property
    def database(self) -> Path:
        return self.root / "gitferry.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.database}"

    def records(self) -> StoredVault:
        store = Store(self.url)
        self.opened.append(store)
        return StoredVault(lambda: store)

    def vault(self) -> Vault:
        sources = {"keyfile": KeyFile(self.root)}
        return Vault(self.records(), sources, VaultLock(self.root), clock=self.clock, cost=CHEAP)

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()


def given(name: str, kind: str = "token", username: str | None = None, expires: datetime | None = None) -> Given:
    return Given(name, kind, username, expires)


def killed_at(point: str, count: int, act: Callable[[], object]) -> bool:
    """Do this in a child that is killed at the failpoint; return whether it was, False where it came to its end."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            failpoints._armed, failpoints._reached = f"{point}:kill:{count}", 0
            act()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "it ended with an exception"
    return False
