"""Reads a YAML text (1.1, one document) into a tree of entries with their places. Line ends are line feeds.

The parser says where scalars and brackets stand; which lines, dashes and comments belong to an entry is found here.
Anchors, aliases, tags, merge keys, directives and complex keys are refused: what they stand for depends on places
elsewhere, so that an entry's text alone does not say what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import yaml

from gitferry.pushback.text_tree import DEPTH_LIMIT, NODE_LIMIT, Entry, Form, Lines, Node, Tree, brackets
from gitferry.pushback.value import LOADER, YAML_FAULTS, Atom, Unsettled, Value, mapping, yaml_atom

#: Line breaks to YAML and to nobody else, and the mark of a byte order in the middle of a text.
_DOUBTFUL = re.compile("[\r\x85\u2028\u2029\ufeff]")
_COMMENT = re.compile(r"#[^\n]*")
_BLANK = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_BLANK_LINES = re.compile(r"(?:[ \t]*+\n)*+")
_REST = re.compile(r"[ \t]*(?:[ \t]#[^\n]*)?(?:\n|\Z)")
_COLON = re.compile(r"\s*:\s*")
_MARKER = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+---[ \t]*(?:[ \t]#[^\n]*)?\n")


def scan(text: str) -> Tree:
    """Return the tree of a YAML text whose last line is ended. Raises `Unsettled` where it is none, or holds more."""
    if _DOUBTFUL.search(text):
        raise Unsettled("line breaks that not every reader knows")
    try:
        found = _Reader(text).document()
    except YAML_FAULTS as error:
        raise Unsettled("it is no YAML") from error
    layout = _Layout(text)
    root = layout.root(found)
    gaps = [text[start:end] for start, end in _gaps(text, layout.scalars)]
    if any("\t" in _COMMENT.sub("", gap) for gap in gaps):
        raise Unsettled("tabs as white space, which PyYAML's two parsers do not take in the same places")
    comments = tuple(found.group().rstrip() for gap in gaps for found in _COMMENT.finditer(gap))
    return Tree(text[: root.start], root, text[root.end :], comments)


# --- What the parser finds ---


@dataclass(slots=True)
class _Found:
    """A scalar or collection, and the span that the parser gives it; of a block's end it has no exact notion."""

    event: yaml.NodeEvent
    start: int
    end: int
    keys: list[_Found] = field(default_factory=list)
    values: list[_Found] = field(default_factory=list)

    @property
    def pairs(self) -> list[tuple[_Found | None, _Found]]:
        """Keys and values; a list has no keys."""
        keys: list[_Found | None] = [*self.keys] if self.mapping else [None] * len(self.values)
        return list(zip(keys, self.values, strict=True))

    @property
    def flow(self) -> bool:
        return isinstance(self.event, yaml.CollectionStartEvent) and self.event.flow_style is True

    @property
    def mapping(self) -> bool:
        return isinstance(self.event, yaml.MappingStartEvent)


