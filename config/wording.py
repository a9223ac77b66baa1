"""What the model refuses, said in our words: where, what is wrong, and what is allowed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gitferry.config import keys
from gitferry.config.document import Mapping, Node, Scalar, Sequence, find
from gitferry.config.faults import Fault
from gitferry.config.values import FAULT

Place = tuple[str | int, ...]

_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing the model refused, at a place of the document. `between`: single values are right, together not."""

    place: Place
    kind: str
    context: dict[str, Any]

    @property
    def between(self) -> bool:
        return self.kind == FAULT and not self.context.get("kind")


def refusals(error: ValidationError, root: Mapping) -> list[Refusal]:
    """Return what the model refused in `root`, without what follows only from another fault."""
    found = (
        Refusal(_placed(root, each["loc"], each.get("ctx", {})), each["type"], each.get("ctx", {}))
        for each in error.errors(include_url=False, include_input=False)
    )
    return [each for each in found if not _follows(root, each)]


def faults(refused: list[Refusal], root: Mapping, file: Path) -> list[Fault]:
    """Return a fault for each refusal; a value that several repositories inherit is one fault."""
    found: dict[tuple[int, int, str], Fault] = {}
    for each in refused:
        unknown = each.kind == "extra_forbidden"
        mark = _key_mark(root, each.place) if unknown else find(root, each.place)[1]
        fault = Fault(file, mark.line + 1, mark.column + 1, _message(root, each))
        found.setdefault((fault.line, fault.column, f"{each.kind} {each.place[-1:]}"), fault)
    return list(found.values())


def dotted(place: Place) -> str:
    """Return a place as a person writes it: `repositories[0].pull.every`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def nearest(word: str, known: list[str]) -> str:
    """Return `; did you mean …?` with the known word nearest to `word`, or nothing when none is near."""
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def _placed(root: Mapping, loc: Place, context: dict[str, Any]) -> Place:
    # A union's tag stands in pydantic's place and not in the file; `at` leads to the first of its keys that is written.
    place: list[str | int] = []
    for number, step in enumerate(loc):
        here = find(root, tuple(place))[0]
        absent = isinstance(step, str) and not (isinstance(here, Mapping) and step in here.items)
        if not (absent and number < len(loc) - 1):
            place.append(step)
    at = context.get("at", ())
    if not at:
        return tuple(place)
    here = find(root, tuple(place))[0]
    if all(isinstance(here, Mapping) and step in here.items for step in at[:1]) and len(at) > 1:
        below = find(here, at[:1])[0]
        if isinstance(below, Mapping):
            return (*place, *at)
        return (*place, at[0])
    written = next((step for step in at if isinstance(here, Mapping) and step in here.items), at[0])
    return (*place, written)


def _follows(root: Mapping, refusal: Refusal) -> bool:
    """Whether another fault says this already."""
    place = refusal.place
    holder = find(root, place[:-1])[0]
    broken = holder.broken if isinstance(holder, Mapping) else frozenset()
    if refusal.kind == "missing":
        # A repository's name and path are derived wherever that is possible; where not, the entry has no place.
        derived = len(place) == 3 and place[0] == "repositories" and place[-1] in ("name", "path")
        return derived or place[-1] in broken
    if refusal.kind == "too_short":  # pydantic counts only a list's valid entries
        node = find(root, place)[0]
        return isinstance(node, Sequence) and bool(node.items or place[-1] in broken)
    return refusal.between and bool(broken & set(refusal.context["at"]))


def _key_mark(root: Mapping, place: Place) -> Any:
    holder = find(root, place[:-1])[0]
    key = place[-1]
    if isinstance(holder, Mapping) and isinstance(key, str) and key in holder.items:
        return holder.items[key].key_start
    return find(root, place)[1]


def _message(root: Mapping, refusal: Refusal) -> str:
    if refusal.kind == "extra_forbidden":
        return _unknown_key(root, refusal.place)
    if refusal.between:
        return f"{dotted(refusal.place[:-1])}: {refusal.context['message']}"
    return _value(root, refusal)


def _value(root: Mapping, refusal: Refusal) -> str:
    place, kind = refusal.place, refusal.kind
    node, name = find(root, place)[0], dotted(place)
    field = keys.find(_with_tag(root, place[:-1]) + place[-1:])[1]
    if field is None:
        return f"{name}: not allowed here"
    shape = keys.shape(field)
    of_a_list = isinstance(place[-1], int)
    allowed = keys.allowed(field, item=of_a_list)
    if kind == "missing":
        return f"{name} is missing ({allowed})"
    if isinstance(node, Scalar) and node.text is None:
        return f"{name} has no value ({allowed}{'; [] for none' if shape.many and not of_a_list else ''})"
    if kind == "too_short" or (isinstance(node, Scalar) and node.text == ""):
        return f"{name} is empty ({allowed})"
    if len(shape.sections) > 1 and kind.startswith("union_tag"):
        return _union(name, node, shape)
    quoted = _quoted(node, private=shape.private or bool(shape.sections))
    problem = refusal.context["message"] if kind == FAULT else "is not allowed"
    hint = ""
    if shape.choices and isinstance(node, Scalar):
        hint = nearest(node.text or "", list(shape.choices))
    return f"{name}: {quoted} {problem}{hint} ({allowed})"


def _union(name: str, node: Node, shape: keys.Shape) -> str:
    tags = [found for found in map(keys.tag, shape.sections) if found]
    written = node.items["type"].value if isinstance(node, Mapping) and "type" in node.items else None
    allowed = f"type: {' | '.join(tags)}"
    if "credential" in tags:
        allowed = f"credential: NAME, or {allowed}"
    if isinstance(written, Scalar) and written.text is not None:
        return f"{name}: type {_quoted(written, private=False)} is not known{nearest(written.text, tags)} ({allowed})"
    if isinstance(node, Mapping):
        return f"{name} has no type ({allowed})"
    return f"{name}: {_quoted(node, private=True)} is not allowed ({allowed})"


def _unknown_key(root: Mapping, place: Place) -> str:
    key = str(place[-1])
    above = place[:-1]
    sections, _ = keys.find(_with_tag(root, above))
    known = list(dict.fromkeys(name for section in sections for name in keys.keys(section)))
    other = keys.elsewhere(key)
    if other and above[:1] == ("repositories",):
        other = other.removeprefix("defaults.")  # an entry has the same sections
    close = f"; did you mean {other}?" if other else nearest(key, known)
    where = f" in {dotted(above)}" if above else ""
    return f"unknown key {_clipped(key)}{where}{close} ({', '.join(known)})"


def _with_tag(root: Mapping, place: Place) -> Place:
    """Return `place` with the tag of the union that stands there, as written."""
    node = find(root, place)[0]
    written = node.items["type"].value if isinstance(node, Mapping) and "type" in node.items else None
    if isinstance(written, Scalar) and written.text:
        return (*place, written.text)
    sections, _ = keys.find(place)
    if len(sections) > 1 and isinstance(node, Mapping) and "credential" in node.items:
        return (*place, "credential")
    return place


def _quoted(node: Node, *, private: bool) -> str:
    """Return the value as written, for a message: never what a variable stands for, never a secret."""
    if isinstance(node, Mapping):
        return "a value with keys"
    if not isinstance(node, Scalar):
        return "a list"
    return "the text" if private else f'"{_clipped(node.written)}"'


def _clipped(text: str) -> str:
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return shown if len(shown) <= _LONGEST_QUOTE else f"{shown[:_LONGEST_QUOTE]}…"
