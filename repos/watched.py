"""Which directories of a working tree are worth watching: those in which an unignored file can appear."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from gitferry.config.errors import GitferryError
from gitferry.repos.directories import Listing, child, listing, parent
from gitferry.repos.git import Git, zsplit

log = logging.getLogger(__name__)

#: How many directories are listed before git is asked which of them are ignored: the most that is listed in vain.
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What git's ignore rules leave out, and the directories below them that hold tracked files nevertheless."""

    git: Git
    tracked_files: frozenset[str] = frozenset()
    tracked: frozenset[str] = frozenset()  # the directories above these

    def left_out(self, directories: Sequence[str]) -> frozenset[str]:
        """Return those of `directories` (relative, '' is never one) that are ignored and hold nothing tracked."""
        named = [directory for directory in directories if directory and directory not in self.tracked]
        return frozenset(ignored(self.git, named))


def rules(git: Git) -> Rules:
    """Read the rules as they are now; a repository that git cannot read is watched whole, so that nothing is missed."""
    try:
        files = zsplit(git.run("ls-files", "-z", "--cached", "--ignored", "--exclude-standard").stdout)
    except GitferryError as failure:
        log.warning("%s", failure.title, extra={"action": "watch", "root": str(git.root)})
        return Rules(git)
    return Rules(git, frozenset(files), frozenset(parents(files)))


def parents(paths: Iterable[str]) -> set[str]:
    """Return every directory above any of `paths`, without the root."""
    found: set[str] = set()
    for path in paths:
        directory = parent(path)
        while directory and directory not in found:
            found.add(directory)
            directory = parent(directory)
    return found


def ignored(git: Git, paths: Sequence[str]) -> list[str]:
    """Return those of `paths` that git's ignore rules match, whether tracked or not (git-check-ignore(1)).

    The index is not consulted: git would compare each path with each entry, 1.3 s for 2,000 directories of a tree of
    50,000 files against 8 ms. One path that git refuses (it lies in a submodule, or behind a symbolic link put there
    a moment ago) ends the whole call, so that it is looked for by halves and counts as ignored.
    """
    if not paths:
        return []
    data = b"".join(b"./" + os.fsencode(path) + b"\0" for path in paths)  # `./`: a name may begin like pathspec magic
    try:
        answer = git.run("check-ignore", "--no-index", "-z", "--stdin", input=data, check=False)
    except GitferryError as failure:
        log.warning("%s", failure.title, extra={"action": "watch", "root": str(git.root)})
        return []
    if answer.code in {0, 1}:
        return [path.removeprefix("./") for path in zsplit(answer.stdout)]
    if "pathspec" not in answer.stderr.lower():
        log.warning("git check-ignore: %s", answer.stderr.strip(), extra={"action": "watch", "root": str(git.root)})
        return []
    if len(paths) == 1:
        return list(paths)
    half = len(paths) // 2
    return ignored(git, paths[:half]) + ignored(git, paths[half:])


def is_nested(held: Listing) -> bool:
    """Return whether another repository begins here: a submodule, a linked worktree, a clone in a clone.

    Whether `.git` holds a whole repository is not asked: `git init` makes the directory first and fills it later.
    """
    return ".git" in held.files or ".git" in held.directories


def explore(root: str, starts: Collection[str]) -> tuple[list[str], list[str]]:
    """Return directories at and below `starts`, nearest first, and those not looked into because of `BATCH`.

    `.git` and nested repositories are not among them.
    """
    todo = deque(starts)
    seen: list[str] = []
    while todo and len(seen) < BATCH:
        directory = todo.popleft()
        held = listing(child(root, directory) if directory else root)
        if held is None or (directory and is_nested(held)):
            continue
        seen.append(directory)
        todo.extend(below(directory, held))
    return seen, list(todo)


def below(directory: str, held: Listing) -> list[str]:
    """Return the paths of the directories that `directory` holds."""
    prefix = f"{directory}/" if directory else ""
    return [prefix + name for name in held.directories if name != ".git"]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a walk covered: directories, those left out, and the files it found in each covered directory."""

    kept: frozenset[str]
    left_out: frozenset[str]
    files: frozenset[str]


def survey(
    root: str,
    starts: Collection[str],
    left_out: Callable[[Sequence[str]], frozenset[str]],
    cover: Callable[[str], Listing | None],
) -> Surveyed:
    """Cover every directory at and below `starts` that is worth it, and return what they held once covered.

    A directory is listed after `cover` set its watch; one that has appeared in it since it was explored is explored
    in the next round. Hence everything is either in the answer or an event.
    """
    kept: set[str] = set()
    out: set[str] = set()
    files: set[str] = set()
    todo: list[str] = list(starts)
    while todo:
        seen, rest = explore(root, todo)
        ignored_here = left_out(seen)
        out |= ignored_here
        known = {*seen, *rest}
        for directory in seen:
            if directory in ignored_here or (held := cover(directory)) is None:
                continue
            kept.add(directory)
            prefix = f"{directory}/" if directory else ""
            files.update(prefix + name for name in held.files if name != ".git")
            rest += [path for path in below(directory, held) if path not in known and path not in kept]
        todo = [path for path in rest if parent(path) not in ignored_here]
    return Surveyed(frozenset(kept), frozenset(out), frozenset(files))
