"""What a task's manifest says of it: name, version and uuid, read from JSON or YAML.

Values are the text as written: `version: 1.0` is "1.0" in both formats. A key that stands twice is read as its last
value, with a warning, since real manifests have such keys. YAML is only ever parsed into events (YAML 1.1, chapter
3.1), so that no tag constructs anything, and aliases, with which a small file unfolds into a large one, are refused.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from gitferry.config.errors import GitferryError

#: Bytes a manifest may have.
SIZE_LIMIT = 1024 * 1024
_FIELDS = ("name", "version", "uuid")
_YAML_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is in every wheel and not in every distribution's


@dataclass(frozen=True, slots=True)
class Manifest:
    """A task's own words about itself; None where it says nothing. `warnings` are sentences for the user."""

    name: str | None = None
    version: str | None = None
    uuid: str | None = None
    warnings: tuple[str, ...] = ()


class ManifestFault(GitferryError):
    """A manifest that cannot be read: its task is invalid. `line` and `column` count from 1."""

    def __init__(self, name: str, line: int, column: int, message: str) -> None:
        super().__init__(f"{name}:{line}:{column}: {message}", "correct the manifest; its task waits until then")
        self.line = line
        self.column = column
        self.message = message


def which(names: Collection[str], manifests: Sequence[str]) -> str | None:
    """Return the manifest of a directory that holds the files `names`: the first of `manifests` (settings) present."""
    return next((name for name in manifests if name in names), None)


def read(name: str, data: bytes) -> Manifest:
    """Return what the manifest `name` says, by its suffix (.json, .yaml, .yml). Raises `ManifestFault`."""
    if len(data) > SIZE_LIMIT:
        raise ManifestFault(name, 1, 1, f"the manifest has {len(data)} bytes, {SIZE_LIMIT} are allowed")
    text = _decode(name, data)
    suffix = name.rpartition(".")[2].lower()
    try:
        if suffix == "json":
            return _manifest(*_read_json(name, text))
        if suffix in ("yaml", "yml"):
            return _manifest(*_read_yaml(name, text))
    except RecursionError:
        raise ManifestFault(name, 1, 1, "it is nested too deeply") from None
    raise ManifestFault(name, 1, 1, "its format is unknown (.json, .yaml or .yml are read)")


def _decode(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        raise ManifestFault(name, line, column, "it is not UTF-8") from error


def _manifest(values: dict[str, str | None], warnings: list[str]) -> Manifest:
    fields = {key: _one_line(key, values.get(key), warnings) for key in _FIELDS}
    return Manifest(**fields, warnings=tuple(warnings))


def _one_line(key: str, value: str | None, warnings: list[str]) -> str | None:
    """Return `value` as it may stand in a commit message or on a terminal; None when nothing is left."""
    if value is None:
        return None
    line = " ".join(value.split())
    shown = "".join(character for character in line if character.isprintable())
    if shown != line:
        warnings.append(f"the {key} holds control characters, which are left out")
    return shown or None


# --- JSON ---


def _read_json(name: str, text: str) -> tuple[dict[str, str | None], list[str]]:
    warnings: list[str] = []

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(items)
        if len(found) < len(items):
            keys = [key for key, _ in items]
            doubled = sorted({key for key in keys if keys.count(key) > 1})
            warnings.extend(_doubled(key) for key in doubled)
        return found

    try:
        # Numbers stay text: 1.10 is a version, and neither its zero nor a long integer may be lost.
        value = json.loads(text, object_pairs_hook=pairs, parse_float=str, parse_int=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise ManifestFault(name, error.lineno, error.colno, error.msg) from error
    if not isinstance(value, dict):
        raise ManifestFault(name, 1, 1, "it is no object with keys")
    values: dict[str, str | None] = {}
    for key in _FIELDS:
        found = value.get(key)
        if found is None or isinstance(found, str):
            values[key] = found
        else:
            warnings.append(_no_text(key))
    return values, warnings


# --- YAML ---


@dataclass(slots=True)
class _Collection:
    """One mapping or sequence that is being read."""

    mapping: bool
    keys: set[str] = field(default_factory=set)
    key: str | None = None  # the key whose value comes next
    value_next: bool = False


class _Reading:
    """Follows the events of one document and keeps the top-level fields."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[str, str | None] = {}
        self.warnings: list[str] = []
        self.documents = 0
        self._open: list[_Collection] = []

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise self._fault(event, "aliases (*name) are not read")
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self._fault(event, "it holds more than one document")
        elif isinstance(event, yaml.ScalarEvent):
            if not self._open:
                raise self._fault(event, "it is no mapping with keys")
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        if self._open:
            self._value(None, is_text=False)
        elif not mapping:
            raise self._fault(event, "it is no mapping with keys")
        self._open.append(_Collection(mapping))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        inside = self._open[-1]
        if not inside.mapping or inside.value_next:
            null = event.implicit[0] and event.value in _YAML_NULL  # implicit: plain, neither quoted nor tagged
            self._value(None if null else event.value, is_text=True)
            return
        if event.value in inside.keys:
            self.warnings.append(_doubled(event.value))
        inside.keys.add(event.value)
        inside.key, inside.value_next = event.value, True

    def _value(self, text: str | None, *, is_text: bool) -> None:
        """Note what stands where a value, an item or a key that is itself a collection may stand."""
        inside = self._open[-1]
        if not inside.mapping:
            return
        key, inside.key = inside.key, None
        inside.value_next = not inside.value_next
        if len(self._open) == 1 and key in _FIELDS:
            self.values[key] = text
            if not is_text:
                self.warnings.append(_no_text(key))

    def _fault(self, event: yaml.Event, message: str) -> ManifestFault:
        return ManifestFault(self.name, *_position(event.start_mark), message)


def _read_yaml(name: str, text: str) -> tuple[dict[str, str | None], list[str]]:
    reading = _Reading(name)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reading.take(event)
    except yaml.MarkedYAMLError as error:
        raise ManifestFault(
            name, *_position(error.problem_mark or error.context_mark), error.problem or "it is no YAML"
        ) from error
    except yaml.YAMLError as error:
        raise ManifestFault(name, 1, 1, " ".join(str(error).split())) from error
    if not reading.documents:
        raise ManifestFault(name, 1, 1, "it is empty")
    return reading.values, reading.warnings


class _Mark(Protocol):
    """A place in a text, counted from 0; the two parsers have a class each."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


def _position(mark: _Mark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _doubled(key: str) -> str:
    return f"the key {key!r} stands more than once; its last value is read"


def _no_text(key: str) -> str:
    return f"{key} is neither text nor a number and is not read"
