"""The model seen as a tree of keys: what is allowed at each, and how its value is written."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gitferry.config.model import Section, Settings
from gitferry.config.values import Kind

MASK = "********"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a key's value looks like, without its bounds."""

    kind: Kind | None = None
    choices: tuple[str, ...] = ()
    sections: tuple[type[Section], ...] = ()
    plain: type | None = None
    many: bool = False
    optional: bool = False

    @property
    def secret(self) -> bool:
        """Whether the value is a secret."""
        return self.plain is SecretStr

    @property
    def private(self) -> bool:
        """Whether the value is a secret or may hold one, and must not be repeated."""
        return self.secret or (self.kind is not None and self.kind.private)


def keys(section: type[Section]) -> dict[str, FieldInfo]:
    """Return the keys of a section as they are written, its own before those it shares with other sections."""
    shared = {name for base in section.__bases__ if issubclass(base, Section) for name in base.model_fields}
    fields = sorted(section.model_fields.items(), key=lambda each: each[0] in shared)
    return {field.alias or name: field for name, field in fields}


def shape(field: FieldInfo) -> Shape:
    """Return what the key's value looks like."""
    return _shape(field.annotation, tuple(field.metadata))


def _shape(annotation: Any, metadata: tuple[object, ...]) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shape(arguments[0], (*metadata, *arguments[1:]))
    if origin is Literal:
        return Shape(choices=tuple(map(str, arguments)))
    if origin is tuple:
        return replace(_shape(arguments[0], ()), many=True)
    if origin in (Union, types.UnionType):
        return _shape_of_union(arguments, metadata)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return Shape(sections=(annotation,))
    return Shape(kind=next((each for each in metadata if isinstance(each, Kind)), None), plain=annotation)


def _shape_of_union(arguments: tuple[Any, ...], metadata: tuple[object, ...]) -> Shape:
    members = [_shape(each, metadata) for each in arguments if each is not type(None)]
    optional = type(None) in arguments
    if len(members) == 1:
        return replace(members[0], optional=optional)
    return Shape(sections=tuple(found for each in members for found in each.sections), optional=optional)


def tag(section: type[Section]) -> str | None:
    """Return what `type` says in this member of a union; None for a section that is no such member."""
    field = section.model_fields.get("type")
    choices = shape(field).choices if field else ()
    return choices[0] if len(choices) == 1 else None


def find(place: tuple[str | int, ...]) -> tuple[tuple[type[Section], ...], FieldInfo | None]:
    """Return the sections at `place` (several for a union) and the key's field; no sections for a plain value.

    `place` may hold a union's tags and positions in lists. Both are empty for a place the model does not have.
    """
    sections: tuple[type[Section], ...] = (Settings,)
    field: FieldInfo | None = None
    for step in place:
        if isinstance(step, int):
            continue
        tagged = tuple(each for each in sections if tag(each) == step)
        found = next((keys(each)[step] for each in sections if step in keys(each)), None)
        if found is not None:
            field = found
            sections = shape(field).sections
        elif tagged:
            sections = tagged
        else:
            return (), None
    return sections, field


def allowed(field: FieldInfo, *, item: bool = False) -> str:
    """Return what the key's value may be, for a person; with `item`, what one entry of its list may be."""
    found = shape(field)
    text = _allowed_one(found, field)
    if found.many and not item:
        least = "at least one " if any(isinstance(each, MinLen) for each in field.metadata) else ""
        text = f"a list of {least and 'at least one: '}{text}"
    return f"{text}, or null" if found.optional else text


def _allowed_one(found: Shape, field: FieldInfo) -> str:
    if found.choices:
        return " | ".join(found.choices)
    if found.sections:
        tags = [name for name in map(tag, found.sections) if name]
        return f"type: {' | '.join(tags)}" if tags else f"keys {', '.join(keys(found.sections[0]))}"
    if found.plain is bool:
        return "true | false"
    bounds = _bounds(field, found.kind.write if found.kind else str)
    text = found.kind.allowed if found.kind else "a whole number" if found.plain is int else "a text"
    return f"{text}; {bounds}" if bounds else text


def _bounds(field: FieldInfo, write: Callable[[Any], str]) -> str:
    low = high = ""
    for each in field.metadata:
        if isinstance(each, Ge):
            low = write(each.ge)
        elif isinstance(each, Gt):
            low = f"above {write(each.gt)}"
        elif isinstance(each, Le):
            high = write(each.le)
    if low and high:
        return low if low == high else f"{low} to {high}" if not low.startswith("above") else f"{low}, up to {high}"
    return f"at least {low}" if low else f"at most {high}" if high else ""


def written(field: FieldInfo, value: object) -> Any:
    """Return a key's value as a settings file writes it: texts, numbers, lists and dictionaries; secrets masked."""
    return _written(shape(field), value)


def _written(found: Shape, value: object) -> Any:
    if isinstance(value, Section):
        return {key: written(field, getattr(value, name)) for name, key, field in _attributes(type(value))}
    if isinstance(value, tuple):
        return [_written(found, each) for each in value]
    if isinstance(value, SecretStr):
        return MASK
    if value is None or isinstance(value, bool):
        return value
    if found.kind is not None:
        return found.kind.write(value)
    return str(value) if isinstance(value, Path) else value


def default(field: FieldInfo) -> Any:
    """Return the default as a settings file writes it; PydanticUndefined where the key has none."""
    value = field.get_default(call_default_factory=True, validated_data={})
    return value if value is PydanticUndefined else written(field, value)


def elsewhere(name: str) -> str | None:
    """Return the dotted key that ends in `name`, when exactly one of the whole model does."""
    # `defaults` and `repositories` hold the same keys: the first is looked through, the second named by its own.
    places = {place for place in _places(Settings, ()) if place.rpartition(".")[2] == name}
    return places.pop() if len(places) == 1 else None


def _places(section: type[Section], above: tuple[str, ...]) -> Iterator[str]:
    for key, field in keys(section).items():
        place = (*above, key)
        yield ".".join(place)
        found = shape(field)
        if len(found.sections) == 1 and not found.many:
            yield from _places(found.sections[0], place)


def _attributes(section: type[Section]) -> Iterator[tuple[str, str, FieldInfo]]:
    return ((name, field.alias or name, field) for name, field in section.model_fields.items())
