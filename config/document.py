"""A YAML settings file as values that know where they stand; nothing in it is given a type yet.

Types are the model's business: `4`, `"4"` and `${N:-4}` are the same text here, so that `off`, `1.10` or `012`
never turn into something nobody wrote. Only an unquoted empty value, `~` or `null` is null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from gitferry.config.faults import Fault

SIZE_CAP = 1 << 20  # bytes
DEPTH_CAP = 20  # the deepest key of the settings has 7 levels

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_SYNTAX = "(YAML in UTF-8, one document, indented with spaces)"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text; all three count from 0."""

    line: int
    column: int
    index: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, or None for null. `written` is what the file says before variables are replaced."""

    text: str | None
    written: str
    start: Mark
    end: Mark


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list; `flow` when written in brackets."""

    items: tuple[Node, ...]
    start: Mark
    end: Mark
    flow: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A key's place and its value."""

    key_start: Mark
    key_end: Mark
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with values; `broken` names the keys whose value had a fault of its own and was left out."""

    items: dict[str, Item]
    start: Mark
    end: Mark
    flow: bool = False
    broken: frozenset[str] = frozenset()


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """A file's text, its mapping (None when there is none to speak of), and what is wrong with its form."""

    text: str
    root: Mapping | None
    faults: tuple[Fault, ...]


def read(data: bytes, file: Path) -> Document:
    """Return the document in `data`. Never raises for what a file may hold: that is in `faults`."""
    if len(data) > SIZE_CAP:
        return _nothing(file, "the file is larger than 1 MiB (at most 1MiB)")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        return _nothing(
            file,
            f"not UTF-8 {_SYNTAX}",
            before.count(b"\n") + 1,
            len(before.rpartition(b"\n")[2].decode("utf-8-sig", "replace")) + 1,
        )
    builder = _Builder(file)
    try:
        root = builder.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.reader.ReaderError as error:
        before_text = text[: error.position]
        column = len(before_text) - (before_text.rfind("\n") + 1)
        return _nothing(file, f"a control character {_SYNTAX}", before_text.count("\n") + 1, column + 1)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Document(
            text, None, (*builder.faults, Fault(file, line, column, f"not valid YAML: {error.problem} {_SYNTAX}"))
        )
    except _TooDeep:
        root = None
    return Document(text, root, tuple(builder.faults))


