"""Which directories of a root tree hold a manifest, remembered by subtree so that a new commit costs its own path."""

from __future__ import annotations

from collections.abc import Sequence

from gitferry.repos.content import TREE
from gitferry.repos.objects import Objects

#: Subtrees and the directories named in them; at most twice so many are kept, in about 30 MB. They are what is counted:
#: a commit to a tree of 1,500 tasks has three new subtrees, which name 3,000.
_REMEMBERED = 150_000


class ManifestTrees:
    """Directories with a manifest, by tree. Shared by the crossings of one process: what is known of a tree stays true.

    What nobody asks for while as much is read as may be remembered is forgotten: trees of commits that are long past.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self._before: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self._size = 0  # of what is known

    def directories(self, objects: Objects, tree: str, manifests: Sequence[str]) -> frozenset[str]:
        """Return the directories below the root of `tree` that hold one of `manifests`; never the root itself."""
        return frozenset(found for found in self._below(objects, tree, tuple(manifests)) if found)

    def _below(self, objects: Objects, tree: str, manifests: tuple[str, ...]) -> tuple[str, ...]:
        key = (tree, manifests)
        known = self._known.get(key)
        if known is None:
            known = self._before.get(key)
            known = self._read(objects, tree, manifests) if known is None else known
            if self._size > _REMEMBERED:
                self._before, self._known, self._size = self._known, {}, 0
            self._known[key] = known
            self._size += 1 + len(known)
        return known

    def _read(self, objects: Objects, tree: str, manifests: tuple[str, ...]) -> tuple[str, ...]:
        found = []
        entries = objects.entries(tree)
        if any(name in entries and entries[name].mode != TREE for name in manifests):
            found.append("")
        for name, entry in entries.items():
            if entry.mode == TREE:
                inner = self._below(objects, entry.oid, manifests)
                found += [f"{name}/{directory}" if directory else name for directory in inner]
        return tuple(found)
