"""The vault as a process has it: records, places for its key and lock, joined; and what people should know of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitferry.config.errors import GitferryError
from gitferry.config.instants import instant
from gitferry.config.paths import state_dir
from gitferry.security.credential import Credential
from gitferry.security.key_credential import SystemdCredential
from gitferry.security.key_file import NAME as KEY_FILE
from gitferry.security.key_file import KeyFile
from gitferry.security.key_ring import DesktopKeyring
from gitferry.security.key_sources import KeySource
from gitferry.security.login import Login
from gitferry.security.modes import require_private
from gitferry.security.vault import Vault
from gitferry.security.vault_lock import NAME as LOCK_FILE
from gitferry.security.vault_lock import VaultLock

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.auditing import Auditing
    from gitferry.store.store import Store

_NO_SETTINGS = b"version: 1\nrepositories: []\n"
_HELD = ("", "gitferry.db", "gitferry.db-wal", "gitferry.db-shm", KEY_FILE, LOCK_FILE, "audit.head")


def vault_over(store: Callable[[], Store], environ: Mapping[str, str], recorder: Auditing | None = None) -> Vault:
    """Return the vault of this environment's state directory, over the database that `store` gives.

    `recorder` puts on record what is done with it; it must not raise.
    """
    from gitferry.store.vault import StoredVault

    directory = state_dir(environ)
    places: tuple[KeySource, ...] = (SystemdCredential(environ), DesktopKeyring(), KeyFile(directory))
    sources: dict[str, KeySource] = {each.name: each for each in places}

    def note(action: str, subject: str, result: str, detail: Mapping[str, str]) -> None:
        if recorder is not None:
            recorder.record(action, subject=subject, result=result, detail=detail)

    return Vault(StoredVault(store), sources, VaultLock(directory), clock=lambda: datetime.now(UTC), note=note)


def logins(vault: Vault, used: Callable[[str], None] = lambda result: None) -> Callable[[Repository], Login | None]:
    """Return what gives a repository its login: from the vault where its settings name a credential, else None.

    `used` is told each use: done or failed.
    """

    def login_of(repository: Repository) -> Login | None:
        auth = repository.auth
        if auth is None or auth.type != "credential":
            return None
        try:
            found = vault.login(auth.credential, repository.name)
        except GitferryError:
            used("failed")
            raise
        used("done")
        return found

    return login_of


@contextmanager
def lent(database: str | None, environ: Mapping[str, str]) -> Iterator[Callable[[Repository], Login | None]]:
    """Give what `logins` returns to a process that has no house of its own, which is opened where it is asked first.

    None is the database of somebody who has no settings yet. Each use is put on record.
    """
    from gitferry.config.load import parse
    from gitferry.config.paths import settings_path
    from gitferry.daemon.auditing import Auditing
    from gitferry.daemon.ledger import Ledger
    from gitferry.pushback.host import Host

    if database is None:
        database = parse(_NO_SETTINGS, settings_path(None, environ), environ).database.url
    ledger = Ledger(database, had_vault=lambda: was_made(environ))
    recorder = Auditing(ledger, state_dir(environ), Host(environ=dict(environ)), keep=None)
    try:
        yield logins(vault_over(ledger.open, environ, recorder))
    finally:
        ledger.close()


def require_private_state(environ: Mapping[str, str]) -> None:
    """Raise OpenToOthers where other users can reach the state directory or what is kept in it."""
    directory = state_dir(environ)
    require_private(directory / name for name in _HELD)


def require_private_vault(environ: Mapping[str, str]) -> None:
    """As `require_private_state`, where there ever was a vault: of anything else it is enough to be told."""
    if was_made(environ):
        require_private_state(environ)


def was_made(environ: Mapping[str, str]) -> bool:
    """Return whether a vault was ever made in this environment's state directory."""
    return os.path.lexists(state_dir(environ) / LOCK_FILE)


def broken_ones(environ: Mapping[str, str]) -> list[Path]:
    """Return the databases that were moved aside, the newest last: a vault may be in them."""
    found = state_dir(environ).glob("*.broken-*")
    return sorted(path for path in found if not path.name.endswith(("-wal", "-shm")))


def row(vault: Vault, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the vault's standing, JSON-able, with what should be known of it."""
    found = vault.status()
    missing = found.source is None
    asides = [str(path) for path in broken_ones(environ)] if missing else []
    return {
        "initialised": found.source is not None,
        "key_source": found.source,
        "locked": found.locked,
        "credentials": found.credentials,
        "rekeying": found.rekeying,
        "fault": found.fault,
        "state_dir": str(state_dir(environ)),
        "moved_aside": asides,
        "key_left": missing and os.path.lexists(state_dir(environ) / KEY_FILE),
    }


def credential_row(found: Credential, now: datetime) -> dict[str, Any]:
    """Return one credential, JSON-able; none of its secrets are in it."""
    times = {"created_at": found.created, "rotated_at": found.rotated}
    times |= {"expires_at": found.expires, "last_used_at": found.last_used}
    return {
        "id": found.id,
        "name": found.name,
        "type": found.kind,
        "username": found.username,
        "version": found.version,
        **{name: None if at is None else instant(at) for name, at in times.items()},
        "warning": found.warning(now),
        "damaged": found.fault is not None,
    }


def notes(vault: Vault) -> tuple[str, ...]:
    """Return what a person should know of the vault and of credentials that expire; no key is fetched for it."""
    try:
        return vault.notes()
    except GitferryError as error:
        return (f"the vault cannot be read: {error.title}",)
