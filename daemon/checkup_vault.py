"""What doctor looks at in the vault: whether it opens, whether every credential does, and which expire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gitferry.config.errors import GitferryError
from gitferry.config.paths import state_dir
from gitferry.daemon.finding import Check, fail, failed, ok, warn
from gitferry.security.key_sources import KeySourceError

if TYPE_CHECKING:
    from gitferry.config.model import Settings
    from gitferry.security.vault import Vault

_PATIENCE = 2.0  # seconds that a silent daemon has to say that it lives
_ADVISED = {"git_token": ("token", "its token"), "basic": ("basic", "its password"), "ssh_key": ("ssh_key", "its key")}


def plain_secrets(settings: Settings) -> Iterator[Check]:
    """Yield advice for each repository whose secret stands in the settings, or in what they take it from."""
    for each in settings.repositories:
        auth = each.auth
        if auth is None or auth.type not in _ADVISED or (auth.type == "ssh_key" and auth.passphrase is None):
            continue
        kind, what = _ADVISED[auth.type]
        what += "'s passphrase" if kind == "ssh_key" else ""
        user = f" --username {auth.username}" if auth.type == "basic" else ""
        yield warn(
            "credentials",
            f"{each.name}: {what} stands in plain text in the settings or the environment",
            f"gitferry credentials add {each.name} --type {kind}{user}, then auth: {{credential: {each.name}}}",
        )


def vault(settings: Settings, environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield how the vault and each credential stand; nothing where there is none and no repository needs one."""
    from gitferry.daemon.ledger import Ledger
    from gitferry.daemon.safe import vault_over, was_made

    auths = ((each.name, each.auth) for each in settings.repositories)
    named = {auth.credential: name for name, auth in auths if auth is not None and auth.type == "credential"}
    ledger = Ledger(settings.database.url, had_vault=lambda: was_made(environ))
    try:
        yield from _examined(vault_over(ledger.open, environ), named)
        if ledger.rescued is not None:
            yield fail("vault", ledger.rescued, "`gitferry vault import` brings what an export has")
    except KeySourceError as error:
        theirs = _daemons(environ)
        if theirs is None or theirs["locked"]:
            yield failed("vault", error)
        else:
            count = f"{theirs['credentials']} credential{'' if theirs['credentials'] == 1 else 's'}"
            yield ok("vault", f"{count}, key from {theirs['key_source']}, which the daemon has and this shell has not")
    except GitferryError as error:
        yield failed("vault", error)
    finally:
        ledger.close()


def _daemons(environ: Mapping[str, str]) -> Mapping[str, Any] | None:
    """How the running daemon's vault stands: systemd gives a key to the service and to no shell."""
    from gitferry.daemon.client import connect

    client = connect(environ, patience=_PATIENCE)
    if client is None:
        return None
    with client:
        try:
            found: Mapping[str, Any] = client.vault()["vault"]
        except GitferryError:
            return None  # why it does not open is told as this process met it
    return found if found["state_dir"] == str(state_dir(environ)) else None


def _examined(found: Vault, named: Mapping[str, str]) -> Iterator[Check]:
    status = found.status()
    if status.source is None:
        if named:
            name, repository = next(iter(named.items()))
            yield fail(
                "vault",
                f"there is none, and {repository} is to sign in with the credential {name}",
                f"gitferry vault init, then gitferry credentials add {name}",
            )
        return
    if status.fault is not None:
        yield warn("vault", f"a rekey is not finished: {status.fault}", "gitferry vault rekey")
    credentials = found.credentials()
    if status.locked:
        yield warn("vault", "it is locked here: its passphrase was not asked for", "gitferry vault unlock")
    else:
        count = f"{len(credentials)} credential{'' if len(credentials) == 1 else 's'}"
        yield ok("vault", f"{count}, key from {status.source}")
    now = datetime.now(UTC)
    for each in credentials:
        warning = each.warning(now)
        if each.fault is not None:
            yield fail("credentials", each.fault, f"gitferry credentials rotate {each.name}, or remove it")
        elif warning is not None:
            yield warn("credentials", f"{each.name} {warning}", f"gitferry credentials rotate {each.name}")
    known = {each.name for each in credentials}
    for name, repository in named.items():
        if name not in known:
            yield fail(
                "credentials",
                f"{repository} is to sign in with {name}, which the vault does not have",
                f"gitferry credentials add {name}",
            )
