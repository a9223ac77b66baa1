"""Conflict markers that someone forgot in a file: whole blocks of them, in this order, that were not there before.

Source: gitattributes(5), `conflict-marker-size`, and git-merge(1), "How conflicts are presented". A line of equal
signs alone is a heading to many formats and no marker to us.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: Signs of a marker where the attribute `conflict-marker-size` says nothing else; smaller sizes are not looked for.
USUAL_SIZE = 7
_BINARY = 8000  # bytes in which git looks for a NUL (git's xdiff-interface.c, buffer_is_binary)


@dataclass(frozen=True, slots=True)
class Block:
    """One conflict: the numbers of its first and last line, from 1, and its lines."""

    first: int
    last: int
    lines: tuple[bytes, ...]


def may_hold_markers(data: bytes) -> bool:
    """Return whether it is worth looking: a cheap test that nearly every file fails."""
    signs = b"<" * USUAL_SIZE
    return signs in data and b">" * USUAL_SIZE in data and b"\0" not in data[:_BINARY]


def blocks(data: bytes, size: int = USUAL_SIZE) -> Iterator[Block]:
    """Yield the conflicts in a text, whose markers have `size` signs, then nothing or white space and a label."""
    opens, parts, closes = (
        re.compile(b"%s{%d}(?:[ \t].*)?\r?" % (sign, size), re.DOTALL) for sign in (b"<", b"=", b">")
    )
    lines = data.split(b"\n")
    first: int | None = None
    parted = False
    for number, line in enumerate(lines, start=1):
        if opens.fullmatch(line):
            first, parted = number, False
        elif first is not None and parts.fullmatch(line):
            parted = True
        elif first is not None and parted and closes.fullmatch(line):
            yield Block(first, number, tuple(lines[first - 1 : number]))
            first = None


def forgotten(
    old: bytes | None,
    new: bytes,
    size: int,
    added: Callable[[bytes | None, bytes], tuple[tuple[int, str], ...]],
) -> tuple[int, ...]:
    """Return the lines at which conflicts begin in `new` that `old` does not have.

    One that stood there in the same words was moved at the most; one whose first and last line are none of those that
    `added` returns was edited within.
    """
    found = list(blocks(new, size))
    known = {block.lines for block in blocks(old, size)} if old is not None and found else set()
    found = [block for block in found if block.lines not in known]
    if not found or not known:
        return tuple(block.first for block in found)
    lines = {line for line, _ in added(old, new)}
    return tuple(block.first for block in found if {block.first, block.last} & lines)
