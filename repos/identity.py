"""Whose commits they are, as git itself says it, but never an address that git would guess from the host's name.

Source: git-commit(1), "Commit Information"; ident.c of git 2.39.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

from gitferry.config.errors import GitferryError
from gitferry.repos.git import Git
from gitferry.repos.gitconfig import Config
from gitferry.repos.objects import Person

Role = Literal["author", "committer"]

_REMEDY: Final = 'set them: git config --global user.name "You" && git config --global user.email you@example.org'

# git takes these off the ends of a name and an address, and drops the last three wherever they are. Which ones
# they are depends on its version (a full stop is none of them any more), so git is asked where one is found.
_AT_AN_END: Final = re.compile(r"^[\0- .,:;<>\"\\']|[\0- .,:;<>\"\\']$|[\n<>]")


class NoIdentity(GitferryError):
    """git does not know whose commits these are."""

    def __init__(
        self,
        title: str = "git has no name and e-mail address for your commits",
        hint: str = _REMEDY,
    ) -> None:
        super().__init__(title, hint)


def person(git: Git, config: Config, environ: Mapping[str, str], role: Role) -> Person:
    """Return the author or committer that git would write into a commit made now.

    Starts a process only for a name or an address that git would clean. Raises NoIdentity where git has none, has to
    guess the address, or refuses what it has.
    """
    name = _given(config, environ, role, "name")
    if name is None and not _explicit(config, "name") and not config.flag("user.useconfigonly"):
        name = _real_name()
    email = _given(config, environ, role, "email")
    if email is None and not _explicit(config, "email") and not config.flag("user.useconfigonly"):
        email = environ.get("EMAIL")
    if not name or not email:
        raise NoIdentity
    if not _is_utf8(name + email):
        raise NoIdentity(
            f"the name or e-mail address for your commits is not UTF-8: {name!a} <{email!a}>",
            "set it again in a terminal that writes UTF-8: git config --global user.name, or user.email",
        )
    if _AT_AN_END.search(name) or _AT_AN_END.search(email):
        return _cleaned(git, role, name, email)
    return Person(name, email)


def variables(role: Role, of: Person, at: datetime) -> dict[str, str]:
    """Return the environment that tells git whose a commit is, and of when: git(1), "Git Commits"."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    prefix = f"GIT_{role.upper()}"
    return {
        f"{prefix}_NAME": of.name,
        f"{prefix}_EMAIL": of.email,
        f"{prefix}_DATE": f"@{int(at.timestamp())} {zone}",
    }


def _given(config: Config, environ: Mapping[str, str], role: Role, what: str) -> str | None:
    """What was set on purpose; an empty variable counts, an empty `author.name` does not."""
    variable = environ.get(f"GIT_{role.upper()}_{what.upper()}")
    if variable is not None:
        return variable
    return config.get(f"{role}.{what}") or config.get(f"user.{what}")


def _explicit(config: Config, what: str) -> bool:
    """Whether any setting names one: git looks no further then, not even for the other role."""
    return any(f"{section}.{what}" in config.values for section in ("user", "author", "committer"))


def _real_name() -> str | None:
    """The user's name in the password database (passwd(5), the first field of GECOS)."""
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return None
    login = entry.pw_name
    return entry.pw_gecos.partition(",")[0].replace("&", login[:1].upper() + login[1:]).strip()


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # git's bytes, as surrogates
        return False
    return True


def _cleaned(git: Git, role: Role, name: str, email: str) -> Person:
    variable = f"GIT_{role.upper()}"
    done = git.run(
        "var", f"{variable}_IDENT", extra_env={f"{variable}_NAME": name, f"{variable}_EMAIL": email}, check=False
    )
    before, _, rest = done.text.partition(" <")
    after = rest.partition(">")[0]
    if done.code != 0 or not before or not after:
        raise NoIdentity(
            f"git can make no commit of {name!r} <{email!r}>: it takes signs off both ends, and too little is left",
            _REMEDY,
        )
    return Person(before, after)
