"""Commits signed as the user's git signs them: by the git program, and without asking anyone for a passphrase.

A daemon that brought up a prompt at every attempt would be a plague, and one that committed without a signature a
liar. So gpg and gpgsm are told to ask nobody, ssh-keygen has no terminal, and where the key is locked the commit is
not made. A program that may ask all the same is not tried again for a while.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from gitferry.config.failpoints import fp
from gitferry.repos.git import Completed, Git, GitError, GitTimeout
from gitferry.repos.identity import variables
from gitferry.repos.objects import Objects, Person
from gitferry.repos.signing_error import SigningWaits, failure, late
from gitferry.repos.signing_key import Signing, SigningFailed
from gitferry.security.redact import redact

DEADLINE: Final = 30.0  # seconds for one signature, as long as a token waits for a touch
PAUSE: Final = 900.0  # seconds until a program that may have asked a person in vain is tried again
_WRAPPER: Final = Path(__file__).with_name("batch") / "sign"
_PROGRAM_SETTING: Final = {"openpgp": "gpg.openpgp.program", "x509": "gpg.x509.program", "ssh": "gpg.ssh.program"}
_LOOPBACK: Final = re.compile(rb"^\s*(?:--)?pinentry-mode\s*=?\s*loopback\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit to be made."""

    tree: str
    parents: Sequence[str]
    message: str
    author: Person
    committer: Person
    at: datetime


class _Unanswered:
    """When each program and key were last asked for in vain; in this process, whichever repository it was for."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # two crossings must not ask for the same key at once
        self._since: dict[tuple[str, str | None], float] = {}

    def left(self, signing: Signing) -> float:
        """Seconds until it may be tried again."""
        since = self._since.get((signing.program, signing.key))
        return 0.0 if since is None else since + PAUSE - time.monotonic()

    def note(self, signing: Signing, *, asked: bool) -> None:
        """Remember that a person was asked in vain, or that it works again."""
        if asked:
            self._since[signing.program, signing.key] = time.monotonic()
        else:
            self._since.pop((signing.program, signing.key), None)


_unanswered = _Unanswered()


def write_signed(
    git: Git, objects: Objects, draft: Draft, signing: Signing, *, environ: Mapping[str, str], by_hand: bool = False
) -> str:
    """Write a signed commit, moving no ref, and return its id; but for the signature it is what `Objects` writes.

    `by_hand`: a person waits for it, so that a program which may ask is tried even if it asked in vain lately.
    Raises SigningWaits where the key is locked, SigningFailed where it cannot be used, GitError where git does not
    write: then there is no commit.
    """
    with _unanswered.lock:
        left = 0.0 if by_hand else _unanswered.left(signing)
        if left > 0:
            raise SigningWaits(
                f"{signing.words} was asked for in vain, and is left alone for {left / 60:.0f} min",
                "`gitferry sync` asks again at once",
            )
        try:
            oid = sign(git, draft, signing, environ)
        except SigningWaits as waits:
            _unanswered.note(signing, asked=waits.asked)
            raise
        _unanswered.note(signing, asked=False)
    objects.adopt(oid)
    fp("commit.written")
    return oid


def sign(
    git: Git, draft: Draft, signing: Signing, environ: Mapping[str, str], extra_env: Mapping[str, str] | None = None
) -> str:
    """Have git write the commit, signed, and return its id.

    Raises SigningWaits, SigningFailed, and GitError where it is not the signature that fails.
    """
    with tempfile.TemporaryDirectory(prefix="gitferry-sign-") as directory:
        outcome = Path(directory)
        config, environment = _silenced(signing, environ, outcome)
        if signing.key is None and signing.format != "ssh":
            signing = replace(signing, key=draft.committer.email)  # which is how git chooses: tell it so
        people = variables("author", draft.author, draft.at) | variables("committer", draft.committer, draft.at)
        try:
            done = _commit_tree(git, draft, config, people | environment | dict(extra_env or {}))
        except GitTimeout:
            raise late(signing, DEADLINE) from None
        said, code = (_content(outcome / name) for name in ("said", "code"))
    if done.code == 0:
        return done.text
    signed = code.strip() == "0" and (signing.format == "ssh" or "[GNUPG:] SIG_CREATED " in said)
    if not code and signing.key_command and done.code == 1:
        raise SigningFailed(
            f"git's gpg.ssh.defaultKeyCommand names no key: {signing.key_command}",
            "see what it says when you run it: a line `key::ssh-ed25519 …`, as ssh-add -L prints it, is a key",
        )
    if signed or not code:  # then it is not the signature that failed
        raise GitError(git.root, ("commit-tree", "-S", draft.tree), done.code, done.stderr)
    raise failure(signing, f"{done.stderr}\n{redact(said)}")


def _content(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace") if file.exists() else ""


def _commit_tree(git: Git, draft: Draft, config: Sequence[str], environment: Mapping[str, str]) -> Completed:
    parents = (word for parent in draft.parents for word in ("-p", parent))
    return git.run(
        "commit-tree",
        "-S",
        *parents,
        draft.tree,
        # Read as it is: `-m` and `-F` would add a line end where there is none.
        input=draft.message.encode("utf-8", "surrogateescape"),
        deadline=DEADLINE,
        check=False,
        extra_env=environment,
        # The message is UTF-8, whatever the user's editor writes.
        extra_config=("i18n.commitEncoding=UTF-8", *config),
    )


def _silenced(signing: Signing, environ: Mapping[str, str], outcome: Path) -> tuple[list[str], dict[str, str]]:
    """The settings and the environment in which git starts exactly this program, and that asks nobody.

    All is named anew, so that nothing the repository's settings say meanwhile comes in.
    """
    if not os.access(_WRAPPER, os.X_OK):
        raise SigningFailed(f"{_WRAPPER} cannot be started", "install gitferry again: its programs lost their mode")
    config = [f"gpg.format={signing.format}", f"{_PROGRAM_SETTING[signing.format]}={_WRAPPER}"]
    if signing.key is not None:
        config.append(f"user.signingkey={signing.key}")
    if signing.key_command is not None:
        config.append(f"gpg.ssh.defaultkeycommand={signing.key_command}")
    return config, {
        "GITFERRY_SIGN_PROGRAM": signing.program,
        "GITFERRY_SIGN_OPTIONS": " ".join(_options(signing, environ)),
        "GITFERRY_SIGN_OUTCOME": str(outcome),
    }


def _options(signing: Signing, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What keeps gpg and gpgsm from asking: their agent then answers "No pinentry" for a locked key.

    Who chose the loopback mode gives the passphrase another way (passphrase-file), which our word would undo; gpg
    itself then asks on the terminal only, and in batch mode not at all. Source: gpg(1), --pinentry-mode.
    """
    if signing.asks or signing.format == "ssh":
        return ()
    home = Path(environ.get("GNUPGHOME") or Path(environ.get("HOME") or "~", ".gnupg")).expanduser()
    name = "gpgsm.conf" if signing.format == "x509" else "gpg.conf"
    files = [Path("/etc/gnupg", name), *home.glob(f"{name}*")]
    loopback = any(_LOOPBACK.search(file.read_bytes()) for file in files if file.is_file())
    return ("--batch",) if loopback else ("--batch", "--pinentry-mode", "error")
