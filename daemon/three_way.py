"""The versions of one file of a conflict, as values again from the rows that tell of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitferry.repos.content import FILE, File


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """One file of a task in its three versions, None where it is absent, and what they merge to where they do."""

    path: str
    base: File | None
    local: File | None
    remote: File | None
    merged: File | None = None
    clean: bool = False  # `merged` is the clean result; None then means that it is deleted
    text: bool = True  # a person can read it
    barred: str | None = None  # why a person cannot merge it

    @property
    def stages(self) -> tuple[File | None, File | None, File | None]:
        """The versions in the order of an index's stages 1, 2 and 3 (git-read-tree(1))."""
        return self.base, self.local, self.remote

    @property
    def sides(self) -> tuple[File, ...]:
        """The versions that there are."""
        return tuple(side for side in self.stages if side is not None)

    @property
    def both_changed(self) -> bool:
        """Whether the merge of it joined two changes, and left a file that a person can look at."""
        changed = self.base not in (self.local, self.remote) and self.local != self.remote
        return changed and self.merged is not None and self.text

    @property
    def mode(self) -> int:
        """The mode of what the versions are merged to: the one that a side changed it to."""
        if self.local is None or self.remote is None:
            return (self.local or self.remote or File(FILE, b"")).mode
        changed_here = self.base is None or self.local.mode != self.base.mode
        return self.local.mode if changed_here else self.remote.mode


def three_ways(files: Sequence[Mapping[str, Any]]) -> list[ThreeWay]:
    """Return the `files` of a conflict's row, which hold their versions in base64, as values in the same order."""
    return [
        ThreeWay(
            path=file["path"],
            base=_file(file["base"]),
            local=_file(file["local"]),
            remote=_file(file["remote"]),
            merged=_file(file["merged"]),
            clean=file["conflict"] is None,
            text=file["text"],
            barred=None if file["text"] else file["conflict"],
        )
        for file in files
    ]


def _file(side: Mapping[str, Any] | None) -> File | None:
    return None if side is None else File(int(side["mode"], 8), base64.b64decode(side["content"]))
