"""Names that differ by the case of letters alone, and what `git add` makes of them where core.ignoreCase is set.

There git takes such names for one: it records a new file under the spelling that a directory, or a file, has in the
index already. Source: git-config(1), core.ignoreCase; read-cache.c of git 2.39, `add_to_index`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator


def misspelled(paths: Collection[str], tracked: Collection[str]) -> dict[str, str]:
    """Return those of `paths` that git would record otherwise, each with the spelling that is there too.

    `tracked` are all paths of the index; git knows no letters but those of ASCII here.
    """
    known = frozenset(tracked)
    wanted = {_folded(part) for path in paths for part in _parts(path)}
    in_index = _spellings(known, wanted)
    anywhere = _spellings([path for path in paths if path not in known], wanted)
    found = {}
    for path in paths:
        for part in _parts(path):
            folded = _folded(part)
            rivals = in_index.get(folded, set()) | (set() if path in known else anywhere.get(folded, set()))
            if rivals - {part}:
                found[path] = min(rivals - {part})
                break
    return found


def _spellings(paths: Iterable[str], wanted: Collection[str]) -> dict[str, set[str]]:
    """Return how each of the names in `wanted` is spelled in `paths`."""
    spellings: dict[str, set[str]] = {}
    for part in {part for path in paths for part in _parts(path)}:
        folded = _folded(part)
        if folded in wanted:
            spellings.setdefault(folded, set()).add(part)
    return spellings


def _parts(path: str) -> Iterator[str]:
    """Yield the path and every directory above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _folded(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").lower().decode("utf-8", "surrogateescape")
