"""What every merge of manifests must keep, judged from outside: by other parsers, and line by line."""

from __future__ import annotations

import json
import re
from collections import Counter

import yaml

#: Where a side has no such entry.
ABSENT = object()
IDENTITY = ("id", "name", "uuid", "key")


def _text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
    return loader.construct_scalar(node)


class _TextLoader(yaml.SafeLoader):
    """Values as they are written, so that 1.10 and 1.1 differ, and dates are no matter."""


_TextLoader.add_constructor(None, _text)
_TextLoader.yaml_implicit_resolvers = {}


def load(name: str, data: bytes) -> object:
    """Return the value of a text as an ordinary reader has it, numbers as text. Raises where there is none."""
    text = data.decode("utf-8-sig")
    if name.endswith(".json"):
        return json.loads(text, parse_int=lambda found: ("number", found), parse_float=lambda found: ("number", found))
    return yaml.load(text, Loader=_TextLoader)


def lost(base: object, local: object, remote: object, merged: object, place: str = "") -> list[str]:
    """Return the places where what only one side changed is not in the merge."""
    if local == base:
        return [] if merged == remote else [f"{place}: theirs"]
    if remote == base:
        return [] if merged == local else [f"{place}: ours"]
    if local == remote:
        return [] if merged == local else [f"{place}: of both"]
    sides = [_entries(side) for side in (base, local, remote, merged)]
    if any(side is None for side in sides):
        return [f"{place}: both changed it"]
    b, l, r, m = (side or {} for side in sides)  # noqa: E741 # as docs/crossing.md names them
    return [
        fault
        for key in {**b, **l, **r, **m}
        for fault in lost(
            b.get(key, ABSENT), l.get(key, ABSENT), r.get(key, ABSENT), m.get(key, ABSENT), f"{place}/{key}"
        )
    ]


def clashes(base: object, local: object, remote: object) -> bool:
    """Return whether both sides changed the same thing, and not alike."""
    if local in (base, remote) or remote == base:
        return False
    sides = [_entries(side) for side in (base, local, remote)]
    if any(side is None for side in sides):
        return True
    b, l, r = (side or {} for side in sides)  # noqa: E741 # as docs/crossing.md names them
    return any(clashes(b.get(key, ABSENT), l.get(key, ABSENT), r.get(key, ABSENT)) for key in {**b, **l, **r})


def _entries(value: object) -> dict[str, object] | None:
    """Return the entries of a mapping, or of a list by what tells its elements apart."""
    if isinstance(value, dict):
        return {repr(key): each for key, each in value.items()}
    if not isinstance(value, list):
        return None
    if not any(isinstance(each, dict | list) for each in value):
        return {repr(each): each for each in value}
    for name in IDENTITY:
        if all(isinstance(each, dict) and name in each for each in value):
            return {repr(each[name]): each for each in value}
    return None


def comments_lost(base: bytes, local: bytes, remote: bytes, merged: bytes) -> list[str]:
    """Return the comments of `documents` that one side added and the merge lacks, or removed and the merge has.

    They are numbered, so that hardly two are alike.
    """
    b, l, r, m = (_comments(side) for side in (base, local, remote, merged))  # noqa: E741 # as docs/crossing.md names them
    gone = [comment for side in (l, r) for comment in side - b if not m[comment]]
    back = [comment for side in (l, r) for comment in b - side if m[comment] > min(l[comment], r[comment])]
    return gone + back


def _comments(data: bytes) -> Counter[str]:
    return Counter(re.findall(r"# (?:comment|why|note) \d+", data.decode()))


def touched(base: bytes, local: bytes, remote: bytes, merged: bytes) -> list[str]:
    """Return the remote's lines that the merge lacks although we changed nothing of their entries.

    A comma at a line's end is its neighbour's business in JSON, and which of two empty lines is which nobody can tell,
    nor to which of two elements a line belongs that stands there as often as before.
    """
    b, l, r, m = (_lines(side) for side in (base, local, remote, merged))  # noqa: E741 # as docs/crossing.md names them
    ours = Counter(_without(b, l))
    keys = {_key(line) for line in ours}
    there, here = Counter(r), Counter(m)
    missing = (line for line in _without(r, m) if here[line] < there[line])
    return [line for line in missing if line not in ours and _key(line) not in keys]


def _lines(data: bytes) -> list[str]:
    lines = (line.rstrip().removesuffix(",") for line in data.decode("utf-8-sig").splitlines())
    return [line for line in lines if line]


def _key(line: str) -> str:
    found = re.match(r"""\s*(?:- )*("[^"]*"|'[^']*'|[^\s:"'][^:]*?)\s*:""", line)
    return found.group(1) if found else line


def _without(one: list[str], other: list[str]) -> list[str]:
    """Return the lines of `one` that are not in the longest run of lines common to both, in order."""
    width = len(other) + 1
    length = [[0] * width for _ in range(len(one) + 1)]
    for i in range(len(one) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            same = one[i] == other[j]
            length[i][j] = length[i + 1][j + 1] + 1 if same else max(length[i + 1][j], length[i][j + 1])
    missing, i, j = [], 0, 0
    while i < len(one):
        if j < len(other) and one[i] == other[j]:
            i, j = i + 1, j + 1
        elif j < len(other) and length[i][j + 1] >= length[i + 1][j]:
            j += 1
        else:
            missing.append(one[i])
            i += 1
    return missing
