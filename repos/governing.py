"""The files of attributes above what is read: it is converted by them, so they must be those that go with it.

Source: gitattributes(5). git falls back to the index's attributes where the working tree lacks the file; `hash-object`
does not, and plain text would be written where `git add` writes cipher text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from gitferry.repos import filters
from gitferry.repos.git import Git
from gitferry.repos.state import Place

ATTRIBUTES: Final = ".gitattributes"
BEING_WRITTEN: Final = "it is being written"

#: What tells a file from one that was written later; None where there is none.
Moment: TypeAlias = tuple[int, int, int, int] | None


def moments(root: Path, paths: Collection[str]) -> dict[str, Moment]:
    """Return the files of attributes that may govern these paths, there or not, each as it is at this moment."""
    above = {directory for path in paths for directory in filters.above(path)}
    files = (f"{directory}/{ATTRIBUTES}" if directory else ATTRIBUTES for directory in above)
    return {file: _moment(root / file) for file in files}


def objections(
    git: Git, place: Place, before: Mapping[str, Moment], edited: Collection[str], stays: Callable[[str], bool]
) -> dict[str, str]:
    """Return those of the `edited` files that were read by other attributes than go with them, and why they wait.

    `before` is what `moments` said before they were read. `stays` tells of a file of attributes that is missing
    whether the tree that is to be committed has it all the same. Raises `GitError`.
    """
    refused: dict[str, str] = {}
    for file, moment in before.items():
        below = [path for path in edited if path != file and path.startswith(file.removesuffix(ATTRIBUTES))]
        if not below:
            continue
        if moment != _moment(place.root / file):
            refused |= dict.fromkeys(below, BEING_WRITTEN)
        elif moment is None and stays(file):
            reason = f"{file} may govern it and is missing: commit its deletion, or bring it back"
            refused |= dict.fromkeys(filters.governed(git, place, below), reason)
    return refused


def _moment(file: Path) -> Moment:
    try:
        found = os.lstat(file)
    except OSError:
        return None
    return found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino
