"""Whether the signing key could be used now, found out without asking anyone and without leaving anything behind."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos.git import Git
from gitferry.repos.objects import EMPTY_TREE
from gitferry.repos.signing import Draft, sign
from gitferry.repos.signing_error import SigningWaits
from gitferry.repos.signing_key import Signing

_ASK_AGENT: Final = 5.0  # seconds


def trial(git: Git, draft: Draft, signing: Signing, environ: Mapping[str, str]) -> GitferryError | None:
    """Return what would keep a commit from being signed, None where nothing would.

    A commit is signed and written outside the repository. An ssh agent may ask a person whether a key may be used, so
    it is asked only whether it has the key. Do not call it for a program that asks (`Signing.asks`).
    """
    with tempfile.TemporaryDirectory(prefix="gitferry-sign-") as directory:
        # git has the empty tree built in, so nothing of the repository's own objects is needed.
        elsewhere = {"GIT_OBJECT_DIRECTORY": directory, "SSH_AUTH_SOCK": ""}
        if signing.format != "ssh":
            del elsewhere["SSH_AUTH_SOCK"]
        try:
            sign(git, replace(draft, tree=EMPTY_TREE, parents=()), signing, environ, elsewhere)
        except GitferryError as error:
            if isinstance(error, SigningWaits) and _in_agent(signing, environ):
                return None
            return error
    return None


def _in_agent(signing: Signing, environ: Mapping[str, str]) -> bool:
    """Whether the ssh agent has the key."""
    wanted = _public(signing, environ) if signing.format == "ssh" and environ.get("SSH_AUTH_SOCK") else None
    if wanted is None:
        return False
    try:
        done = subprocess.run(
            ["ssh-add", "-L"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_AGENT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False  # no agent that answers has no key for us
    return any(wanted == line.split()[1:2] for line in done.stdout.decode("ascii", "replace").splitlines())


def _public(signing: Signing, environ: Mapping[str, str]) -> list[str] | None:
    """The key's own characters, the second word of a public key; None where there is no public key to read."""
    if signing.key is None:
        return None
    if signing.literal:
        return signing.key.removeprefix("key::").split()[1:2]
    file = signing.key
    if file.startswith("~/"):
        file = environ.get("HOME", "~") + file[1:]
    path = Path(file if file.endswith(".pub") else f"{file}.pub")
    try:
        return path.read_text().split()[1:2]
    except (OSError, UnicodeDecodeError):
        return None
