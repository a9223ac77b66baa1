"""Which task a path belongs to: every path of a repository lies in exactly one unit.

The nearest directory with a manifest owns a path, so a manifest inside a task's directory splits it: the inner one
describes itself and has its own version, and what has its own version must be able to travel alone. A manifest at
the root makes no directory task, because such a task would swallow all others.

What the settings exclude, or never include, is a unit of its own that is pulled and never pushed (`carry` is
False), also inside a task's directory: a key beside a task is not made public with it, and does not hold it back.

Some names are always excluded, in any case of letters, unless an include pattern names them, that is, matches the
file itself by a last component that is more than `*` (`.env.example`, `certs/*.pem`; neither `**` nor `certs/` nor
`certs/*`). A pattern names it beside the others: `include: ["**", ".env.example"]`.

- environment files: `.env*`, and what lies in a directory of such a name unless a pattern names that (`.envs/`);
- private keys: `id_rsa` and its kin, `*.pem`, `*.key`, `*.p12`, `*.pfx`, `*.ppk`, `*.jks`, `*.keystore`;
- what programs write while they save: `*~`, `.#*` and `#*#` (Emacs), `*.swp`, `*.swo`, `*.swn`, `*.swx` and `4913`
  (Vim), `.~lock.*#` (LibreOffice), `~$*` (Microsoft Office), `.goutputstream-*` (GLib), `*.kate-swp`,
  `*___jb_tmp___` and `*___jb_old___` (JetBrains), `*.tmp`, `*.part`, `*.crdownload`, `.DS_Store`, `.nfs*` and
  `.fuse_hidden*` (open files that were deleted), `.gitferry-*` (our own).
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from gitferry.config.errors import GitferryError

Kind: TypeAlias = Literal["directory", "file", "repository"]

#: The path of the one unit of the `repository` layout.
WHOLE = "."

PRIVATE_KEYS = (
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore"),
)
TEMPORARY = (
    *("*~", ".#*", "#*#", "*.swp", "*.swo", "*.swn", "*.swx", "4913", ".~lock.*#", "~$*", ".goutputstream-*"),
    *("*.kate-swp", "*___jb_tmp___", "*___jb_old___", "*.tmp", "*.part", "*.crdownload", ".DS_Store"),
    *(".nfs*", ".fuse_hidden*", ".gitferry-*"),
)
_NEVER = re.compile("|".join(fnmatch.translate(name) for name in (*PRIVATE_KEYS, *TEMPORARY)), re.IGNORECASE)
_ENVIRONMENT = re.compile(r"(?:^|/)\.env", re.IGNORECASE)
_EVERYTHING = ("**",)
_GROUP_NAME = re.compile(r"\(\?P<\w+>")


class Rules(Protocol):
    """What of the settings' `tasks` decides here."""

    @property
    def include(self) -> Sequence[str]: ...
    @property
    def exclude(self) -> Sequence[str]: ...
    @property
    def rest(self) -> str: ...


class PatternFault(GitferryError):
    """An include or exclude pattern that gitignore(5) gives no meaning."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What travels whole. `path` of a directory has no trailing slash; `carry` False: pulled, never pushed."""

    path: str
    kind: Kind
    carry: bool


class Grouping:
    """Puts paths into units. `layout` is resolved (`resolve_layout`); answers are remembered for the object's life."""

    def __init__(self, tasks: Rules, task_directories: Collection[str], layout: str) -> None:
        """Raises `PatternFault`."""
        self._layout = layout
        self._rest_travels = layout != "directory" or tasks.rest == "file"
        self._include = None if tuple(tasks.include) == _EVERYTHING else _Patterns(tasks.include)
        self._exclude = _Patterns(tasks.exclude) if tasks.exclude else None
        self._named = tuple(_Named(pattern) for pattern in tasks.include if _names_files(pattern))
        self._environments = _Patterns([pattern for pattern in tasks.include if _ENVIRONMENT.search(pattern)])
        self._units = {path: Unit(path, "directory", carry=True) for path in task_directories if layout == "directory"}
        self._owners: dict[str, Unit | None] = {"": None}
        self._whole = Unit(WHOLE, "repository", carry=True)

    def unit_of(self, path: str) -> Unit:
        """Return the unit that `path` belongs to, whether or not anything stands there."""
        if not self._carries(path):
            return Unit(path, "file", carry=False)
        if self._layout == "repository":
            return self._whole
        directory = path.rpartition("/")[0]
        owner = self._owners[directory] if directory in self._owners else self._owner(directory)
        return owner or Unit(path, "file", carry=self._rest_travels)

    def _owner(self, directory: str) -> Unit | None:
        """Return the nearest task directory at or above `directory`, and remember it for every level passed."""
        passed = []
        while directory not in self._owners and directory not in self._units:
            passed.append(directory)
            directory = directory.rpartition("/")[0]
        owner = self._units.get(directory) or self._owners.get(directory)
        for level in (directory, *passed):
            self._owners[level] = owner
        return owner

    def _carries(self, path: str) -> bool:
        if self._exclude is not None and self._exclude.match(path):
            return False
        if _NEVER.match(path.rpartition("/")[2]) is not None:
            return self._is_named(path)
        if _ENVIRONMENT.search(path) is not None:
            return self._is_named(path) or self._environments.match(path)
        return self._include is None or self._include.match(path)

    def _is_named(self, path: str) -> bool:
        return any(pattern.match(path) for pattern in self._named)


class _Patterns:
    """Patterns of gitignore(5) in order: the last one that matches decides, `!` taking back."""

    def __init__(self, patterns: Sequence[str]) -> None:
        runs: list[tuple[bool, list[str]]] = []
        for pattern in patterns:
            expression, positive = _expression(pattern)
            if expression is None:
                continue
            if not runs or runs[-1][0] != positive:
                runs.append((positive, []))
            runs[-1][1].append(_GROUP_NAME.sub("(?:", expression))
        # One expression for each run of equal sign: one search a path instead of one a pattern.
        self._runs = [(positive, _compile("|".join(expressions))) for positive, expressions in reversed(runs)]

    def match(self, path: str) -> bool:
        for positive, expression in self._runs:
            if expression.match(path):
                return positive
        return False


class _Named:
    """An include pattern that names files, and not only the directory they lie in."""

    def __init__(self, pattern: str) -> None:
        expression, _ = _expression(pattern)
        self._path = _compile(expression or r"(?!)")
        last, _ = _expression(pattern.rpartition("/")[2])
        self._name = _compile(last or r"(?!)")

    def match(self, path: str) -> bool:
        return self._path.match(path) is not None and self._name.match(path.rpartition("/")[2]) is not None


def _names_files(pattern: str) -> bool:
    return not pattern.startswith("!") and pattern.rpartition("/")[2].strip("*") != ""


def _expression(pattern: str) -> tuple[str | None, bool]:
    """Return the regular expression of one gitignore pattern (None: a comment or nothing) and its sign."""
    try:
        expression, positive = GitIgnoreSpecPattern.pattern_to_regex(pattern)
    except GitIgnorePatternError as error:
        raise PatternFault(
            f"the pattern {pattern!r} of tasks.include or tasks.exclude has no meaning",
            "write it as a line of .gitignore (see gitignore(5))",
        ) from error
    return (None if expression is None else str(expression)), positive is not False


def _compile(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.DOTALL)  # a newline is an ordinary character of a path


def resolve_layout(layout: str, manifest_dirs: Collection[str]) -> str:
    """Return `directory`, `file` or `repository`: `auto` is by directory where any manifest lies below the root."""
    if layout != "auto":
        return layout
    return "directory" if manifest_dirs else "file"


def task_id(repository: str, path: str) -> str:
    """Return 12 hexadecimal digits that name the task for ever, on every machine that names the repository so."""
    return hashlib.sha256(f"{repository}\0{path}".encode("utf-8", "surrogateescape")).hexdigest()[:12]
