"""What a commit changes against each of its parents; what it has otherwise than all of them is its own."""

from __future__ import annotations

from dataclasses import dataclass

from gitferry.repos.objects import CommitInfo, Objects


@dataclass(frozen=True, slots=True)
class Against:
    """One parent's root tree, and the paths that the commit has otherwise."""

    tree: str
    paths: frozenset[str]


def against_parents(objects: Objects, commit: CommitInfo) -> tuple[Against, ...]:
    """Return what a commit changes, parent by parent; one that a shallow clone lacks is as none."""
    known = [parent for parent in commit.parents if objects.has(parent)]
    trees = [objects.tree_of(parent) for parent in known] or [objects.tree_of(None)]
    return tuple(Against(tree, frozenset(objects.changed(tree, commit.tree))) for tree in trees)


def own(sides: tuple[Against, ...]) -> frozenset[str]:
    """Return the paths that the commit has otherwise than every parent."""
    return frozenset.intersection(*(side.paths for side in sides))
