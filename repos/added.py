"""The lines that one content of a file has and the one before it has not, as a diff shows them."""

from __future__ import annotations

import codecs
from typing import Final

import pygit2
from pygit2.enums import DiffOption

#: Above this many bytes on either side no diff is made: what it costs grows with the square of the lines that differ.
#: There a line is added where the old content holds it nowhere.
LARGE: Final = 8 << 20

_SIXTEEN: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def lines(data: bytes) -> tuple[tuple[int, str], ...]:
    """Return the lines of a text, numbered from 1, without their ends; nothing of a binary file, which holds a NUL.

    UTF-16 is read by its byte order mark, everything else as UTF-8; a byte that is none becomes U+FFFD. A mark is no
    part of the first line.
    """
    text = _text(data)
    return () if text is None else tuple(enumerate(_decoded(text), 1))


def added(old: bytes | None, new: bytes) -> tuple[tuple[int, str], ...]:
    """Return the lines of `new` that a diff against `old` adds, as `lines` numbers them. None: there was no file.

    What was binary before is as no file.
    """
    text = _text(new)
    before = None if old is None else _text(old)
    if text is None or text == before:
        return ()
    every = tuple(enumerate(_decoded(text), 1))
    if not before:
        return every
    if max(len(before), len(text)) > LARGE:
        known = frozenset(_decoded(before))
        return tuple(each for each in every if each[1] not in known)
    patch = pygit2.Patch.create_from(before, text, flag=DiffOption.FORCE_TEXT, context_lines=0)
    numbers = (line.new_lineno for hunk in patch.hunks for line in hunk.lines if line.origin == "+")
    return tuple(every[number - 1] for number in numbers)


def _text(data: bytes) -> bytes | None:
    """Return the text in UTF-8 as far as it is one, or None of a binary file."""
    if data.startswith(_SIXTEEN):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    return None if b"\0" in data else data.removeprefix(codecs.BOM_UTF8)


def _decoded(text: bytes) -> list[str]:
    found = text.decode("utf-8", "replace").split("\n")
    if not found[-1]:
        found.pop()  # what follows the last line's end is no line
    return [line.removesuffix("\r") for line in found]
