"""`gitferry vault`: where credentials are kept, its key, and copies of it for another machine or a drawer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitferry.config.errors import GitferryError
from gitferry.daemon.cli.context import Context, context_of
from gitferry.daemon.cli.new_file import require_new, write_new
from gitferry.daemon.cli.output import counted, printable, progress
from gitferry.daemon.cli.results import DONE, IN_PART
from gitferry.daemon.cli.secret_input import ask_passphrase
from gitferry.daemon.cli.vault_access import PASSPHRASE, daemons_vault, open_it, opened_vault, tell_daemon, vault_of
from gitferry.daemon.cli.verb import VerbGroup
from gitferry.security.key_sources import BY_PASSPHRASE

if TYPE_CHECKING:
    from gitferry.security.vault import Vault

_NEW = "a new passphrase for the vault"
_FOR_EXPORT = "a passphrase for the export"
_FILE = click.Path(dir_okay=False, path_type=Path)

_key_source = click.option(
    "--key-source",
    "source",
    type=click.Choice(["systemd", "keyring", "passphrase", "keyfile"]),
    help="Where the vault's key is kept.",
)


@click.group(cls=VerbGroup)
def vault() -> None:
    """Keep credentials encrypted: the vault and its key."""


@vault.command()
@_key_source
@click.pass_context
def init(ctx: click.Context, source: str | None) -> None:
    """Make the vault.

    Without --key-source its key goes to the first place that works: a systemd credential, the desktop's keyring,
    a file in the state directory that its owner alone may read.
    """
    context = context_of(ctx)
    with vault_of(context) as found:
        before = found.status()
        left = _aside(_row(context, found))
        if before.source is not None and source in (None, before.source):
            lines = [f"There is a vault already, with its key from {_place(before.source)}."]
        else:
            given = ask_passphrase(_NEW, new=True) if source == BY_PASSPHRASE and before.source is None else None
            chosen = found.init(source, given)
            _tell_daemon(context, given)
            lines = [f"The vault is made, with its key from {_place(chosen)}.", *left]
        context.show({"vault": _row(context, found)}, lines)


@vault.command()
@click.pass_context
def status(ctx: click.Context) -> None:
    """Show whether the vault is open, and where its key comes from."""
    context = context_of(ctx)
    with vault_of(context) as found:
        row = _row(context, found)
        context.show({"vault": row}, _standing(row))
        ctx.exit(IN_PART if row["fault"] else DONE)


@vault.command()
@click.pass_context
def unlock(ctx: click.Context) -> None:
    """Give the running daemon the vault's passphrase.

    It keeps the key for as long as it runs. Without a daemon the passphrase is only tried.
    """
    context = context_of(ctx)
    with vault_of(context) as found:
        open_here = _passphrase_that_opens(found)
        daemon = daemons_vault(context)
        if daemon is not None and open_here is not None:
            _tell_daemon(context, open_here)
        if open_here is None:
            said = "The vault is open: its key comes from a place that is asked when it is needed."
        elif daemon is None:
            said = "The passphrase is right. No daemon runs that could be unlocked; every command asks for it."
        else:
            said = "The daemon's vault is unlocked."
        context.show({"vault": _row(context, found)}, [said])


@vault.command()
@click.pass_context
def lock(ctx: click.Context) -> None:
    """Have the running daemon forget the vault's key."""
    context = context_of(ctx)
    with vault_of(context) as found:
        source = found.status().source
        daemon = context.daemon()
        if daemon is not None:
            daemon.lock()
        said = "The daemon has forgotten the vault's key." if daemon is not None else "No daemon runs."
        if source not in (None, BY_PASSPHRASE):
            said += f" It is fetched again from {_place(source)} when it is needed."
        context.show({"vault": _row(context, found)}, [said])


@vault.command()
@_key_source
@click.pass_context
def rekey(ctx: click.Context, source: str | None) -> None:
    """Give the vault another key, from the same place or another.

    A command that is killed meanwhile loses nothing: whoever opens the vault next finishes it, or takes it back.
    """
    context = context_of(ctx)
    with opened_vault(context) as found:
        chosen = source or found.status().source
        given = ask_passphrase(_NEW, new=True) if chosen == BY_PASSPHRASE else None
        with progress("bringing every credential under the new key"):
            done = found.rekey(chosen, given, announce=lambda: _tell_daemon(context, given))
        row = _row(context, found)
        said = f"{counted(row['credentials'], 'credential')} under a new key, from {_place(done)}."
        context.show({"vault": row}, [said])


