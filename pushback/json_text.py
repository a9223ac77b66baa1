"""Reads a JSON text (RFC 8259) into a tree of entries with their places. Line ends are line feeds."""

from __future__ import annotations

import json
import re

from gitferry.pushback.text_tree import DEPTH_LIMIT, NODE_LIMIT, Form, Lines, Node, Tree, brackets
from gitferry.pushback.value import Atom, Unsettled, Value

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LITERAL = re.compile(r"true|false|null")


def scan(text: str) -> Tree:
    """Return the tree of a JSON text. Raises `Unsettled` where it is none, or has a key twice or too many parts."""
    scanner = _Scanner(text)
    start = scanner.space(0)
    root = scanner.value(start, 0)
    if scanner.space(root.end) != len(text):
        raise Unsettled("text behind the value")
    return Tree(text[:start], root, text[root.end :])


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = Lines(text)
        self.nodes = 0

    def space(self, at: int) -> int:
        """Return the place behind white space."""
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def value(self, at: int, depth: int) -> Node:
        self.nodes += 1
        if depth > DEPTH_LIMIT or self.nodes > NODE_LIMIT:
            raise Unsettled("it has too many levels or parts")
        if self.text.startswith(("{", "["), at):
            return self._container(at, depth)
        if found := _STRING.match(self.text, at):
            return self._plain(found, Atom("string", json.loads(found.group())))
        if found := _NUMBER.match(self.text, at):
            return self._plain(found, Atom("number", found.group()))
        if found := _LITERAL.match(self.text, at):
            return self._plain(found, Atom("literal", found.group()))
        raise Unsettled("no JSON value")

    def _plain(self, found: re.Match[str], value: Value) -> Node:
        return Node(self.text, found.start(), found.end(), Form.PLAIN, value)

    def _container(self, at: int, depth: int) -> Node:
        text, keyed = self.text, self.text[at] == "{"
        close = "}" if keyed else "]"
        raw: list[tuple[int, Atom | None, Node]] = []
        commas: list[int] = []
        place = self.space(at + 1)
        while not (text.startswith(close, place) and not raw):
            start, key = place, None
            if keyed:
                key, place = self._key(place)
            node = self.value(place, depth + 1)
            raw.append((start, key, node))
            place = self.space(node.end)
            if not text.startswith(",", place):
                break
            commas.append(place)
            place = self.space(place + 1)
        if not text.startswith(close, place):
            raise Unsettled(f"no {close}")
        return brackets(self.lines, at, place + 1, raw, commas)

    def _key(self, at: int) -> tuple[Atom, int]:
        found = _STRING.match(self.text, at)
        colon = self.space(found.end()) if found else at
        if found is None or not self.text.startswith(":", colon):
            raise Unsettled("no key")
        return Atom("string", json.loads(found.group())), self.space(colon + 1)