class _Reader:
    """Follows the parser's events, so that nothing is constructed and a bomb is noticed before it unfolds."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=LOADER)
        self._nodes = 0

    def document(self) -> _Found:
        next(self._events)  # the stream's start
        start = next(self._events)
        if not isinstance(start, yaml.DocumentStartEvent) or start.version or start.tags:
            raise Unsettled("it is empty, or has directives")
        found = self._node(next(self._events), 0)
        end = next(self._events)
        if not isinstance(end, yaml.DocumentEndEvent) or end.explicit:
            raise Unsettled("its end is marked")
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise Unsettled("it holds more than one document")
        return found

    def _node(self, event: yaml.Event, depth: int) -> _Found:
        self._nodes += 1
        if depth > DEPTH_LIMIT or self._nodes > NODE_LIMIT:
            raise Unsettled("it has too many levels or parts")
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) or event.anchor or event.tag:
            raise Unsettled("it holds aliases, anchors or tags")
        found = _Found(event, *_span(event))
        if isinstance(event, yaml.ScalarEvent):
            return found
        while not isinstance(event := next(self._events), yaml.CollectionEndEvent):
            if found.mapping:
                found.keys.append(self._node(event, depth + 1))
                event = next(self._events)
            found.values.append(self._node(event, depth + 1))
        found.end = _span(event)[1]
        return found


def _span(event: yaml.Event) -> tuple[int, int]:
    if event.start_mark is None or event.end_mark is None:
        raise Unsettled("the parser does not say where")  # both of PyYAML's parsers do, for every event
    return event.start_mark.index, event.end_mark.index


# --- Which text belongs to what ---


class _Layout:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = Lines(text)
        self.scalars: list[tuple[int, int]] = []  # in the text's order
        self._blank: dict[int, int] = {}
        self._resolver = yaml.resolver.Resolver()

    def root(self, found: _Found) -> Node:
        """Return the outermost collection, with the comments before and behind it where it is a block."""
        if isinstance(found.event, yaml.ScalarEvent):
            raise Unsettled("it is neither a mapping nor a list")
        marker = _MARKER.match(self.text)
        first = marker.end() if marker else 0
        if found.start < first:
            raise Unsettled("its first line is shared with the marker of its start")
        node = self._node(found, first, -1)
        if node.inline:
            raise Unsettled("its first line is shared with something else")
        if node.form is Form.BLOCK:
            node = replace(node, end=len(self.text), closing=node.closing + self.text[node.end :])
        return node

    def _node(self, found: _Found, first: int, parent: int) -> Node:
        """Return the node of what was found. `first` is where a block's lines begin, `parent` the column around it."""
        if isinstance(found.event, yaml.ScalarEvent):
            return self._scalar(found, found.event)
        if found.flow:
            return self._flow(found)
        return self._block(found, first, parent)

    def _scalar(self, found: _Found, event: yaml.ScalarEvent) -> Node:
        start, end = found.start, found.end
        if event.style in ("|", ">"):
            end = self._block_end(start, end)
        self.scalars.append((start, end))
        rigid = "\n" in self.text[start:end]
        return Node(self.text, start, end, Form.PLAIN, self._atom(event), rigid=rigid)

    def _atom(self, event: yaml.ScalarEvent) -> Atom:
        # types-PyYAML gives `resolve` no types.
        tag: str = self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
        return yaml_atom(tag, event.value)

    def _block_end(self, start: int, end: int) -> int:
        """Return the end of a block scalar's last line with text; of one that keeps its empty lines, their end."""
        header = self.text[start : self.lines.following(start)]
        if "+" in header.partition("#")[0]:
            return end
        return self.lines.following(start + len(self.text[start:end].rstrip()) - 1)

    def _key(self, found: _Found) -> Atom:
        if not isinstance(found.event, yaml.ScalarEvent):
            raise Unsettled("a key that is a collection")
        key = self._scalar(found, found.event)
        if not isinstance(key.value, Atom) or key.value.kind == "tag:yaml.org,2002:merge" or key.rigid:
            raise Unsettled("a merge key, or a key of several lines")
        return key.value

    # --- flow style ---

    def _flow(self, found: _Found) -> Node:
        """Return what stands in brackets; with comments between, or keys without a colon, it is taken as a whole."""
        raw: list[tuple[int, Atom | None, Node]] = []
        commas: list[int] = []
        told = self.text[found.start] in "{["
        left = found.start + 1
        for key, value in found.pairs:
            start = key.start if key else value.start
            atom = self._key(key) if key else None
            node = self._node(value, value.start, 0)
            told = told and self._gap(left, start, commas, comma=bool(raw))
            told = told and (key is None or bool(_COLON.fullmatch(self.text, key.end, node.start)))
            raw.append((start, atom, node))
            left = node.end
        told = told and self._gap(left, found.end - 1, commas, comma=bool(raw))
        if told:
            return brackets(self.lines, found.start, found.end, raw, commas)
        values: Value = [node.value for _, _, node in raw]
        if found.mapping:
            values = mapping([(atom, node.value) for _, atom, node in raw if atom is not None])
        rigid = "\n" in self.text[found.start : found.end]
        return Node(self.text, found.start, found.end, Form.PLAIN, values, rigid=rigid)

    def _gap(self, start: int, end: int, commas: list[int], *, comma: bool) -> bool:
        """Note the comma between two entries. Return whether nothing but white space is there beside it."""
        gap = self.text[start:end]
        if comma and "," in gap:
            commas.append(start + gap.index(","))
            gap = gap.replace(",", "", 1)
        return not gap.strip()

    # --- block style ---

    def _block(self, found: _Found, first: int, parent: int) -> Node:
        line = self.lines.start(found.start)
        inline = not _is_blank(self.text[line : found.start])
        column = found.start - line
        begin = left = found.start if inline else first
        entries: list[Entry] = []
        for key, value in found.pairs:
            at = key.start if key else self._dash(left) if entries else found.start
            lead = self.text[left:at] if entries or not inline else None
            if at - self.lines.start(at) != column or (lead is not None and not self._alone(at)):
                raise Unsettled("an entry that does not begin where its neighbours do")
            entry = self._entry(key, value, at, lead, column)
            entries.append(entry)
            left = entry.node.end + len(entry.trail)
        end = self._comments_end(left, column) if column > parent else left
        return Node(
            self.text,
            begin,
            end,
            Form.BLOCK,
            _value(entries, found),
            tuple(entries),
            closing=self.text[left:end],
            column=column,
            inline=inline,
            rigid=any(entry.node.rigid for entry in entries),
        )

    def _entry(self, key: _Found | None, value: _Found, at: int, lead: str | None, column: int) -> Entry:
        atom = self._key(key) if key else None
        first = self.lines.following(key.end if key else at)
        node = self._node(value, first, column)
        head = self.text[at : node.start]
        if key is not None and not self.text[key.end : node.start].lstrip(" \t").startswith(":"):
            raise Unsettled("a key without a colon")
        trail = ""
        block = isinstance(value.event, yaml.ScalarEvent) and value.event.style in ("|", ">")
        if node.form is not Form.BLOCK and not block:
            rest = _REST.match(self.text, node.end)
            if rest is None:
                raise Unsettled("a line that goes on behind its value")
            trail = rest.group()
        return Entry(atom, lead, head, node, "", trail, " " * column)

    def _dash(self, left: int) -> int:
        """Return the place of the next dash."""
        blank = _BLANK.match(self.text, left)
        at = blank.end() if blank else left
        if not self.text.startswith("-", at):
            raise Unsettled("no dash")
        return at

    def _alone(self, at: int) -> bool:
        """Return whether nothing but spaces stands before a place on its line: no tab, no question mark."""
        return not self.text[self.lines.start(at) : at].strip(" ")

    def _comments_end(self, left: int, column: int) -> int:
        """Return the end of the comments behind a block's last entry that are indented like its entries."""
        end = at = left
        while (at := self._past_blank(at)) < len(self.text):
            if not self.text.startswith("#", at + len(self.lines.indent(at))) or len(self.lines.indent(at)) < column:
                break
            end = at = self.lines.following(at)
        return end

    def _past_blank(self, at: int) -> int:
        """Return the first line from `at` on that holds something; remembered, since every level around asks again."""
        if at not in self._blank:
            found = _BLANK_LINES.match(self.text, at)
            self._blank[at] = found.end() if found else at
        return self._blank[at]


def _value(entries: list[Entry], found: _Found) -> Value:
    if found.mapping:
        return mapping([(entry.key, entry.node.value) for entry in entries if entry.key is not None])
    return [entry.node.value for entry in entries]


def _is_blank(text: str) -> bool:
    return not text.strip(" \t")


def _gaps(text: str, scalars: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Return what is outside the scalars, in order: a number sign begins a comment there, and nowhere else."""
    left = 0
    for start, end in scalars:
        yield left, start
        if text[start:end].startswith(("|", ">")):  # a comment may stand behind a block scalar's indicator
            yield start, text.index("\n", start, end)
        left = end
    yield left, len(text)
