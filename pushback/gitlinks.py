"""Submodules: what is inside them is another repository's, and only their place in the tree is ours to keep.

Source: gitsubmodules(7); git's checkout makes an empty directory of a submodule that arrives.
"""

from __future__ import annotations

import contextlib

from gitferry.pushback.ground import Ground
from gitferry.repos.content import SUBMODULE, Entry
from gitferry.repos.disk_errors import EscapesTree, Obstructed, UnsafeName
from gitferry.repos.objects import Objects
from gitferry.repos.sparse import Sparse


def file_of(objects: Objects, tree: str, path: str) -> Entry | None:
    """Return the file at `path` in a root tree; a submodule is none."""
    found = objects.file_at(tree, path)
    return None if found is not None and found.mode == SUBMODULE else found


def make_places(ground: Ground, old: str, new: str, patterns: Sparse | None) -> None:
    """Make the directories of the submodules that the root tree `new` has over `old`, but for those left out.

    Without its directory git takes a submodule for deleted, and the user's next `git commit -a` would delete it.
    `patterns` are those of a sparse checkout.
    """
    objects = ground.objects
    for path in objects.changed(old, new):
        entry = objects.file_at(new, path)
        outside = patterns is not None and patterns.leaves_out(path)
        if entry is not None and entry.mode == SUBMODULE and not outside:
            with contextlib.suppress(EscapesTree, Obstructed, UnsafeName):  # what stands there is the user's
                ground.worktree.make_directory(path)
    ground.worktree.flush()
