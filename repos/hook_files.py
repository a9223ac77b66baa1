"""Which hooks a repository has, and where they go in a scratch repository.

Hooks in the working tree (`core.hooksPath = .githooks`) are those of the tree that is looked at; what lies there
untracked (husky's `.husky/_`) is copied to its place. Hooks in the git directory are copied to the scratch one's, so
that a hook that looks for its repository from its own place finds the scratch repository, and links that lead into the
working tree lead into the scratch one. Hooks kept anywhere else are run from there. Source: githooks(5).
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos.gitconfig import Config
from gitferry.repos.state import Place

#: The hooks that git runs for a commit, for a merge that it makes, and for a push, in their order.
FOR_COMMIT: Final = ("pre-commit", "prepare-commit-msg", "commit-msg")
FOR_MERGE: Final = ("pre-merge-commit", "prepare-commit-msg", "commit-msg")
FOR_PUSH: Final = ("pre-push",)
ALL: Final = ("pre-commit", "pre-merge-commit", "prepare-commit-msg", "commit-msg", "pre-push")

_MOST: Final = 1_000  # files of a hooks directory that are copied
_LARGE_FILES_HOOK: Final = (
    re.compile(r'command -v git-lfs >/dev/null 2>&1 \|\| \{ (?:echo|printf) >&2(?: "[^"]*")+; exit 2; \}'),
    re.compile(r'git lfs pre-push "\$@"'),
)


class TooManyFiles(GitferryError):
    """The directory that git takes hooks from is no directory of hooks."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory}, where git looks for hooks, holds more than {_MOST} files that would have to be copied",
            "let core.hooksPath name a directory with nothing but hooks, or set `hooks: skip`",
        )


@dataclass(frozen=True, slots=True)
class HookFiles:
    """The hooks of one working tree's repository.

    `inside` tells where their directory lies: "git" for below the git directory, "tree" for below the working tree's
    top, "" for elsewhere; `path` is then the path there, or the absolute one.
    """

    place: Place
    directory: Path
    inside: str
    path: str
    setting: str | None  # core.hooksPath for a scratch repository

    def names(self) -> tuple[str, ...]:
        """Return the hooks that git would run, of those that have a part in commits and pushes.

        git-lfs's own `pre-push` is not among them: gitferry sends large files itself, the same way.
        """
        return tuple(name for name in ALL if self._runs(name))

    def ignored(self) -> tuple[str, ...]:
        """Return the hooks that git ignores because they may not be executed."""
        return tuple(name for name in ALL if not self._runs(name) and self._is_barred(name))

    def command(self, name: str) -> str:
        """Return how git names a hook when it starts it in the top of a scratch repository's working tree."""
        return f".git/{self.path}/{name}" if self.inside == "git" else f"{self.path}/{name}"

    def version(self) -> str:
        """Return a digest that changes when a file in the directory does, by size and time. Raises OSError."""
        digest = hashlib.sha256(os.fsencode(self.directory))
        files = sorted(_files(self.directory)) if self.directory.is_dir() else []
        for path in files[:_MOST]:
            for follow in (False, True):
                try:
                    found = (self.directory / path).stat(follow_symlinks=follow)
                except FileNotFoundError:
                    continue  # a link to nothing, or gone since
                row = (path, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
                digest.update(repr(row).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def put(self, top: Path) -> tuple[str, ...]:
        """Copy into the scratch repository whose working tree is at `top` what belongs there and is not there.

        Return the paths of those that are now untracked files of that working tree. Raises OSError, TooManyFiles.
        """
        if not self.inside:
            return ()
        target = top / ".git" / self.path if self.inside == "git" else top / self.path
        copied: list[str] = []
        for path in _files(self.directory):
            if os.path.lexists(target / path):
                continue
            if len(copied) == _MOST:
                raise TooManyFiles(self.directory)
            self._copy(self.directory / path, target / path, top)
            copied.append(posixpath.normpath(f"{self.path}/{path}"))
        return tuple(copied) if self.inside == "tree" else ()

    def _copy(self, source: Path, target: Path, top: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not source.is_symlink():
            shutil.copy2(source, target)
            return
        link = source.readlink()
        for there, here in ((self.place.common_dir, top / ".git"), (self.place.root, top)):
            if link.is_absolute() and link.is_relative_to(there):
                link = here / link.relative_to(there)
                break
        target.symlink_to(link)
        if not target.exists() and source.exists():  # it leads to what the tree does not hold
            target.unlink()
            target.symlink_to(source.resolve())

    def _runs(self, name: str) -> bool:
        file = self.directory / name
        if not (os.access(file, os.X_OK) and file.is_file()):
            return False
        return not (name == "pre-push" and _only_sends_large_files(file))

    def _is_barred(self, name: str) -> bool:
        file = self.directory / name
        return file.is_file() and not os.access(file, os.X_OK)


def find(place: Place, config: Config, environ: Mapping[str, str]) -> HookFiles:
    """Return where the hooks of the repository at `place` are, whether there are any or not."""
    chosen = config.path("core.hookspath", environ)
    # A relative core.hooksPath counts from where hooks are run, the top of the working tree: git-config(1).
    directory = place.common_dir / "hooks" if chosen is None else place.root / chosen
    real = directory.resolve()
    if real.is_relative_to(place.common_dir) and real != place.common_dir:
        path = real.relative_to(place.common_dir).as_posix()
        return HookFiles(place, directory, "git", path, None if path == "hooks" else f".git/{path}")
    if real.is_relative_to(place.root):
        path = real.relative_to(place.root).as_posix()
        return HookFiles(place, directory, "tree", path, path)
    return HookFiles(place, directory, "", str(real), str(real))


def _files(directory: Path) -> Iterator[str]:
    """Yield what is in a directory of hooks and below, links as such, without git's samples and nested repositories."""
    pending = [""]
    while pending:
        above = pending.pop()
        with os.scandir(directory / above) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = f"{above}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != ".git":
                        pending.append(f"{path}/")
                elif not entry.name.endswith(".sample") and _is_file(entry):
                    yield path


def _is_file(entry: os.DirEntry[str]) -> bool:
    mode = entry.stat(follow_symlinks=False).st_mode
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _only_sends_large_files(file: Path) -> bool:
    """Whether a `pre-push` hook is what `git lfs install` writes and nothing else."""
    try:
        text = file.read_bytes()[:4096].decode("utf-8", "replace")
    except OSError:
        return False  # it may be executable and not readable
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return len(lines) == len(_LARGE_FILES_HOOK) and all(
        wanted.fullmatch(line) for wanted, line in zip(_LARGE_FILES_HOOK, lines, strict=True)
    )
