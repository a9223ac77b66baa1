"""What is known of a credential without opening it: whose it is, how long it lasts, when it was used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

from gitferry.config.errors import GitferryError
from gitferry.security.login import Kind

#: How long before its end a credential is warned of.
WARNED_BEFORE = timedelta(days=14)

KINDS: tuple[str, ...] = (*get_args(Kind), "github_app")
_NAME = re.compile(r"\w[\w.-]{0,99}")
_LONGEST_SECRET = 64 * 1024  # bytes: private keys have less than a tenth of that


class CredentialRefused(GitferryError):
    """What was given makes no credential."""


class NoSuchCredential(GitferryError):
    """The vault has none of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the vault has no credential {name!r}", "`gitferry credentials list` shows those it has")
        self.name = name


class CredentialExists(GitferryError):
    """The vault has one of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the vault has a credential {name!r} already",
            f"`gitferry credentials rotate {name}` replaces its secret; or choose another name",
        )


class DamagedCredential(GitferryError):
    """The record of one credential is not the one that was written. All others are untouched."""

    def __init__(self, name: str, why: str = "it was changed, cut short or swapped with another") -> None:
        super().__init__(
            f"the record of the credential {name!r} in the vault does not open: {why}",
            f"`gitferry credentials rotate {name}` puts its secret in anew, `gitferry credentials remove {name}` "
            "drops it; an export may still have it (`gitferry vault import`)",
        )
        self.name = name


@dataclass(frozen=True, slots=True)
class Given:
    """What a person gives to be kept."""

    name: str
    kind: str
    username: str | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential, without its secrets. Times are aware; `rotated` is when its secret was put in.

    `fault` says why its record does not open; then nothing else of it can be relied on.
    """

    id: str
    name: str
    kind: str
    username: str | None
    version: int
    created: datetime | None
    rotated: datetime | None
    expires: datetime | None
    last_used: datetime | None
    fault: str | None = None

    def given(self) -> Given:
        """Return what a person gave of it."""
        return Given(self.name, self.kind, self.username, self.expires)

    def warning(self, now: datetime) -> str | None:
        """Return what should be done about it soon; None: nothing. An expired one is still tried: servers decide."""
        if self.fault is not None:
            return self.fault
        if self.expires is None or self.expires - now > WARNED_BEFORE:
            return None
        day = f"{self.expires.astimezone(UTC):%Y-%m-%d}"
        if self.expires <= now:
            return f"expired on {day}: `gitferry credentials rotate {self.name}` takes a new one"
        left = (self.expires - now).days
        days = "within a day" if left < 1 else f"in {left} day{'' if left == 1 else 's'}"
        return f"expires {days} ({day}): `gitferry credentials rotate {self.name}` takes a new one"


def require_possible(given: Given) -> None:
    """Raise CredentialRefused where no secret could make a credential of this: known before one is asked for."""
    if not _NAME.fullmatch(given.name):
        raise CredentialRefused(
            f"{given.name!r} is no name for a credential",
            "take up to 100 letters, digits, dots, dashes and underscores, the first a letter or digit",
        )
    if given.kind == "github_app":
        raise CredentialRefused(
            "credentials of the type github_app are not kept yet: nothing asks a forge for their tokens",
            "take a token of the forge (`--type token`) or a deploy key (`--type ssh_key`)",
        )
    if given.kind not in KINDS:
        raise CredentialRefused(f"there is no type {given.kind!r} of credentials", f"choose one of {', '.join(KINDS)}")
    if given.kind == "basic" and not given.username:
        raise CredentialRefused("a password needs the user name that it is of", "give it with --username")
    # git's credential protocol is lines of key=value (git-credential(1)).
    if given.username is not None and (not given.username or not given.username.isprintable()):
        raise CredentialRefused("the user name is empty or holds a control character", "give it as the server knows it")


def require_sound(given: Given, secret: bytes, passphrase: bytes | None) -> None:
    """Raise CredentialRefused where this cannot sign in anywhere, or could be read as something else on its way."""
    require_possible(given)
    if passphrase is not None and given.kind != "ssh_key":
        raise CredentialRefused("only a private key has a passphrase", "leave it out")
    if not secret.strip():
        raise CredentialRefused("the secret is empty", "type it at the prompt, or give it on standard input")
    if len(secret) > _LONGEST_SECRET:
        raise CredentialRefused(f"the secret is longer than {_LONGEST_SECRET} bytes", "give the secret alone")
    if given.kind != "ssh_key" and any(each < 0x20 or each == 0x7F for each in secret):
        raise CredentialRefused("the secret has more than one line, or a control character", "give the secret alone")
