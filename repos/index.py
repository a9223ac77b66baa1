"""The user's index, made to follow HEAD where the user has not staged something else."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from gitferry.repos.content import Entry
from gitferry.repos.git import Git, zsplit

_ZERO = "0" * 40
INTENDED = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git-add(1), --intent-to-add: the entry names the empty blob
_NAMED = 200


def follow(git: Git, entries: Mapping[str, Entry | None], *, extra_env: Mapping[str, str] | None = None) -> None:
    """Set these paths' index entries (None removes), then their stat data, so that `git status` is clean and fast.

    Only stat data is taken from the working tree, never content: an edit made meanwhile stays an unstaged edit
    (git-update-index(1), --index-info; git-add(1), --refresh). Raises GitError, also where index.lock is held.
    """
    if not entries:
        return
    # Removals first: a file may give way to a directory of the same name.
    rows = [_row(path, entry) for path, entry in sorted(entries.items(), key=lambda item: item[1] is not None)]
    git.run("update-index", "-z", "--replace", "--index-info", input=b"".join(rows), extra_env=extra_env)
    refresh(git, [path for path, entry in entries.items() if entry is not None], extra_env=extra_env)


@dataclass(frozen=True, slots=True)
class Staged:
    """One path's index entry (None: unmerged) and the flags that hide its working tree from git."""

    path: str
    entry: Entry | None
    skip_worktree: bool = False
    assume_unchanged: bool = False


def read(git: Git, paths: Collection[str]) -> dict[str, Staged]:
    """Return what the index holds now at these paths; what is not in it is left out (git-ls-files(1), -v and -s)."""
    if not paths:
        return {}
    named = paths if len(paths) <= _NAMED else ()  # beyond that the whole list is as cheap, and fits a command line
    done = git.run("--literal-pathspecs", "ls-files", "-v", "-s", "-z", "--", *named)
    found: dict[str, Staged] = {}
    for row in zsplit(done.stdout):
        head, _, path = row.partition("\t")
        tag, mode, oid, stage = head.split(" ")
        if path in paths:
            merged = stage == "0" and path not in found
            entry = Entry(int(mode, 8), oid) if merged else None
            found[path] = Staged(path, entry, skip_worktree=tag.upper() == "S", assume_unchanged=tag.islower())
    return found


def hide(git: Git, entries: Iterable[Staged]) -> None:
    """Set the flags again that entries had: writing an entry clears them (git-update-index(1))."""
    for flag in ("skip_worktree", "assume_unchanged"):
        names = b"".join(os.fsencode(entry.path) + b"\0" for entry in entries if getattr(entry, flag))
        if names:
            git.run("update-index", f"--{flag.replace('_', '-')}", "-z", "--stdin", input=names)


def refresh(git: Git, paths: Iterable[str], *, extra_env: Mapping[str, str] | None = None) -> None:
    """Record the stat data of tracked paths whose content is what the index says."""
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    if names:
        git.run(
            "--literal-pathspecs",
            "add",
            "--refresh",
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
            input=names,
            extra_env=extra_env,
        )


def _row(path: str, entry: Entry | None) -> bytes:
    mode, oid = (0, _ZERO) if entry is None else (entry.mode, entry.oid)
    return b"%o %s\t%s\0" % (mode, oid.encode(), os.fsencode(path))
