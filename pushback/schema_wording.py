"""What a JSON Schema refuses, in words: which key, what is wrong, what is allowed. Pure.

No text of the document is repeated, since it may be a secret; its keys are, and what the schema says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gitferry.config.listing import first_of

_SHOWN = 60  # characters of what a schema says
_FEW = 5  # of the values or keys that are listed
_PLAIN_KEY = re.compile(r"[\w$-]+")
_SWITCHES = ("yes", "no", "on", "off", "y", "n")  # booleans of YAML 1.1, and texts since
_PHRASES = {
    "pattern": "does not match the pattern {}",
    "const": "must be {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be greater than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "uniqueItems": "has an item twice",
    "minProperties": "must have at least {} keys",
    "maxProperties": "must have at most {} keys",
    "not": "has a form that is not allowed",
    "unevaluatedProperties": "has a key that is not allowed",
    "unevaluatedItems": "has an item that is not allowed",
}


class Error(Protocol):
    """What of a `jsonschema.ValidationError` is looked at."""

    @property
    def validator(self) -> str | None: ...
    @property
    def validator_value(self) -> object: ...
    @property
    def instance(self) -> object: ...
    @property
    def schema(self) -> object: ...
    @property
    def context(self) -> Sequence[Error]: ...
    @property
    def relative_path(self) -> Sequence[str | int]: ...
    @property
    def absolute_path(self) -> Iterable[str | int]: ...
    @property
    def absolute_schema_path(self) -> Iterable[str | int]: ...


@dataclass(frozen=True, slots=True)
class Said:
    """Where an error is, as keys and indices, and what it is."""

    where: tuple[str | int, ...]
    message: str


def said(error: Error) -> Said:
    """Return one error in words. Its place is the key, where a key is what is wrong."""
    where = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path and isinstance(error.instance, str):
        return Said((*where, error.instance), f"the key {shown(error.instance)} {_what(error)}")
    extra = _extra(error)
    if extra:
        return Said((*where, extra[0]), f"{_place(where)} must not have {_keys(extra)}")
    return Said(where, f"{_place(where)} {_what(error)}")


def _what(error: Error) -> str:
    """Return what is wrong, as it goes on behind a name."""
    if error.validator is None or (error.validator == "not" and error.validator_value == {}):  # the schema `false`
        return "is not allowed"
    if error.validator in _WORDS:
        return _WORDS[error.validator](error)
    value = shown(error.validator_value)
    if error.validator in _PHRASES:
        return _PHRASES[error.validator].format(value)
    return f"does not satisfy `{error.validator}: {value}`"


def _required(error: Error) -> str:
    wanted, found = error.validator_value, error.instance
    if not isinstance(wanted, Sequence) or not isinstance(found, Mapping):
        return "is missing something"  # draft 3, where the key itself is marked
    return f"needs {_keys([name for name in wanted if name not in found])}"


def _type(error: Error) -> str:
    wanted, found = error.validator_value, error.instance
    names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, Sequence) else []
    types = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    is_type = types.get(type(found), "null")
    advice = ": put it in quotes" if "string" in names and is_type in ("number", "boolean") else ""
    if "boolean" in names and isinstance(found, str) and found.lower() in _SWITCHES:
        advice = ": write true or false"
    return f"must be of type {' or '.join(str(name) for name in names)}, not {is_type}{advice}"


def _enum(error: Error) -> str:
    allowed = error.validator_value
    choices = [shown(each) for each in allowed] if isinstance(allowed, Sequence) else []
    return f"must be one of {first_of(choices, _FEW)}"


def _any_of(error: Error) -> str:
    """Say what each form wants, where they are few and all of them about this value itself."""
    if len(error.context) > _FEW or any(each.relative_path for each in error.context):
        return "has none of the forms that are allowed"
    forms = dict.fromkeys(_what(each) for each in error.context)
    return ", or ".join(forms) or "has more than one of the forms, and only one is allowed"


_WORDS: Mapping[str, Callable[[Error], str]] = {
    "required": _required,
    "type": _type,
    "enum": _enum,
    "anyOf": _any_of,
    "oneOf": _any_of,
}


def _extra(error: Error) -> list[str]:
    """Return the keys that are not allowed, where that is the error."""
    schema, found = error.schema, error.instance
    if error.validator != "additionalProperties" or error.validator_value is not False:
        return []
    if not isinstance(schema, Mapping) or not isinstance(found, Mapping):
        return []
    patterns = schema.get("patternProperties", {})
    named = schema.get("properties", {})
    return [name for name in found if name not in named and not any(re.search(each, name) for each in patterns)]


def _place(where: Iterable[str | int]) -> str:
    """Return a place as people write it: steps[2].name."""
    text = ""
    for part in where:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part)}]"
    return (text if len(text) <= _SHOWN else "…" + text[1 - _SHOWN :]) or "it"


def _keys(names: Sequence[object]) -> str:
    return f"the key{'s' * (len(names) > 1)} {first_of([shown(name) for name in names], _FEW)}"


def shown(value: object) -> str:
    """Return a value as JSON, on one line and not too long."""
    text = json.dumps(value, ensure_ascii=False)
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
