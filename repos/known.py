"""What a process already knows of its repositories, and by which files it notices that this changed.

A save that travels costs three git processes less this way: where the repository lies, and its settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from gitferry.repos import gitconfig
from gitferry.repos.git import Git
from gitferry.repos.gitconfig import Config
from gitferry.repos.state import Place, locate

_Stamp: TypeAlias = tuple[int, int, int, int, int] | None


class Known:
    """Remembered facts, by repository. Entries are replaced whole, so that threads may share it."""

    def __init__(self) -> None:
        #: When this process last looked for operations that are too old, by the repository's git directory.
        self.pruned: dict[Path, datetime] = {}
        self._places: dict[Path, tuple[Place, tuple[_Stamp, ...]]] = {}
        self._configs: dict[Path, tuple[Config, tuple[Path, ...], tuple[_Stamp, ...]]] = {}

    def place(self, path: Path, environ: Mapping[str, str]) -> Place:
        """Return where the repository at `path` lies, asking git again where its root or git directory is another.

        Raises what `state.locate` raises.
        """
        known = self._places.get(path)
        if known is not None and _directories(path, known[0]) == known[1]:
            return known[0]
        place = locate(path, environ)
        self._places[path] = (place, _directories(path, place))
        return place

    def settings_stamp(self, path: Path, environ: Mapping[str, str]) -> object:
        """Return a value that is another one once a file of git's settings for the repository changed.

        No git is asked; None while it is not known where the repository lies.
        """
        known = self._places.get(path)
        return None if known is None else _stamps(_files(known[0], environ))

    def config(self, git: Git, place: Place, environ: Mapping[str, str]) -> Config:
        """Return the git settings in force, read again where one of their files changed. Raises GitError.

        Settings that include other files are read every time: which files count may hang on the branch.
        """
        known = self._configs.get(place.git_dir)
        if known is not None and _stamps(known[1]) == known[2]:
            return known[0]
        files = _files(place, environ)
        before = _stamps(files)
        config = gitconfig.read(git)
        if not any(key.startswith(("include.", "includeif.")) for key in config.values):
            self._configs[place.git_dir] = (config, files, before)
        return config


def _files(place: Place, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where git looks for settings (git-config(1), FILES), whether the file exists or not."""
    home = environ.get("HOME", "/")
    chosen = environ.get("GIT_CONFIG_GLOBAL")
    personal = (
        [chosen]
        if chosen
        else [f"{home}/.gitconfig", f"{environ.get('XDG_CONFIG_HOME') or home + '/.config'}/git/config"]
    )
    system = environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig"
    return (
        place.common_dir / "config",
        place.git_dir / "config.worktree",
        *(Path(name) for name in personal),
        Path(system),
    )


def _directories(path: Path, place: Place) -> tuple[_Stamp, ...]:
    # Identity and owner; times change with every file made there.
    found = (_stamp(file) for file in (path, path / ".git", place.git_dir, place.common_dir))
    return tuple(None if one is None else (*one[:3], 0, 0) for one in found)


def _stamps(files: tuple[Path, ...]) -> tuple[_Stamp, ...]:
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return None  # absent or unreadable: it counts for nothing, as it does for git
    return found.st_dev, found.st_ino, found.st_uid, found.st_mtime_ns, found.st_size
