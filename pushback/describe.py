"""What a task says of itself: its manifest's name and version, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitferry.repos import manifest
from gitferry.repos.content import TREE
from gitferry.repos.objects import Objects
from gitferry.repos.tasks import Unit


@dataclass(frozen=True, slots=True)
class Facts:
    """A task's name, version and uuid in one root tree; `fault` says why its manifest cannot be read."""

    name: str
    version: str | None = None
    uuid: str | None = None
    fault: str | None = None
    warnings: tuple[str, ...] = ()


def facts(objects: Objects, tree: str, unit: Unit, manifests: Sequence[str]) -> Facts:
    """Return what the task says of itself in a root tree; without a readable manifest it is named by its path."""
    plain = unit.path if unit.kind == "file" else unit.path.rpartition("/")[2]
    if unit.kind == "file":
        return Facts(plain)
    directory = objects.at(tree, unit.path)
    if directory is None or directory.mode != TREE:
        return Facts(plain)
    entries = objects.entries(directory.oid)
    name = manifest.which([entry for entry in entries if entries[entry].mode != TREE], manifests)
    if name is None:
        missing = unit.kind == "directory"
        return Facts(plain, fault=f"its manifest ({' or '.join(manifests[:2])}, …) is missing" if missing else None)
    try:
        found = manifest.read(name, objects.blob(entries[name].oid))
    except manifest.ManifestFault as fault:
        return Facts(plain, fault=fault.title)
    return Facts(found.name or plain, found.version, found.uuid, None, found.warnings)


def first_facts(objects: Objects, trees: Sequence[str], unit: Unit, manifests: Sequence[str]) -> Facts:
    """Return the facts from the first of `trees` that has the task."""
    for tree in trees:
        if objects.at(tree, unit.path) is not None:
            return facts(objects, tree, unit, manifests)
    return Facts(unit.path if unit.kind == "file" else unit.path.rpartition("/")[2])
