"""Whose the system's service is: one account, which must own the trees it works in and reach what it starts.

git works in no tree of another user (safe.directory in git-config(1)), and gitferry never asks it to.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitferry.config.errors import GitferryError


class NoAccount(GitferryError):
    """No such user is there to run the service."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is no account {name!r}",
            "name one that there is (`getent passwd` lists them), or make one:"
            f" `useradd --system --create-home --home-dir /var/lib/{name} {name}`",
        )


class ForeignTrees(GitferryError):
    """Some trees belong to another user than the service would run as."""

    def __init__(self, account: str, found: Sequence[tuple[str, Path, str]]) -> None:
        told = ", ".join(f"{name} ({path}) belongs to {owner}" for name, path, owner in found[:3])
        more = f" and {len(found) - 3} more are foreign too" if len(found) > 3 else ""
        owners = sorted({owner for _name, _path, owner in found})
        hint = (
            f"give the service their owner's account: `gitferry service install --system --account {owners[0]}`"
            if len(owners) == 1
            else "one service has one account: let each owner install one of their own, `gitferry service install`"
        )
        super().__init__(f"git works in no tree of another user than its own, here {account}: {told}{more}", hint)


class OutOfReach(GitferryError):
    """The account cannot read or start what its service needs."""

    def __init__(self, account: str, path: Path, what: str) -> None:
        super().__init__(
            f"{account} cannot {what} {path}",
            "let it (`namei -l` on the path shows where it ends), or put it where everyone may",
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine: name, numbers and home directory."""

    name: str
    uid: int
    gid: int
    home: Path


def account(name: str) -> Account:
    """Return the account of that name. Raises NoAccount."""
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise NoAccount(name) from error
    return Account(found.pw_name, found.pw_uid, found.pw_gid, Path(found.pw_dir))


def require_own(who: Account, trees: Sequence[tuple[str, Path]]) -> None:
    """Raise ForeignTrees where one of `trees` (name, path) is another user's; one that is not there is nobody's."""
    foreign = [(name, path, owner) for name, path in trees if (owner := _other_owner(path, who.uid)) is not None]
    if foreign:
        raise ForeignTrees(who.name, foreign)


def require_reach(who: Account, program: Path, settings: Path | None) -> None:
    """Raise OutOfReach where the account cannot start `program` or read `settings`, if that is there.

    Only root can find that out for another user; of others nothing is asked.
    """
    if os.geteuid() != 0 or who.uid == 0:
        return
    if not _may(who, "-x", program):
        raise OutOfReach(who.name, program, "start")
    if settings is not None and settings.exists() and not _may(who, "-r", settings):
        raise OutOfReach(who.name, settings, "read")


def _may(who: Account, test: str, path: Path) -> bool:
    groups = os.getgrouplist(who.name, who.gid)
    words = ["test", test, str(path)]
    done = subprocess.run(words, user=who.uid, group=who.gid, extra_groups=groups, cwd="/", check=False)
    return done.returncode == 0


def _other_owner(path: Path, uid: int) -> str | None:
    try:
        found = path.stat().st_uid
    except OSError:
        return None
    if found == uid:
        return None
    try:
        return pwd.getpwuid(found).pw_name
    except KeyError:
        return str(found)