@vault.command()
@click.argument("file", type=_FILE)
@click.option("--public-key", type=_FILE, help="Encrypt to this RSA public key instead of a passphrase.")
@click.pass_context
def export(ctx: click.Context, file: Path, public_key: Path | None) -> None:
    """Write every credential to a new FILE, encrypted.

    To a passphrase, or with --public-key to an RSA key.
    """
    from gitferry.security import vault_export
    from gitferry.security.passphrase import Cost

    context = context_of(ctx)
    require_new(file)
    with opened_vault(context) as found:
        sound, damaged = found.everything()
    payload = vault_export.dump((each.credential.given(), each.secret) for each in sound)
    if public_key is not None:
        text = vault_export.to_public_key(payload, _read(public_key))
    else:
        text = vault_export.to_passphrase(payload, ask_passphrase(_FOR_EXPORT, new=True), Cost())
    write_new(file, text)
    names, left = [each.credential.name for each in sound], [each.name for each in damaged]
    lines = [f"{counted(len(names), 'credential')} exported to {printable(str(file))}."]
    lines += [f"  left out, its record does not open: {printable(name)}" for name in left]
    context.show({"file": str(file), "exported": names, "damaged": left}, lines)
    ctx.exit(IN_PART if left else DONE)


@vault.command(name="import")
@click.argument("file", type=_FILE)
@click.option("--private-key", type=_FILE, help="The RSA private key that the export is for.")
@click.option("--replace", is_flag=True, help="Replace credentials of the same name, instead of keeping them.")
@click.pass_context
def import_(ctx: click.Context, file: Path, private_key: Path | None, replace: bool) -> None:
    """Take in the credentials of an export."""
    from gitferry.security import vault_export

    context = context_of(ctx)
    text = _read(file).decode("utf-8", "replace")
    with opened_vault(context) as found:
        if vault_export.addressee(text) == "rsa":
            if private_key is None:
                raise GitferryError(f"{file} is encrypted to an RSA key", "name its file with --private-key")
            payload = _by_key(text, _read(private_key))
        else:
            payload = vault_export.by_passphrase(text, ask_passphrase("the passphrase of the export"))
        taken, kept = found.take_in(vault_export.load(payload), replace=replace)
    lines = [f"{counted(len(taken), 'credential')} taken in."]
    lines += [f"  {printable(name)} is here already and stays as it is; --replace takes the export's" for name in kept]
    lines += tell_daemon(context) if taken else []
    context.show({"imported": taken, "kept": kept}, lines)
    ctx.exit(IN_PART if kept else DONE)


def _by_key(text: str, key: bytes) -> bytes:
    from gitferry.security import private_key, vault_export

    locked = private_key.lock(key, None) is private_key.Lock.NEEDED
    return vault_export.by_private_key(text, key, ask_passphrase("the private key's passphrase") if locked else None)


def _passphrase_that_opens(found: Vault) -> bytes | None:
    """Return the passphrase, None where the vault takes none. Raises WrongKey."""
    if found.status().source != BY_PASSPHRASE:
        open_it(found)
        return None
    given = ask_passphrase(PASSPHRASE)
    found.unlock(given)
    return given


def _tell_daemon(context: Context, given: bytes | None) -> None:
    daemon = context.daemon()
    if daemon is not None and given is not None:
        daemon.unlock(given.decode("utf-8", "surrogateescape"))


def _row(context: Context, found: Vault) -> dict[str, Any]:
    """Return the vault's standing; `locked` is the daemon's word where one runs, as it is the one that uses it."""
    from gitferry.daemon import safe
    from gitferry.security.key_sources import KeySourceError

    daemon = daemons_vault(context)
    try:
        row = safe.row(found, context.environ)
    except KeySourceError:
        if daemon is None:
            raise
        return daemon | {"daemon": True}  # systemd gives the key to the service and to no shell
    return row | {"locked": row["locked"] if daemon is None else daemon["locked"], "daemon": daemon is not None}


def _standing(row: Mapping[str, Any]) -> list[str]:
    if not row["initialised"]:
        return ["There is no vault. `gitferry vault init` makes one.", *_aside(row)]
    where = "in the daemon" if row["daemon"] else "here"
    state = f"locked {where}: `gitferry vault unlock`" if row["locked"] else "open"
    lines = [f"{counted(row['credentials'], 'credential')}, key from {_place(row['key_source'])}, {state}"]
    if row["rekeying"]:
        lines.append("  a rekey is not finished; every credential opens")
    return lines + ([f"  {printable(row['fault'])}"] if row["fault"] else [])


def _aside(row: Mapping[str, Any]) -> list[str]:
    """What tells that there was a vault once: its credentials are not simply not there."""
    lines = [f"  a vault may have been in {printable(path)}, which was damaged" for path in row["moved_aside"]]
    if row["key_left"]:
        lines.append(
            "  the key of an earlier vault is here, and its database is not: bring that back from a backup, or"
        )
        lines.append(
            "  `gitferry vault init` and `gitferry vault import` an export; that key is kept beside the new one"
        )
    return lines


def _place(source: str | None) -> str:
    named = {"systemd": "a systemd credential", "keyring": "the desktop's keyring", "keyfile": "the key file"}
    return named.get(source or "", "a passphrase")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GitferryError(f"{path} cannot be read: {error.strerror}", "give the name of a file") from error
