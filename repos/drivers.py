"""The filter drivers that git's settings define: which of them may run here, and why another may not.

Source: gitattributes(5), `filter`; git-config(1), `filter.<driver>.*`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from gitferry.repos.git import Git, GitError, GitTimeout
from gitferry.repos.gitconfig import Config

_T = TypeVar("_T")

_LFS = re.compile(r"git[- ]lfs (?:clean|smudge|filter-process)(?: --skip)?(?: -- %f)?")
_COMMANDS = ("clean", "smudge", "process")
# Where such a filter is named and not set up, git passes the plain file through; that is the harm it is there against.
_NEVER_PLAIN = frozenset({"lfs", "git-crypt", "transcrypt", "crypt"})


class Drivers:
    """What each filter driver that attributes name may do, decided once a driver."""

    def __init__(self, git: Git, config: Config, *, trusted: bool, environ: Mapping[str, str]) -> None:
        self._git = git
        self._config = config
        self._trusted = trusted
        self._environ = environ
        self._objections: dict[str, str] = {}

    def named(self, value: str) -> str | None:
        """Return the driver that a `filter` attribute names, None where it names none.

        git check-attr prints `set` for `filter` and for `filter=set`. A driver of such a name, which nobody has by
        accident, is taken for meant.
        """
        if value in ("set", "unset", "unspecified", ""):
            return value if value and _commands(self._config, value) else None
        return value

    def runs(self, name: str) -> bool:
        """Return whether the settings give the driver anything to run."""
        return bool(_commands(self._config, name))

    def objection(self, name: str) -> str:
        """Return why files that pass this driver may not be carried; empty where they may."""
        if name not in self._objections:
            self._objections[name] = self._objection(name)
        return self._objections[name]

    def _objection(self, name: str) -> str:
        runs, required = self.runs(name), self._config.flag(f"filter.{name}.required")
        if is_lfs(self._config, name):
            return "" if self._has_lfs() else "it is kept by git-lfs, which is not installed here: install git-lfs"
        if not runs and name == "lfs":
            return "it is kept by git-lfs, which is not set up here: run `git lfs install`"
        if not runs and (required or name in _NEVER_PLAIN):
            return f"it needs the filter {name!r}, which is not set up here: see gitattributes(5)"
        if self._trusted:
            return ""
        if not runs:
            return (
                f"it passes the filter {name!r}, which is not set up here: set it up, or take the file as it is with "
                "`trusted: true`"
            )
        return f"it passes the filter {name!r}, which runs only where the settings say `trusted: true`"

    def _has_lfs(self) -> bool:
        if shutil.which("git-lfs", path=self._environ.get("PATH")):
            return True
        return self._git.run("lfs", "version", check=False).code == 0  # it may lie in git's own directory


def silenced(config: Config, *, trusted: bool = False) -> dict[str, str]:
    """Return the environment in which git starts no filter of this repository's but git-lfs; empty if trusted.

    For `extra_env` of every git call that may look into files, `git status` too: it runs the clean filter of a file
    whose time stamp changed. (By environment because `-c` cannot name a driver with `=` in it: git(1).)
    """
    return {} if trusted else _environment(_mute(name for name in _driver_names(config) if not is_lfs(config, name)))


def muted(config: Config) -> dict[str, str]:
    """Return the environment in which git starts no filter at all: one that fails makes all of `git status` fail."""
    return _environment(_mute(_driver_names(config)))


def despite_filters(config: Config, step: Callable[[Mapping[str, str]], _T], *, trusted: bool = False) -> _T:
    """Return what `step` does in the environment that `silenced` gives, or, where that fails, in the one of `muted`.

    git stops as a whole where a required filter fails on one file, even one that it only compares with the index.
    For steps that look into files to compare them, never to write blobs.
    """
    try:
        return step(silenced(config, trusted=trusted))
    except (GitError, GitTimeout):
        mute = muted(config)
        if not mute:
            raise
        return step(mute)


def guarded(config: Config, *, trusted: bool = False) -> dict[str, str]:
    """Return the environment in which git writes blobs: as `silenced`, and what must never be plain never is.

    A driver that fails and is not `required` is a no-op for git (gitattributes(5)): a large file would be committed in
    place of its pointer.
    """
    found = silenced(config, trusted=trusted)
    start = len(found) // 2
    names = [name for name in _driver_names(config) if is_lfs(config, name) or (trusted and name in _NEVER_PLAIN)]
    return found | _environment([(f"filter.{name}.required", "true") for name in names], start)


def _mute(names: Iterable[str]) -> list[tuple[str, str]]:
    settings = []
    for name in names:
        settings += [(f"filter.{name}.{command}", "") for command in _COMMANDS]
        settings.append((f"filter.{name}.required", "false"))
    return settings


def _environment(settings: list[tuple[str, str]], start: int = 0) -> dict[str, str]:
    if not settings:
        return {}
    numbered = {"GIT_CONFIG_COUNT": str(start + len(settings))}
    for number, (key, value) in enumerate(settings, start):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return numbered


def _driver_names(config: Config) -> list[str]:
    return sorted({name for name, _ in config.subsections("filter")})


def _commands(config: Config, name: str) -> list[str]:
    return [value for command in _COMMANDS if (value := config.get(f"filter.{name}.{command}"))]


def is_lfs(config: Config, name: str) -> bool:
    """Return whether a driver is git-lfs by what it runs: its name is anybody's to take."""
    commands = _commands(config, name)
    if any(key.startswith("lfs.extension.") for key in config.own):
        return False  # git-lfs would start what they name: git-lfs-config(5), lfs.extension
    return bool(commands) and all(_LFS.fullmatch(command) for command in commands)
