"""A JSON or YAML text as a tree of entries, every one of which knows its own text: put together, they are the text."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum, auto

from gitferry.pushback.value import Atom, Value, mapping

#: Levels of nesting, and parts of a text: beyond that it is no manifest, and reading it may be an attack.
DEPTH_LIMIT = 100
NODE_LIMIT = 20_000


class Form(Enum):
    """How a value is written."""

    PLAIN = auto()  # without parts, or with parts that are not told apart: taken whole or not at all
    BRACKETS = auto()  # {…} and […] with commas: JSON, and YAML's flow style
    BLOCK = auto()  # YAML's lines, told by their indentation


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its text. What a form does not have is empty.

    Brackets are `opening`, the entries with commas between them, `closing`. A block is its entries' whole lines, then
    `closing`: comments behind the last entry that are indented like it.
    """

    source: str
    start: int
    end: int
    form: Form
    value: Value
    entries: tuple[Entry, ...] = ()
    opening: str = ""  # the bracket, and what stands before a first entry on the same line
    closing: str = ""
    comma: bool = False  # behind the last entry too, as YAML allows
    column: int = 0  # of a block's entries
    inline: bool = False  # a block whose first entry stands behind a dash
    rigid: bool = False  # text of several lines in it, whose indentation may have a meaning

    @property
    def text(self) -> str:
        """The value's text."""
        return self.source[self.start : self.end]

    @property
    def mapping(self) -> bool:
        """Whether its entries have keys."""
        return isinstance(self.value, dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a mapping or list: `lead head value after , trail`, the comma in brackets only.

    `lead` is what stands above it, comments and the indentation of its own line; None where it begins on the line of
    its container. `head` is the key or dash up to the value. `trail` is the rest of the line. `indent` is the
    indentation of the line it begins on, or would have if it began one.
    """

    key: Atom | None  # of a mapping
    lead: str | None
    head: str
    node: Node
    after: str
    trail: str
    indent: str

    @property
    def core(self) -> tuple[str, str, str, str]:
        """The entry's text without what stands above it."""
        return (self.head, self.node.text, self.after, self.trail)


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole text: what stands before its value, the value, what stands behind it, and every comment in it."""

    before: str
    root: Node
    behind: str
    comments: tuple[str, ...] = ()


class Lines:
    """The lines of a text, ended by line feeds."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._indents = [found.group(1) for found in re.finditer(r"^([ \t]*)", text, re.MULTILINE)]

    def start(self, at: int) -> int:
        """Return the beginning of the line of a place."""
        return self._starts[bisect_right(self._starts, at) - 1]

    def following(self, at: int) -> int:
        """Return the beginning of the next line, or the text's end."""
        number = bisect_right(self._starts, at)
        return self._starts[number] if number < len(self._starts) else len(self.text)

    def indent(self, at: int) -> str:
        """Return the white space that the line of a place begins with."""
        return self._indents[bisect_right(self._starts, at) - 1]


def brackets(lines: Lines, start: int, end: int, raw: list[tuple[int, Atom | None, Node]], commas: list[int]) -> Node:
    """Return the node of `{…}` or `[…]` from where its entries begin, their keys and values, and its commas.

    There is a comma behind each entry but the last, which may have one.
    """
    text = lines.text
    entries: list[Entry] = []
    opening_end, left = start + 1, start + 1
    for number, (at, key, node) in enumerate(raw):
        gap = text[left:at]
        lead = gap if "\n" in gap or number else None
        if lead is None:
            opening_end = at
        after, trail, left = "", "", node.end
        if number < len(commas):
            after, left = text[node.end : commas[number]], commas[number] + 1
        if number + 1 < len(raw):
            trail = _rest_of_line(text, left, raw[number + 1][0])
            left += len(trail)
        entries.append(Entry(key, lead, text[at : node.start], node, after, trail, lines.indent(at)))
    if not raw:
        opening_end = left = end - 1
    value: Value
    if text[start] == "{":
        value = mapping([(entry.key, entry.node.value) for entry in entries if entry.key is not None])
    else:
        value = [entry.node.value for entry in entries]
    return Node(
        text,
        start,
        end,
        Form.BRACKETS,
        value,
        tuple(entries),
        opening=text[start:opening_end],
        closing=text[left:end],
        comma=bool(raw) and len(commas) == len(raw),
        rigid=any(entry.node.rigid for entry in entries),
    )


def _rest_of_line(text: str, start: int, end: int) -> str:
    line_end = text.find("\n", start, end)
    return "" if line_end < 0 else text[start:line_end]
