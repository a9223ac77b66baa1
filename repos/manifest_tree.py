"""Which directories of a root tree hold a manifest, remembered by subtree so that a new commit costs its own path."""

from __future__ import annotations

from collections.abc import Sequence

from gitferry.repos.content import TREE
from gitferry.repos.objects import Objects

_REMEMBERED = 200_000  # subtrees; about 30 MB at the most


class ManifestTrees:
    """Directories with a manifest, by tree. Shared by the crossings of one process: it only ever adds facts."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}

    def directories(self, objects: Objects, tree: str, manifests: Sequence[str]) -> frozenset[str]:
        """Return the directories below the root of `tree` that hold one of `manifests`; never the root itself."""
        if len(self._known) > _REMEMBERED:
            self._known = {}
        return frozenset(found for found in self._below(objects, tree, tuple(manifests)) if found)

    def _below(self, objects: Objects, tree: str, manifests: tuple[str, ...]) -> tuple[str, ...]:
        key = (tree, manifests)
        known = self._known.get(key)
        if known is None:
            found = []
            entries = objects.entries(tree)
            if any(name in entries and entries[name].mode != TREE for name in manifests):
                found.append("")
            for name, entry in entries.items():
                if entry.mode == TREE:
                    inner = self._below(objects, entry.oid, manifests)
                    found += [f"{name}/{directory}" if directory else name for directory in inner]
            known = self._known[key] = tuple(found)
        return known
