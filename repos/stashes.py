"""Where else a task's content may be kept for later: in a stash, or on another branch."""

from __future__ import annotations

from gitferry.repos.objects import Objects

_STASH = "refs/stash"
_HEADS = "refs/heads/"


def other_trees(objects: Objects, branch: str, upstream: str | None) -> tuple[str, ...]:
    """Return the root trees of every stash (its untracked part too) and of every other branch not in `upstream`.

    A stash is a commit whose parents are HEAD, the index and, where untracked files were stashed, a tree of
    those alone (git-stash(1), DISCUSSION).
    """
    trees: list[str] = []
    if objects.ref(_STASH) is not None:
        for stash in objects.repo.listall_stashes():
            info = objects.info(str(stash.commit_id))
            trees.append(info.tree)
            trees += [objects.tree_of(parent) for parent in info.parents[2:]]
    for name, tip in objects.refs(_HEADS).items():
        if name != _HEADS + branch and (upstream is None or not objects.is_ancestor(tip, upstream)):
            trees.append(objects.tree_of(tip))
    return tuple(dict.fromkeys(trees))
