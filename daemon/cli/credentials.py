"""`gitferry credentials`: what signs in at remotes, put into the vault, looked at, tried, replaced and dropped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from gitferry.config.errors import GitferryError
from gitferry.daemon.cli.context import Context, context_of
from gitferry.daemon.cli.output import paint, printable, progress, relative, table
from gitferry.daemon.cli.results import DONE, FAILED, IN_PART
from gitferry.daemon.cli.secret_input import ask, ask_key, ask_passphrase
from gitferry.daemon.cli.vault_access import opened_vault, tell_daemon, vault_of
from gitferry.daemon.cli.verb import VerbGroup
from gitferry.security.credential import (
    KINDS,
    Credential,
    CredentialExists,
    DamagedCredential,
    Given,
    NoSuchCredential,
    require_possible,
)


class Expiry(click.ParamType[datetime]):
    """A day as `2027-01-31` (its beginning, UTC), or an RFC 3339 time."""

    name = "date"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the instant; a usage error where the text is no date."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
            return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no date: write 2027-01-31", param, ctx)


_expires = click.option("--expires", type=Expiry(), metavar="DATE", help="When the remote stops taking it: 2027-01-31.")
_username = click.option("--username", metavar="U", help="The user name that goes with it.")


@click.group(cls=VerbGroup)
def credentials() -> None:
    """Keep what signs in at remotes in the vault."""


@credentials.command()
@click.argument("name")
@click.option("--type", "kind", type=click.Choice(KINDS), required=True, help="What kind of secret it is.")
@_username
@_expires
@click.pass_context
def add(ctx: click.Context, name: str, kind: str, username: str | None, expires: datetime | None) -> None:
    """Put a credential into the vault, under NAME.

    The secret is asked for, or read from standard input: `gitferry credentials add deploy --type ssh_key < KEY`.
    """
    context = context_of(ctx)
    given = Given(name, kind, username, expires)
    require_possible(given)
    with opened_vault(context) as vault:
        try:
            vault.describe(name)
        except NoSuchCredential:
            pass
        else:
            raise CredentialExists(name)  # before its secret is asked for
        secret, passphrase, note = _asked(kind)
        made = vault.add(given, secret, passphrase)
    told = tell_daemon(context, name)
    _show(context, [made], [f"{printable(name)} is in the vault.", *note, *(told or [_use(name)])])


@credentials.command(name="list")
@click.pass_context
def list_(ctx: click.Context) -> None:
    """Show the credentials, when they expire and when they were used."""
    context = context_of(ctx)
    with vault_of(context) as vault:
        found = vault.credentials()
        unread = vault.status().locked
    now = datetime.now(UTC)
    rows = [
        (
            each.name,
            each.kind,
            each.username or "-",
            _day(each),
            relative(_text(each.last_used)),
            each.warning(now) or "",
        )
        for each in found
    ]
    header = ("NAME", "TYPE", "USER", "EXPIRES", "LAST USED", "NOTE")
    lines = table(header, rows) if rows else ["No credentials."]
    if rows and unread:
        lines.append("The vault is locked: whether the records open was not tried.")
    _show(context, found, lines)
    ctx.exit(IN_PART if any(each.fault for each in found) else DONE)


@credentials.command()
@click.argument("name")
@click.argument("target", required=False, metavar="[URL|REPO]")
@click.pass_context
def test(ctx: click.Context, name: str, target: str | None) -> None:
    """Sign in with a credential, as `git ls-remote` does.

    Without URL or REPO at every repository whose settings name the credential.
    """
    from gitferry.daemon.trying import targets, try_login

    context = context_of(ctx)
    with opened_vault(context) as vault:
        places = targets(name, target, context.config, context.environ)
        login = vault.login(name)
    rows: list[dict[str, Any]] = []
    for place in places:
        with progress(f"signing in at {place.shown}"):
            failure = try_login(login, place.url, context.environ)
        told = None if failure is None else failure.title
        hint = None if failure is None else failure.hint
        rows.append({"target": place.shown, "accepted": failure is None, "error": told, "hint": hint})
    lines = []
    for row in rows:
        word = paint("accepted", "green") if row["accepted"] else paint("refused", "red")
        lines.append(f"{printable(row['target'])}: {word}" + (f": {printable(row['error'])}" if row["error"] else ""))
        lines += [f"  → {printable(row['hint'])}"] if row["hint"] else []
    context.show({"tests": rows}, lines)
    refused = [row for row in rows if not row["accepted"]]
    ctx.exit(DONE if not refused else FAILED if len(refused) == len(rows) else IN_PART)


@credentials.command()
@click.argument("name")
@_username
@_expires
@click.option("--type", "kind", type=click.Choice(KINDS), help="What kind of secret it is from now on.")
@click.pass_context
def rotate(ctx: click.Context, name: str, username: str | None, expires: datetime | None, kind: str | None) -> None:
    """Replace a credential's secret.

    What syncs meanwhile gets the old one or the new one. What is not given stays, but the expiry date: that was the
    old secret's.
    """
    context = context_of(ctx)
    with opened_vault(context) as vault:
        before = vault.describe(name)
        if before.fault is not None and kind is None:
            raise DamagedCredential(name, "say with --type, and --username where it has one, what it is to be")
        sound = before.fault is None
        given = Given(name, kind or before.kind, username or (before.username if sound else None), expires)
        require_possible(given)
        secret, passphrase, note = _asked(given.kind)
        done = vault.replace(given, secret, passphrase)
    lines = [f"{printable(name)} has a new secret.", *note, *tell_daemon(context, name)]
    if before.expires is not None and expires is None:
        lines.append("  when that expires is not known: --expires tells it, and a warning comes two weeks before")
    _show(context, [done], lines)


@credentials.command()
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Drop a credential from the vault."""
    context = context_of(ctx)
    with vault_of(context) as vault:
        vault.remove(name)
    context.show({"removed": name}, [f"{printable(name)} is gone. It stays valid until its issuer revokes it."])


def _asked(kind: str) -> tuple[bytes, bytes | None, list[str]]:
    """Return the secret, for an encrypted key its passphrase, and what should be said."""
    if kind != "ssh_key":
        return ask("the password" if kind == "basic" else "the token"), None, []
    from gitferry.security import private_key

    key = private_key.whole(ask_key())
    if private_key.lock(key, None) is not private_key.Lock.NEEDED:
        return key, None, []
    passphrase = ask_passphrase("the private key's passphrase")
    found = private_key.lock(key, passphrase)
    if found is private_key.Lock.WRONG:
        raise GitferryError("that is not the passphrase of the private key", "`ssh-keygen -y -f FILE` tries it too")
    untried = "  whether the passphrase opens the key is tried with `gitferry credentials test`"
    return key, passphrase, [untried] if found is private_key.Lock.UNTRIED else []


def _show(context: Context, found: Sequence[Credential], lines: Sequence[str]) -> None:
    from gitferry.daemon.safe import credential_row

    now = datetime.now(UTC)
    context.show({"credentials": [credential_row(each, now) for each in found]}, lines)


def _use(name: str) -> str:
    return f"  a repository uses it by `auth: {{credential: {printable(name)}}}` in the settings"


def _day(found: Credential) -> str:
    return "-" if found.expires is None else f"{found.expires:%Y-%m-%d}"


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