def plain(node: Node) -> object:
    """Return the node as dictionaries, lists, texts and None."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain(each) for each in node.items]
    return {key: plain(item.value) for key, item in node.items.items()}


def find(node: Node, place: tuple[str | int, ...]) -> tuple[Node, Mark]:
    """Return the node at `place`, and where to point: at a key's value, or at the key if nothing is there.

    Steps that are not in the document are skipped, so that a missing key points at what should hold it.
    """
    mark = node.start
    for step in place:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.items:
            item = node.items[step]
            node = item.value
            mark = node.start if node.start.index < node.end.index else item.key_start
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            mark = node.start
    return node, mark


def without(node: Node, place: tuple[str | int, ...]) -> Node:
    """Return the node with the value at `place` left out and its key marked broken; an entry of a list stays."""
    if not place:
        return node
    step, rest = place[0], place[1:]
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        items = (*node.items[:step], without(node.items[step], rest), *node.items[step + 1 :])
        return replace(node, items=items)
    if not isinstance(node, Mapping) or not isinstance(step, str) or step not in node.items:
        return node
    if rest:
        item = replace(node.items[step], value=without(node.items[step].value, rest))
        return replace(node, items={**node.items, step: item})
    kept = {key: item for key, item in node.items.items() if key != step}
    return replace(node, items=kept, broken=node.broken | {step})


def _nothing(file: Path, message: str, line: int = 1, column: int = 1) -> Document:
    return Document("", None, (Fault(file, line, column, message),))


class _TooDeep(Exception):
    """Nesting beyond the cap; the fault is already noted."""


@dataclass(slots=True)
class _Builder:
    """Builds nodes from the parser's events and collects faults of form; a faulty value is left out."""

    file: Path
    faults: list[Fault] = field(default_factory=list)

    def document(self, events: Iterator[Event]) -> Mapping | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fault(event, f"a second document {_SYNTAX}")
                    break
            elif not isinstance(event, StreamStartEvent | StreamEndEvent | DocumentEndEvent):
                root = self._node(event, events, 1)
                if root is not None and not isinstance(root, Mapping):
                    self._not_keys(event, root)
        if documents == 0:
            self.faults.append(Fault(self.file, 1, 1, "the file is empty (gitferry init writes one)"))
        return root if isinstance(root, Mapping) else None

    def _not_keys(self, event: Event, root: Node) -> None:
        empty = isinstance(root, Scalar) and root.text is None
        self._fault(event, "the file is empty (gitferry init writes one)" if empty else "no keys (KEY: VALUE lines)")

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node | None:
        if depth > DEPTH_CAP:
            self._fault(event, f"nested too deeply (at most {DEPTH_CAP} levels)")
            raise _TooDeep
        if isinstance(event, AliasEvent):
            self._fault(event, f"an alias *{event.anchor} (write the value out; anchors and aliases are not read)")
            return None
        marked = self._decorated(event)
        node: Node
        if isinstance(event, ScalarEvent):
            null = event.style is None and event.value in _NULLS
            node = Scalar(None if null else event.value, event.value, _start(event), _end(event))
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(event, events, depth)
        elif isinstance(event, MappingStartEvent):
            node = self._mapping(event, events, depth)
        else:  # the parser's grammar gives nothing else here
            raise AssertionError(event)
        return None if marked else node

    def _sequence(self, event: SequenceStartEvent, events: Iterator[Event], depth: int) -> Sequence:
        items: list[Node] = []
        for each in events:
            if isinstance(each, SequenceEndEvent):
                return Sequence(tuple(items), _start(event), _end(each), bool(event.flow_style))
            node = self._node(each, events, depth + 1)
            if node is not None:
                items.append(node)
        raise AssertionError("the parser ends every list it begins")

    def _mapping(self, event: MappingStartEvent, events: Iterator[Event], depth: int) -> Mapping:
        items: dict[str, Item] = {}
        broken: set[str] = set()
        for key_event in events:
            if isinstance(key_event, MappingEndEvent):
                return Mapping(items, _start(event), _end(key_event), bool(event.flow_style), frozenset(broken))
            key = self._node(key_event, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            if not isinstance(key, Scalar) or key.text is None:
                if key is not None:
                    self._fault(key_event, "a key that is no text (put a value that begins with { in quotes)")
            elif key.text in items:
                first = items[key.text].key_start.line + 1
                self._fault(key_event, f"{key.text} is written twice, first in line {first} (each key once)")
            elif value is None:
                broken.add(key.text)
            else:
                items[key.text] = Item(key.start, key.end, value)
        raise AssertionError("the parser ends every mapping it begins")

    def _decorated(self, event: Event) -> bool:
        tag, anchor = getattr(event, "tag", None), getattr(event, "anchor", None)
        if tag is not None:
            self._fault(event, f"a tag {tag} (the value alone; types come from the key)")
        if anchor is not None:
            self._fault(event, f"an anchor &{anchor} (write the value out; anchors and aliases are not read)")
        return tag is not None

    def _fault(self, event: Event, message: str) -> None:
        mark = _start(event)
        self.faults.append(Fault(self.file, mark.line + 1, mark.column + 1, message))


def _start(event: Event) -> Mark:
    mark = event.start_mark
    if mark is None:  # only events made by hand have no marks
        raise AssertionError(event)
    return Mark(mark.line, mark.column, mark.index)


def _end(event: Event) -> Mark:
    mark = event.end_mark
    if mark is None:
        raise AssertionError(event)
    return Mark(mark.line, mark.column, mark.index)
