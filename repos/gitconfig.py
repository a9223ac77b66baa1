"""A repository's git settings, as git itself reads them.

One run of `git config --list` honours what a reader of files would have to repeat: includes, `includeIf`, the
worktree's own file (extensions.worktreeConfig) and the system's. Source: git-config(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.repos.git import Git, zsplit

_FROM_REPOSITORY = frozenset({"local", "worktree"})  # git-config(1), --show-scope
_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off", ""})
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\b": "\\b"}


class BadSetting(GitferryError):
    """A git setting holds what git does not accept either."""

    def __init__(self, key: str, value: str) -> None:
        super().__init__(f"git setting {key} is {value!r}, which is neither true nor false", f"see `git config {key}`")


@dataclass(frozen=True, slots=True)
class Config:
    """Settings by name, each with all its values in git's order, the one that counts last.

    A name is `section.key` or `section.subsection.key` in git's spelling: section and key in lower case. A value is
    None where the file names the key alone.
    """

    values: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    #: Those of them that the repository itself brings along, by its own files and what they include.
    own: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        """Return the value that counts, or None where there is none or the key stands alone."""
        values = self.values.get(key)
        return values[-1] if values else None

    def all(self, key: str) -> tuple[str, ...]:
        """Return every value of a setting that may have several."""
        return tuple(value for value in self.values.get(key, ()) if value is not None)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a setting as git reads a boolean. Raises `BadSetting` where git would stop too."""
        values = self.values.get(key)
        if not values:
            return default
        value = values[-1]
        if value is None or value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        try:
            return int(value, 0) != 0
        except ValueError:
            raise BadSetting(key, value) from None

    def path(self, key: str, environ: Mapping[str, str]) -> Path | None:
        """Return a setting that names a file, `~` expanded, or None where it is absent or empty."""
        value = self.get(key)
        if not value:
            return None
        home = environ.get("HOME")
        if home and (value == "~" or value.startswith("~/")):
            return Path(home) / value[2:]
        return Path(value).expanduser() if value.startswith("~") else Path(value)

    def subsections(self, section: str) -> Iterator[tuple[str, str]]:
        """Yield (subsection, key) of every setting of a section that has a subsection."""
        for name in self.values:
            head, subsection, key = parts(name)
            if head == section and subsection is not None:
                yield subsection, key


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as a file gives it; `value` is None where the key stands alone."""

    scope: str
    key: str
    value: str | None


def read(git: Git) -> Config:
    """Return the settings in force in the working tree of `git`. Starts one process. Raises `GitError`."""
    return parse(git.run("config", "--list", "-z", "--show-scope").stdout)


def parse(output: bytes) -> Config:
    """Return the settings in the output of `git config --list -z --show-scope`.

    Those of scope "command" are left out: they are what gitferry's own runner gives on the command line.
    """
    values: dict[str, list[str | None]] = {}
    own: dict[str, list[str | None]] = {}
    for setting in listed(output):
        if setting.scope != "command":
            values.setdefault(setting.key, []).append(setting.value)
        if setting.scope in _FROM_REPOSITORY:
            own.setdefault(setting.key, []).append(setting.value)
    return Config(_fixed(values), _fixed(own))


def _fixed(values: Mapping[str, list[str | None]]) -> dict[str, tuple[str | None, ...]]:
    return {key: tuple(found) for key, found in values.items()}


def listed(output: bytes) -> tuple[Setting, ...]:
    """Return every setting in what `git config -z --show-scope` printed, in its order."""
    items = iter(zsplit(output))
    found = []
    for scope, item in zip(items, items, strict=True):
        key, newline, value = item.partition("\n")
        found.append(Setting(scope, key, value if newline else None))
    return tuple(found)


def parts(key: str) -> tuple[str, str | None, str]:
    """Return section, subsection (None: it has none) and name."""
    section, _, rest = key.partition(".")
    subsection, dot, name = rest.rpartition(".")
    return section, subsection if dot else None, name


def written(pairs: Iterable[tuple[str, str | None]]) -> str:
    """Return keys and values as the text of a file of settings; a value of None leaves its key alone."""
    lines = []
    for header, group in groupby(pairs, key=lambda pair: _header(pair[0])):
        lines += [header, *(f"\t{_assignment(key, value)}" for key, value in group), ""]
    return "\n".join(lines)


def _header(key: str) -> str:
    section, subsection, _ = parts(key)
    if subsection is None:
        return f"[{section}]"
    quoted = subsection.replace("\\", "\\\\").replace('"', '\\"')
    return f'[{section} "{quoted}"]'


def _assignment(key: str, value: str | None) -> str:
    name = parts(key)[2]
    if value is None:
        return name
    return f'{name} = "{"".join(_ESCAPED.get(character, character) for character in value)}"'
