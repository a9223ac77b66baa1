"""Where else a task's content may be kept for later: in a stash, on another branch, or where HEAD was lately."""

from __future__ import annotations

from itertools import islice

from gitferry.repos.objects import EMPTY_TREE, Objects

_STASH = "refs/stash"
_HEADS = "refs/heads/"
_STEPS = 50  # of HEAD's reflog


def other_trees(objects: Objects, branch: str, upstream: str | None) -> tuple[tuple[str, str], ...]:
    """Return the root trees of every stash (its untracked part too) and of what else is not in `upstream`:

    other branches, and the commits that HEAD stood at in its last steps, as when one was made on a detached HEAD.

    Each comes with the root tree it was made from: only what differs from that is kept there, a deletion included.
    A stash is a commit whose parents are HEAD, the index and, where untracked files were stashed, a tree of
    those alone (git-stash(1), DISCUSSION).
    """
    trees: list[tuple[str, str]] = []
    if objects.ref(_STASH) is not None:
        for stash in objects.repo.listall_stashes():
            info = objects.info(str(stash.commit_id))
            trees.append((info.tree, objects.tree_of(info.parents[0])))
            trees += [(objects.tree_of(parent), EMPTY_TREE) for parent in info.parents[2:]]
    tips = {tip for name, tip in objects.refs(_HEADS).items() if name != _HEADS + branch}
    tips |= {str(entry.oid_new) for entry in islice(objects.repo.lookup_reference("HEAD").log(), _STEPS)}
    for tip in sorted(tip for tip in tips if objects.has(tip)):
        if upstream is None or not objects.is_ancestor(tip, upstream):
            bases = objects.merge_bases(tip, upstream) if upstream is not None else ()
            trees.append((objects.tree_of(tip), objects.tree_of(bases[0]) if bases else EMPTY_TREE))
    return tuple(dict.fromkeys(trees))
