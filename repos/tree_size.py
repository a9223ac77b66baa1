"""How much a tree would unpack to, counted without unpacking it: a few objects can name billions of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos.content import SUBMODULE, TREE
from gitferry.repos.objects import EMPTY_TREE, Objects

#: What one pull may change at the most. Far above what people commit, far below what fills a memory or a disk.
FILES: Final = 250_000
DIRECTORIES: Final = 250_000  # empty ones and submodules too: each is looked at, and the latter are made
BYTES: Final = 4 * 1024**3
DEPTH: Final = 200  # directories within each other; Linux has no path beyond 4096 bytes

_Pair = tuple[str, str]


class TooMuch(GitferryError):
    """A tree would unpack to more than any pull may bring: to `what`."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(
            f"what the remote has now would unpack to {what}, so nothing of it is taken in",
            "see who pushed that; if it is meant, take it in by hand: git pull",
        )


@dataclass(slots=True)
class _Size:
    files: int = 0
    directories: int = 0
    bytes: int = 0
    depth: int = 0


def require_bearable(objects: Objects, old: str, new: str) -> None:
    """See that what the tree `new` has otherwise than `old` is no more than a pull may bring.

    Each pair of trees is looked at once, however often it stands in the other. Raises TooMuch, MissingObject.
    """
    known: dict[_Pair, _Size] = {}
    under_way: list[_Pair] = [(old, new)]
    while under_way:
        pair = under_way[-1]
        if pair in known:
            under_way.pop()
            continue
        missing = [inner for inner in _inner(objects, *pair) if inner not in known]
        if missing:
            under_way.extend(missing)
            continue
        known[pair] = _summed(objects, pair, known)
        under_way.pop()


def _inner(objects: Objects, old: str, new: str) -> list[_Pair]:
    """The trees in `new` that differ from those of the same name in `old`, with these."""
    before = objects.entries(old)
    found = []
    for name, entry in objects.entries(new).items():
        was = before.get(name)
        if entry.mode == TREE and entry != was:
            found.append((was.oid if was is not None and was.mode == TREE else EMPTY_TREE, entry.oid))
    return found


def _summed(objects: Objects, pair: _Pair, known: dict[_Pair, _Size]) -> _Size:
    before, size = objects.entries(pair[0]), _Size(depth=1)
    for name, entry in objects.entries(pair[1]).items():
        if entry.mode == TREE or entry == before.get(name):
            continue
        if entry.mode == SUBMODULE:
            size.directories += 1
        else:
            size.files += 1
            size.bytes += objects.size(entry.oid)
    for inner in _inner(objects, *pair):
        size.files += known[inner].files
        size.directories += known[inner].directories + 1
        size.bytes += known[inner].bytes
        size.depth = max(size.depth, known[inner].depth + 1)
    if size.depth > DEPTH:
        raise TooMuch(f"directories more than {DEPTH} deep")
    if size.files > FILES:
        raise TooMuch(f"more than {FILES:,} changed files")
    if size.directories > DIRECTORIES:
        raise TooMuch(f"more than {DIRECTORIES:,} changed directories")
    if size.bytes > BYTES:
        raise TooMuch(f"more than {BYTES // 1024**3} GiB of changed files")
    return size
