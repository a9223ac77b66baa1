"""What a scratch repository takes over of its user's git settings, as the text of its own `config`.

All of the repository's own, so that hooks, filters, aliases and identities are as they are for the user, but for what
would lead out of the scratch repository: another working tree, a place to push to, maintenance of its own accord.
Sources: git-config(1), gitrepository-layout(5); git-lfs-config(5) for `remote.<name>.lfspushurl`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from gitferry.repos.gitconfig import Setting, parts, written
from gitferry.security.redact import redact

#: Where a scratch repository pushes to. git says that this "does not appear to be a git repository".
NOWHERE: Final = "a hook that gitferry runs cannot push"

_SECTIONS_LEFT: Final = frozenset({"extensions", "gc", "include", "includeif", "maintenance", "submodule"})
_LEFT: Final = frozenset({
    "core.bare",
    "core.fsmonitor",  # would start a daemon for each scratch repository
    "core.hookspath",
    "core.repositoryformatversion",
    "core.splitindex",
    "core.untrackedcache",
    "core.worktree",
    "index.sparse",
    "lfs.storage",  # see scratch_repository
})  # fmt: skip
_OF_REMOTES_LEFT: Final = frozenset({"mirror", "pushurl"})
_OWN: Final = (
    ("core.bare", "false"),
    ("core.fsmonitor", "false"),
    ("core.splitIndex", "false"),
    ("core.untrackedCache", "false"),
    ("index.sparse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
)
_OWN_SCOPES: Final = frozenset({"local", "worktree"})


def has_conditions(settings: Iterable[Setting]) -> bool:
    """Return whether any file counts only where the repository lies in a certain place (`includeIf`)."""
    return any(setting.key.startswith("includeif.") for setting in settings)


def text(users: Iterable[Setting], elsewhere: Iterable[Setting], *, root: Path, hooks_path: str | None) -> str:
    """Return the settings of a scratch repository for the one whose working tree is at `root`.

    `users` are all that hold there; `elsewhere` those that hold in the scratch repository without a word from us, and
    are not repeated.
    """
    users = tuple(users)
    there = {(setting.key, setting.value) for setting in elsewhere if setting.scope not in _OWN_SCOPES}
    pairs = list(_formats(users))
    for setting in users:
        if setting.scope == "command" or _is_left(setting.key):
            continue
        # What the user's and the system's files give there and not here comes from a conditional include.
        if setting.scope not in _OWN_SCOPES and (setting.key, setting.value) in there:
            continue
        pairs.append((setting.key, _placed(setting, root)))
    pairs += _OWN
    pairs += _pushing_nowhere(users, root)
    if hooks_path is not None:
        pairs.append(("core.hooksPath", hooks_path))
    return written(pairs)


def absolute(url: str, root: Path) -> str:
    """Return a remote's URL as it reads from elsewhere: a relative path counts from the top of the working tree."""
    if url.startswith("/") or re.match(r"[^/]*:", url) or not url:  # git-fetch(1), "GIT URLS"
        return url
    return posixpath.normpath(f"{root}/{url}")


def without_password(url: str) -> str:
    """Return a URL without the password, or the token in its place, that its user part may hold."""
    bare = url
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if separator and "@" in authority:
        userinfo, _, host = authority.rpartition("@")
        user, colon, _ = userinfo.partition(":")
        secret = not colon and redact(url) != url  # a token for a user name
        keep = "" if secret or not user else f"{user}@"
        bare = f"{scheme}://{keep}{host}{slash}{path}"
    return redact(bare)


def _formats(users: Iterable[Setting]) -> Iterator[tuple[str, str | None]]:
    """Yield how objects are stored; git reads these from the repository's own file alone."""
    kept = [(s.key, s.value) for s in users if s.key in ("extensions.objectformat", "extensions.partialclone")]
    yield "core.repositoryFormatVersion", "1" if kept else "0"
    yield from kept


def _is_left(key: str) -> bool:
    section, subsection, name = parts(key)
    if section == "remote" and subsection is not None and name in _OF_REMOTES_LEFT:
        return True
    return key in _LEFT or section in _SECTIONS_LEFT


def _placed(setting: Setting, root: Path) -> str | None:
    section, subsection, name = parts(setting.key)
    if setting.value is not None and section == "remote" and subsection is not None and name == "url":
        return absolute(setting.value, root)
    return setting.value


def _pushing_nowhere(users: tuple[Setting, ...], root: Path) -> Iterator[tuple[str, str]]:
    """Yield for each remote that nothing is pushed there, and that git-lfs asks after its objects as ever."""
    urls: dict[str, str] = {}
    for key in ("url", "pushurl"):  # the latter counts
        firsts: dict[str, str] = {}
        for setting in users:
            section, subsection, name = parts(setting.key)
            if section == "remote" and subsection and name == key and setting.value:
                firsts.setdefault(subsection, setting.value)
        urls |= firsts
    known = {setting.key for setting in users}
    large_files = any(key.startswith("filter.lfs.") for key in known)
    for remote, url in urls.items():
        yield f"remote.{remote}.pushurl", NOWHERE
        if large_files and not {f"remote.{remote}.lfspushurl", f"remote.{remote}.lfsurl"} & known:
            yield f"remote.{remote}.lfspushurl", _large_file_server(absolute(url, root))


def _large_file_server(url: str) -> str:
    """Return where git-lfs looks for the large files of a remote: its docs/api/server-discovery.md."""
    if not url.startswith(("http://", "https://")):
        return f"file://{url}" if url.startswith("/") else url
    url = url.removesuffix("/")
    return f"{url}/info/lfs" if url.endswith(".git") else f"{url}.git/info/lfs"
