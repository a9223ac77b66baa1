"""What a sparse checkout leaves out, seen from the working tree: absence there says nothing, the index does.

`git add` and `git commit -a` take neither deletions nor new files outside the checkout (git-add(1), --sparse), and a
file that is absent there has its index entry for content.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping

from gitferry.repos import index
from gitferry.repos.content import TREE, Entry
from gitferry.repos.filters import above
from gitferry.repos.git import Git
from gitferry.repos.objects import Objects
from gitferry.repos.sparse import Sparse
from gitferry.repos.status import Change


def standing(
    patterns: Sparse, git: Git, changes: Mapping[str, Change], always: Collection[str], displaced: Collection[str] = ()
) -> dict[str, Entry | None]:
    """Return the paths that are absent without being deleted, each with what stands for it; None: what HEAD has.

    `changes` are git's own words; `always` are paths that are looked at although git says nothing of them; in the place
    of `displaced` ones something else stands.
    """
    found: dict[str, Entry | None] = {path: None for path in displaced if path not in changes}
    for path, change in changes.items():
        absent = path in displaced or patterns.leaves_out(path)
        if change.index is not None and not change.unmerged and absent:
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


def displaced(patterns: Sparse, changes: Mapping[str, Change], never: Collection[str] = ()) -> dict[str, str]:
    """Return the files outside in whose place a directory stands, or what a link above leads to, each with a reason.

    Those are none that were `never` here: what stands there was there first.
    """
    return {
        path: f"{path} is outside your sparse checkout, and something else stands in its place: move that away, or "
        "`git rm --cached --sparse` the file if it is to go"
        for path, change in changes.items()
        if change.index is not None
        and path not in never
        and not (change.unmerged or change.submodule)
        and patterns.lacks(path)
        and not patterns.leaves_out(path)
    }


def displacing(
    patterns: Sparse, objects: Objects, head: str, changes: Mapping[str, Change], never: Collection[str] = ()
) -> dict[str, str]:
    """Return the new files that stand where HEAD has files outside, or a directory of such, each with a reason.

    A commit of them would delete those. `head` is HEAD's root tree; of what was `never` here they are no deletion.
    """
    found = {}
    for path, change in changes.items():
        if change.index is None and change.worktree_mode:
            others = (each for each in _in_place_of(objects, head, path) if each not in never)
            gone = next((each for each in others if patterns.lacks(each)), None)
            if gone is not None:
                found[path] = (
                    f"{path} stands in the place of {gone}, which is outside your sparse checkout: move it away, or "
                    "`git add --sparse` it and commit that"
                )
    return found


def _in_place_of(objects: Objects, tree: str, path: str) -> Iterator[str]:
    """Yield the files that a root tree cannot have together with a file at `path`."""
    yield from (each for each in above(path) if each and objects.file_at(tree, each) is not None)
    here = objects.at(tree, path)
    if here is not None and here.mode == TREE:
        yield from (below for below, _ in objects.walk(here.oid, f"{path}/"))
