"""The user's index, made to follow HEAD where the user has not staged something else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from gitferry.repos.content import Entry
from gitferry.repos.git import Git

_ZERO = "0" * 40


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
