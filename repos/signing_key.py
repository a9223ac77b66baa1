"""Which program signs the user's commits, and with which key: what git's settings say, and whose word they are.

Source: git-config(1), commit.gpgSign, gpg.* and user.signingKey; gpg-interface.c of git 2.39. A program that only the
repository itself names is a program of whoever made the repository: it runs where the settings trust that.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gitferry.config.errors import GitferryError
from gitferry.repos.git import Git
from gitferry.repos.gitconfig import Config, Setting, listed

if TYPE_CHECKING:
    from gitferry.config.model import Repository

# By format: what runs where nothing is set, the Debian package that has it, and the settings that name another, of
# which the one that stands last counts.
_PROGRAMS: Final = {
    "openpgp": ("gpg", "gnupg", ("gpg.program", "gpg.openpgp.program")),
    "x509": ("gpgsm", "gpgsm", ("gpg.x509.program",)),
    "ssh": ("ssh-keygen", "openssh-client", ("gpg.ssh.program",)),
}
_SILENT: Final = frozenset({"gpg", "gpg2", "gpgsm", "ssh-keygen"})  # we know how to keep these from asking
_FORMAT, _KEY, _KEY_COMMAND = "gpg.format", "user.signingkey", "gpg.ssh.defaultkeycommand"
_FROM_REPOSITORY: Final = frozenset({"local", "worktree"})  # git-config(1), --show-scope
_BLANK: Final = re.compile(r"\s+")


class SigningFailed(GitferryError):
    """The commit is to be signed and cannot be as git is set up, so it was not made."""


@dataclass(frozen=True, slots=True)
class Signing:
    """How commits are signed: git's gpg.format, the program's path, the key in the settings' words or None for git's
    own choice (`key_command` makes it, where that is set).

    `asks` tells that the program is one of the user's own, which may ask a person whatever we do.
    """

    format: str
    program: str
    key: str | None
    asks: bool = False
    key_command: str | None = None

    @property
    def literal(self) -> bool:
        """Whether the key stands in the setting itself (git-config(1), user.signingKey)."""
        return self.format == "ssh" and self.key is not None and self.key.startswith(("key::", "ssh-"))

    @property
    def name(self) -> str:
        """The program without its directory."""
        return Path(self.program).name

    @property
    def words(self) -> str:
        """The key as a person knows it."""
        if self.key is None:
            return "your signing key" if self.format == "ssh" else "the signing key of your e-mail address"
        if not self.literal:
            return f"your signing key {self.key}"
        parts = _BLANK.split(self.key.removeprefix("key::").strip())
        return f"your signing key {parts[2] if len(parts) > 2 else '…' + parts[-1][-16:]}"


def signing(git: Git, config: Config, settings: Repository, environ: Mapping[str, str]) -> Signing | None:
    """Return how commits are to be signed here, None where they are not.

    Starts a process where they are. Raises SigningFailed where git's settings cannot be followed, or may not be:
    they name a program that only the repository itself names, and it is not trusted. Raises GitError, BadSetting.
    """
    if settings.pushback.sign == "never" or not config.flag("commit.gpgsign"):
        return None
    found = _Settings(git, settings, _read(git))
    kind = found.value(_FORMAT) or "openpgp"
    if kind not in _PROGRAMS:
        raise SigningFailed(
            f"git's {_FORMAT} is {kind!r}", f"git signs with {', '.join(_PROGRAMS)}: git config {_FORMAT} openpgp"
        )
    usual, package, keys = _PROGRAMS[kind]
    named = found.program(keys, usual)
    program = _located(named, git.root, environ)
    if program is None:
        raise SigningFailed(
            f"git signs commits with {named}, and there is no such program",
            f"install it ({package} on Debian), or name the one that you have: git config --global {keys[-1]} PROGRAM",
        )
    key = found.value(_KEY)
    command = None
    if kind == "ssh" and key is None:
        command = found.program((_KEY_COMMAND,), "")
        if not command:
            raise SigningFailed(
                "git signs commits with ssh, and no key is named",
                "git config --global user.signingKey ~/.ssh/id_ed25519.pub, or whichever is yours",
            )
    return Signing(kind, program, key, asks=Path(program).name not in _SILENT, key_command=command)


def _read(git: Git) -> tuple[Setting, ...]:
    """The settings that matter, in the order in which git reads them."""
    done = git.run("config", "-z", "--show-scope", "--get-regexp", r"^(gpg\..*|user\.signingkey)$", check=False)
    return listed(done.stdout)


@dataclass(frozen=True, slots=True)
class _Settings:
    git: Git
    repository: Repository
    all: Sequence[Setting]

    def value(self, *keys: str) -> str | None:
        """The value that counts, of several keys that mean the same."""
        setting = _last(self.all, keys)
        return None if setting is None else _text(setting)

    def program(self, keys: Sequence[str], usual: str) -> str:
        """The program that counts. Raises SigningFailed where it would be the repository's choice."""
        elsewhere = _last([each for each in self.all if each.scope not in _FROM_REPOSITORY], keys)
        fallback = usual if elsewhere is None else _text(elsewhere)
        setting = _last(self.all, keys)
        value = usual if setting is None else _text(setting)
        # A path that is not absolute starts at the top of the working tree, whoever wrote it.
        inside = "/" in value.split(" ", 1)[0] and not value.startswith(("/", "~"))
        if setting is not None and (value != fallback or inside) and not self.repository.trusted:
            key = "gpg.ssh.defaultKeyCommand" if setting.key == _KEY_COMMAND else setting.key
            raise SigningFailed(
                f"{value!r} is to sign ({key}), and only this repository names it, which is not trusted",
                f"if it is yours: git config --global {key} PROGRAM, or `trusted: true` for"
                f" {self.repository.name}; `sign: never` makes commits without a signature",
            )
        return value


def _last(settings: Sequence[Setting], keys: Sequence[str]) -> Setting | None:
    return next((each for each in reversed(settings) if each.key in keys), None)


def _text(setting: Setting) -> str:
    if setting.value is None:
        raise SigningFailed(f"git's {setting.key} has no value", f"git config {setting.key} VALUE")
    return setting.value


def _located(program: str, root: Path, environ: Mapping[str, str]) -> str | None:
    """The program's path, as git finds it."""
    home = environ.get("HOME")
    if home and program.startswith("~/"):  # newer versions of git than 2.39 expand it
        program = home + program[1:]
    if "/" in program:
        program = str(root / program)
    return shutil.which(program, path=environ.get("PATH")) if program else None
