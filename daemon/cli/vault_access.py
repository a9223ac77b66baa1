"""The vault as a verb works on it: in this process, under the vault's own lock, opened as far as it can be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from gitferry.config.errors import GitferryError
from gitferry.config.listing import first_of
from gitferry.daemon.cli.context import Context
from gitferry.daemon.cli.output import printable
from gitferry.daemon.cli.secret_input import ask_passphrase

if TYPE_CHECKING:
    from gitferry.daemon.auditing import Auditing
    from gitferry.daemon.ledger import Ledger
    from gitferry.security.vault import Vault

_NAMED = 5  # repositories that a line names
PASSPHRASE = "the vault's passphrase"  # noqa: S105 - what it is called


@contextmanager
def vault_of(context: Context) -> Iterator[Vault]:
    """Give the vault of this environment, locked if it takes a passphrase.

    Raises OpenToOthers, StoreError, and GitferryError where a running daemon keeps another vault.
    """
    from gitferry.config.paths import state_dir
    from gitferry.daemon import safe
    from gitferry.daemon.ledger import Ledger
    from gitferry.daemon.private_memory import keep_memory_private

    keep_memory_private()
    safe.require_private_state(context.environ)
    theirs = daemons_vault(context)
    ours = str(state_dir(context.environ))
    if theirs is not None and theirs["state_dir"] != ours:
        raise GitferryError(
            f"the running daemon keeps its vault in {theirs['state_dir']}, and this environment names {ours}",
            f"run this as the daemon's user with GITFERRY_STATE_DIR={theirs['state_dir']}",
        )
    ledger = Ledger(_database(context), had_vault=lambda: safe.was_made(context.environ))
    try:
        ledger.open()
        if ledger.rescued is not None:
            click.echo(printable(ledger.rescued), err=True)
        yield safe.vault_over(ledger.open, context.environ, _recorder(context, ledger))
    finally:
        ledger.close()


@contextmanager
def opened_vault(context: Context) -> Iterator[Vault]:
    """Give the vault, opened: its passphrase is asked for where it has one. Raises NoVault, WrongKey, …"""
    with vault_of(context) as vault:
        open_it(vault)
        yield vault


def _recorder(context: Context, ledger: Ledger) -> Auditing:
    from gitferry.config.paths import state_dir
    from gitferry.daemon.auditing import Auditing
    from gitferry.pushback.host import Host

    # What is old is removed by the daemon, which knows how long it is kept.
    return Auditing(ledger, state_dir(context.environ), Host(environ=dict(context.environ)), keep=None)


def _database(context: Context) -> str:
    """Return the database's URL; the usual one where there are no settings yet. Raises SettingsError."""
    from gitferry.config.faults import NoSettingsFile
    from gitferry.config.load import load, parse
    from gitferry.config.paths import settings_path

    path = settings_path(context.config, context.environ)
    try:
        return load(path, context.environ).database.url
    except NoSettingsFile:
        return parse(b"version: 1\nrepositories: []\n", path, context.environ).database.url


def open_it(vault: Vault) -> None:
    """Open the vault, with its passphrase where it has one."""
    from gitferry.security.vault_faults import VaultLocked

    try:
        vault.unlock()
    except VaultLocked:
        vault.unlock(ask_passphrase(PASSPHRASE))


def tell_daemon(context: Context, name: str | None = None) -> list[str]:
    """Have a running daemon try again what waits for this credential, for any where none is named; say what it does.

    The credential is in the vault, whatever comes of it: a daemon that cannot be told is no failure.
    """
    try:
        daemon = context.daemon()
        tried = [] if daemon is None else daemon.try_credential(name)["repositories"]
    except GitferryError as error:
        return [f"  the daemon could not be told, and tries again by itself: {printable(error.title)}"]
    return [f"  the daemon tries it now: {first_of([printable(each) for each in tried], _NAMED)}"] if tried else []


def daemons_vault(context: Context) -> dict[str, Any] | None:
    """Return how the running daemon's vault stands; None where no daemon answers, or an earlier version does."""
    daemon = context.daemon()
    if daemon is None:
        return None
    from gitferry.daemon.client import Refused

    try:
        found: dict[str, Any] = daemon.vault()["vault"]
    except Refused as refused:
        if refused.status == 404:
            return None
        raise
    return found
