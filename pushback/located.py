"""A JSON or YAML text as the plain values that JSON Schema speaks of, and the line on which each of them stands.

YAML is read by the core schema of YAML 1.2.2 (chapter 10.3), as editors and other validators read it for JSON Schema:
`1.10` is a number and `"1.10"` a text, while `2026-01-02`, `yes` and `1:30` are texts, and keys are texts as they are
written. What JSON has no value for (`.nan`, `.inf`) is a text too. Tags but `!!str`, and aliases, are refused: nothing
is constructed and nothing unfolds. A key that stands twice counts with its last value, as it does in `repos.manifest`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

import yaml

from gitferry.repos.manifest import SIZE_LIMIT

#: Where a value stands: keys and indices from the outermost value on.
Where: TypeAlias = "Sequence[str | int]"

_DIGITS = 1000  # of one number; Python's own conversion grows with their square
_JSON_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]]|[^\s,:{}\[\]"]++')
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_STRING_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_COLLECTION_TAGS = frozenset({"!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is in every wheel and not in every distribution's


class Unreadable(Exception):
    """A text that is no JSON or YAML, or holds more than plain values. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(slots=True)
class Spot:
    """The line of a value and the spots of its parts; of what has a key, the line of the key."""

    line: int
    parts: dict[str | int, Spot] = field(default_factory=dict)

    def line_of(self, where: Where) -> int:
        """Return the line of what stands there, or of the innermost value around it that is known."""
        spot = self
        for part in where:
            if part not in spot.parts:
                break
            spot = spot.parts[part]
        return spot.line


@dataclass(frozen=True, slots=True)
class Located:
    """A text's value, and how to find lines in it."""

    value: object
    _text: str
    _spot: Spot | None  # of JSON found only when it is asked for

    def spot(self) -> Spot:
        """Return the spot of the outermost value."""
        return _json_spot(self._text) if self._spot is None else self._spot


def read(name: str, data: bytes) -> Located:
    """Return the value of a text, by its name's suffix: .yaml and .yml are YAML, all others JSON (RFC 8259).

    Raises `Unreadable`, also for more than `SIZE_LIMIT` bytes and for what is not UTF-8.
    """
    if len(data) > SIZE_LIMIT:
        raise Unreadable(1, f"it has {len(data):,} bytes, {SIZE_LIMIT:,} are allowed")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(data.count(b"\n", 0, error.start) + 1, "it is not UTF-8") from error
    try:
        return _read_yaml(text) if name.lower().endswith((".yaml", ".yml")) else _read_json(text)
    except RecursionError:
        raise Unreadable(1, "it is nested too deeply") from None


# --- JSON ---


def _read_json(text: str) -> Located:
    try:
        value: object = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno, error.msg) from error
    return Located(value, text, None)


def _json_spot(text: str) -> Spot:
    """Return the spots of a text that is known to be JSON."""
    builder = _Builder()
    line, at = 1, 0
    for found in _JSON_TOKEN.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        part = found.group()
        if part in "{[":
            builder.open(line, mapping=part == "{")
        elif part in "}]":
            builder.close()
        else:
            builder.scalar(line, json.loads(part) if part.startswith('"') else part, None)
    return builder.spot


def _no_number(text: str) -> NoReturn:
    raise Unreadable(1, f"it holds {text}, which is no JSON")


# --- YAML ---


def _read_yaml(text: str) -> Located:
    builder = _Builder()
    try:
        for event in _events(text):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.CollectionStartEvent):
                _require_tag(event.tag, _COLLECTION_TAGS, line)
                builder.open(line, mapping=isinstance(event, yaml.MappingStartEvent))
            elif isinstance(event, yaml.CollectionEndEvent):
                builder.close()
            elif isinstance(event, yaml.ScalarEvent):
                _require_tag(event.tag, _STRING_TAGS, line)
                plain = event.tag is None and event.implicit[0]
                builder.scalar(line, event.value, _plain(event.value, line) if plain else event.value)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, error.problem or "it is no YAML") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # PyYAML 6.0 lets chr() speak for itself
        raise Unreadable(1, "it is no YAML") from error
    return Located(builder.value, text, builder.spot)


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield the events of one document. Raises `Unreadable` for a second one and for aliases."""
    documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable(line, "aliases (*name) are not read")
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise Unreadable(line, "it holds more than one document")
        yield event


def _require_tag(tag: str | None, allowed: Iterable[str], line: int) -> None:
    if tag is not None and tag not in allowed:
        raise Unreadable(line, f"the tag {tag[:40]} is not read")


def _plain(text: str, line: int) -> object:
    """Return what a scalar without quotes means."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text, line)
    if _BASED.fullmatch(text):
        return int(text, 0) if len(text) <= _DIGITS else _integer(text, line)
    return _float(text, line) if _FLOAT.fullmatch(text) else text


# --- both ---


def _integer(text: str, line: int = 1) -> int:
    if len(text) > _DIGITS:
        raise Unreadable(line, f"it holds a number of {len(text):,} digits")
    return int(text)


def _float(text: str, line: int = 1) -> float:
    found = float(text)
    if math.isinf(found):
        raise Unreadable(line, "it holds a number that is too large")
    return found


@dataclass(slots=True)
class _Open:
    """A collection that is being read."""

    spot: Spot
    value: dict[str, object] | list[object]
    key: str | None = None  # of the value that comes next
    line: int = 1  # of that key


class _Builder:
    """Puts values and spots together from what a parser meets, in its order; nothing here recurses."""

    def __init__(self) -> None:
        self._outside: list[object] = []
        self._open = [_Open(Spot(1), self._outside)]

    @property
    def value(self) -> object:
        """The outermost value; None of an empty text."""
        return self._outside[0] if self._outside else None

    @property
    def spot(self) -> Spot:
        """The outermost value's spot."""
        return self._open[0].spot.parts.get(0, self._open[0].spot)

    def open(self, line: int, *, mapping: bool) -> None:
        """A mapping or list begins."""
        inside = self._open[-1]
        if isinstance(inside.value, dict) and inside.key is None:
            raise Unreadable(line, "a key that is no text")
        value: dict[str, object] | list[object] = {} if mapping else []
        self._open.append(_Open(self._put(line, value), value))

    def close(self) -> None:
        """The innermost mapping or list ends."""
        self._open.pop()

    def scalar(self, line: int, text: str, value: object) -> None:
        """A value without parts, or a key: its text then."""
        inside = self._open[-1]
        if isinstance(inside.value, dict) and inside.key is None:
            inside.key, inside.line = text, line
        else:
            self._put(line, value)

    def _put(self, line: int, value: object) -> Spot:
        inside = self._open[-1]
        if isinstance(inside.value, list):
            spot = inside.spot.parts[len(inside.value)] = Spot(line)
            inside.value.append(value)
        else:
            key = inside.key or ""
            spot = inside.spot.parts[key] = Spot(inside.line)
            inside.value[key], inside.key = value, None
        return spot
