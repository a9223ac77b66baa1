"""Which repositories get in each other's way: the same name, the same tree, a tree inside a tree."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gitferry.config.document import Mark
from gitferry.config.faults import Fault


@dataclass(frozen=True, slots=True)
class Claim:
    """A repository's name and working tree (absolute), each with its place in the file."""

    name: str
    name_mark: Mark
    path: Path
    path_mark: Mark
    named: bool  # False: the name was derived


def overlaps(claims: list[Claim], file: Path) -> list[Fault]:
    """Return a fault for every name and tree that an earlier or an enclosing repository has.

    Trees are compared by their real places, symbolic links followed, so the file system is read.
    """
    faults: list[Fault] = []
    names: dict[str, Claim] = {}
    trees: dict[Path, Claim] = {}
    for claim in claims:
        first = names.setdefault(claim.name, claim)
        if first is not claim:
            remedy = "each name once" if claim.named else "write a name of its own"
            line = first.name_mark.line + 1
            message = f'name "{claim.name}" is already that of the repository in line {line} ({remedy})'
            faults.append(_fault(file, claim.name_mark, message))
        first = trees.setdefault(Path(os.path.realpath(claim.path)), claim)
        if first is not claim:
            message = f'"{claim.name}" and "{first.name}" have the same path {claim.path} (each tree once)'
            faults.append(_fault(file, claim.path_mark, message))
    for tree, claim in trees.items():
        outer = next((trees[parent] for parent in tree.parents if parent in trees), None)
        if outer is not None:
            message = (
                f'"{claim.name}" ({claim.path}) lies inside the tree of "{outer.name}" ({outer.path}) '
                "(trees side by side)"
            )
            faults.append(_fault(file, claim.path_mark, message))
    return faults


def _fault(file: Path, mark: Mark, message: str) -> Fault:
    return Fault(file, mark.line + 1, mark.column + 1, message)
