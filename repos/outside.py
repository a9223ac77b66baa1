"""What a sparse checkout leaves out, seen from the working tree: absence there says nothing, the index does.

`git add` and `git commit -a` take neither deletions nor new files outside the checkout (git-add(1), --sparse), and a
file that is absent there has its index entry for content.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from gitferry.repos import index
from gitferry.repos.content import Entry
from gitferry.repos.filters import above
from gitferry.repos.git import Git
from gitferry.repos.sparse import Sparse
from gitferry.repos.status import Change


def standing(
    patterns: Sparse, git: Git, changes: Mapping[str, Change], always: Collection[str]
) -> dict[str, Entry | None]:
    """Return the paths that are absent without being deleted, each with what stands for it; None: what HEAD has.

    `changes` are git's own words; `always` are paths that are looked at although git says nothing of them.
    """
    found: dict[str, Entry | None] = {}
    for path, change in changes.items():
        if change.index is not None and not change.unmerged and patterns.leaves_out(path):
            found[path] = change.index
    silent = [path for path in always if path not in changes and not os.path.lexists(git.root / path)]
    left = {path for path in silent if patterns.leaves_out(path)}
    # Patterns that were widened by hand check nothing out: until git does, what it hides is still not deleted.
    entries = index.read(git, [path for path in silent if path not in left])
    hidden = {path for path, entry in entries.items() if entry.skip_worktree}
    return found | dict.fromkeys(left | hidden)


def refused(patterns: Sparse, changes: Mapping[str, Change]) -> dict[str, str]:
    """Return the new files that `git add` would not take, each with the reason."""
    return {
        path: f"{path} is new and outside your sparse checkout: `git sparse-checkout add` its directory, or "
        "`git add --sparse` and commit it"
        for path, change in changes.items()
        if change.untracked and change.head is None and change.index is None and not patterns.includes(path)
    }


def displaced(patterns: Sparse, root: Path, changes: Mapping[str, Change]) -> dict[str, str]:
    """Return the files outside in whose place a directory stands, or what a link above leads to, each with a reason.

    git lists them as deleted, and commits no such deletion: who never had the file has not removed it.
    """
    return {
        path: f"{path} is outside your sparse checkout, and something else stands in its place: move that away, or "
        "`git rm --cached --sparse` the file if it is to go"
        for path, change in changes.items()
        if change.index is not None
        and not (change.unmerged or change.submodule or patterns.includes(path))
        and _is_displaced(root, path)
    }


def _is_displaced(root: Path, path: str) -> bool:
    here = root / path
    behind = any((root / directory).is_symlink() for directory in above(path) if directory)
    return os.path.lexists(here) and (behind or (here.is_dir() and not here.is_symlink()))
