"""Changes to the text of a YAML file that leave every other byte as it is: pure, text in, text out.

Rewriting a whole file from its parsed form would lay it out anew and move comments between its entries. Here only
the span of the value in question changes. The caller parses the result and compares it with what was meant.
"""

from __future__ import annotations

from typing import Any

from gitferry.config.document import Item, Mapping, Node, Scalar, Sequence
from gitferry.config.render import block, entry, inline


def put(text: str, root: Mapping, place: tuple[str | int, ...], value: Any) -> str:
    """Return `text` with `value` at `place`; sections on the way that are missing are written too.

    Raises LookupError when the place leads through a plain value or beyond the end of a list.
    """
    node: Node = root
    for number, step in enumerate(place):
        rest = place[number + 1 :]
        if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        elif isinstance(node, Mapping) and isinstance(step, str) and step in node.items:
            item = node.items[step]
            if not rest or _is_null(item.value):
                return _set(text, item, _nested(rest, value))
            node = item.value
        elif isinstance(node, Mapping) and isinstance(step, str):
            return _add_key(text, node, step, _nested(rest, value))
        else:
            raise LookupError(step)
    raise LookupError(place)


def append(text: str, root: Mapping, key: str, value: dict[str, Any]) -> str:
    """Return `text` with an entry more at the end of the list at the top-level `key`, which may be missing."""
    if key not in root.items:
        return _lines_at(text, len(text), [f"{key}:", *entry(value, 2)])
    item = root.items[key]
    node = item.value
    if isinstance(node, Sequence) and node.items and not node.flow:
        return _lines_at(text, _line_end(text, _end(node)), entry(value, node.start.column))
    if isinstance(node, Sequence) and node.items:
        return _in_brackets(text, node, inline(value))
    bare = text[: _colon(text, item)] + text[_end(node) :]
    return _lines_at(bare, _line_end(bare, _colon(text, item)), entry(value, 2))


def remove(text: str, root: Mapping, key: str, number: int) -> str:
    """Return `text` without an entry of the list at the top-level `key`.

    Comments that are indented more than the entry's dash go with it; others stay.
    """
    node = root.items[key].value
    if not isinstance(node, Sequence):
        raise LookupError(key)
    if node.flow:
        kept = [text[each.start.index : _end(each)] for at, each in enumerate(node.items) if at != number]
        return f"{text[: node.start.index]}[{', '.join(kept)}]{text[node.end.index :]}"
    start = _dash(text, node, number)
    end = _own_comments_end(text, _line_end(text, _end(node.items[number])), node.start.column)
    without = text[:start] + text[end:]
    if len(node.items) > 1:
        return without
    colon = _colon(text, root.items[key])
    return f"{without[:colon]} []{without[colon:]}"


def _nested(place: tuple[str | int, ...], value: Any) -> Any:
    for step in reversed(place):
        if not isinstance(step, str):
            raise LookupError(step)
        value = {step: value}
    return value


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text is None


def _set(text: str, item: Item, value: Any) -> str:
    node = item.value
    if isinstance(node, Scalar) and node.written and text[node.start.index] not in "|>":
        return text[: node.start.index] + inline(value) + text[node.end.index :]
    # A value of several lines, or none at all: the new one stands on the key's line.
    end = _end(node)
    tail = text[end:] if end and text[end - 1] != "\n" else "\n" + text[end:]
    return f"{text[: _colon(text, item)]} {inline(value)}{tail}"


def _add_key(text: str, node: Mapping, key: str, value: Any) -> str:
    if node.flow:
        return _in_brackets(text, node, f"{inline(key)}: {inline(value)}")
    return _lines_at(text, _line_end(text, _end(node)), block({key: value}, node.start.column))


def _in_brackets(text: str, node: Mapping | Sequence, addition: str) -> str:
    close = node.end.index - 1
    inside = text[node.start.index + 1 : close].rstrip()
    before = text[: node.start.index + 1] + inside
    separator = "" if not node.items else " " if inside.endswith(",") else ", "
    return f"{before}{separator}{addition}{text[node.start.index + 1 + len(inside) : close]}{text[close:]}"


def _end(node: Node) -> int:
    """Return where the node's own text ends; the parser lets a block end only where the next thing begins."""
    if isinstance(node, Scalar) or node.flow:
        return node.end.index
    below: list[Node] = [item.value for item in node.items.values()] if isinstance(node, Mapping) else list(node.items)
    last_key = (
        max((item.key_end.index + 1 for item in node.items.values()), default=0) if isinstance(node, Mapping) else 0
    )
    return max(last_key, *(_end(each) for each in below)) if below else node.end.index


def _colon(text: str, item: Item) -> int:
    """Return the place after the key's colon."""
    return text.index(":", item.key_end.index) + 1


def _line_end(text: str, index: int) -> int:
    """Return the place after the line that holds the character before `index`."""
    if index and text[index - 1] == "\n":
        return index
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _lines_at(text: str, index: int, lines: list[str]) -> str:
    """Return `text` with whole lines put in at `index`, the beginning of a line or the end of the text."""
    gap = "\n" if index and text[index - 1] != "\n" else ""
    return text[:index] + gap + "\n".join(lines) + "\n" + text[index:]


def _dash(text: str, node: Sequence, number: int) -> int:
    """Return the beginning of the line of an entry's dash."""
    index = node.items[number].start.index
    while True:
        start = text.rfind("\n", 0, index) + 1
        if text.startswith("-", start + node.start.column) and not text[start : start + node.start.column].strip():
            return start
        if not start:
            raise LookupError(number)
        index = start - 1


def _own_comments_end(text: str, index: int, column: int) -> int:
    end = at = index
    while at < len(text):
        following = _line_end(text, at + 1)
        line = text[at:following]
        if line.strip() and not (line.lstrip().startswith("#") and len(line) - len(line.lstrip()) > column):
            break
        at = following
        if line.strip():
            end = at
    return end
