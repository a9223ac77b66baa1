"""Why a commit was not signed, read from what the programs said. Pure.

The words are those of libgpg-error and OpenSSH, which speak English to us (git.clean_environment).
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos.signing_key import Signing, SigningFailed

# What a person mends without a change of settings, and how it is told; an empty text: that it is locked says it all.
_LOCKED: Final = (
    (r"No pinentry|No passphrase|Inappropriate ioctl|can't get input", ""),
    (r"incorrect passphrase", "it has a passphrase, and no ssh agent has the key"),
    (r"[Nn]o private key found", "no ssh agent has it"),
    (r"Operation cancelled", "nobody gave the passphrase"),
    (r"Bad passphrase|Bad PIN", "the passphrase or PIN was wrong"),
    (r"Card not present|Card removed|No SmartCard|device not found", "its card or token is not there"),
    (r"No agent running", "gpg-agent does not run and could not be started"),
)
_REFUSED: Final = re.compile(r"agent refused operation|communication with agent failed")  # a person may have said no
_UNKNOWN: Final = re.compile(
    r"No secret key|No public key|Not found|Couldn't load public key|Ambiguous|returned no keys"
)
_UNUSABLE: Final = re.compile(r"Unusable (?:secret|public) key|[Ee]xpired|[Rr]evoked|Not trusted")
_NOISE: Final = re.compile(r"\[GNUPG:\]|gpg: (?:checking the trustdb|marginals needed|depth:|next trustdb)|gpgsm: DBG")
_BY_HAND: Final = "see what git says itself, in a clone made for it: git commit --allow-empty -S -m test"


class SigningWaits(GitferryError):
    """The commit is to be signed and the key is locked, so it was not made. `asked`: a person may have been asked."""

    def __init__(self, title: str, hint: str, *, asked: bool = False) -> None:
        super().__init__(title, hint)
        self.asked = asked


def failure(signing: Signing, said: str) -> SigningWaits | SigningFailed:
    """Return what kept the program from signing, and what to do; `said` is its standard error and git's."""
    last = _last(said)
    if _REFUSED.search(said):
        hint = "allow it when the agent asks, or unlock the agent; then `gitferry sync`"
        return SigningWaits(f"the ssh agent refused to sign with {signing.words}", hint, asked=True)
    locked = next((why for pattern, why in _LOCKED if re.search(pattern, said)), None)
    if locked is not None:
        title = f"{signing.words} is locked{': ' if locked else ''}{locked}"
        return SigningWaits(title, unlocking(signing), asked=signing.asks)
    if _UNKNOWN.search(said):
        return SigningFailed(f"{signing.name} does not find {signing.words} ({last})", _which(signing))
    if _UNUSABLE.search(said):
        return SigningFailed(
            f"{signing.words} cannot sign ({last})", f"it may have expired: renew it, or {_which(signing)}"
        )
    if signing.asks:
        return SigningWaits(f"{signing.program} did not sign: {last}", _BY_HAND, asked=True)
    return SigningFailed(f"{signing.program} could not sign: {last}", _BY_HAND)


def late(signing: Signing, seconds: float) -> SigningWaits:
    """Return that the program was ended at its deadline: it waited for a person, for a word or for a touch."""
    hint = f"touch the token when it blinks, or answer what asks; `gitferry sync` tries it again at once, or {_BY_HAND}"
    return SigningWaits(f"{signing.name} had not signed with {signing.words} after {seconds:g} s", hint, asked=True)


def unlocking(signing: Signing) -> str:
    """Return how a person unlocks the key, in one line."""
    if signing.asks:
        return f"unlock it for {signing.program}, then `gitferry sync`"
    if signing.format == "ssh":
        file = "" if signing.key is None or signing.literal else f" {_quoted(signing.key.removesuffix('.pub'))}"
        return f"ssh-add{file}, into the agent that SSH_AUTH_SOCK names where gitferry runs"
    key = "" if signing.key is None else f" --local-user {shlex.quote(signing.key)}"
    return (
        f"unlock it: echo | {signing.name} --detach-sign{key} >/dev/null; for how long is in gpg-agent.conf"
        " (default-cache-ttl, max-cache-ttl)"
    )


def _quoted(path: str) -> str:
    """A path for a shell, which is to expand the home directory."""
    home = "~/" if path.startswith("~/") else ""
    return home + shlex.quote(path.removeprefix(home))


def _which(signing: Signing) -> str:
    listing = {
        "ssh": "ls ~/.ssh, or ssh-add -L",
        "openpgp": "gpg --list-secret-keys",
        "x509": "gpgsm --list-secret-keys",
    }[signing.format]
    return f"name one that is there ({listing}): git config user.signingKey KEY"


def _last(said: str) -> str:
    """The last line that is meant for a person."""
    lines = [line.strip().rstrip("?") for line in said.splitlines()]  # git shows a carriage return as `?`
    told = [line for line in lines if line and not _NOISE.match(line)]
    return told[-1].removeprefix("error: ").removeprefix("Enter passphrase: ") if told else "it said nothing"
