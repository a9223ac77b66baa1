"""What a JSON or YAML text means: values that keep how a number is written, so that 1, 1.0 and true are three things.

Read by the parsers that everybody uses, apart from the scanners that find places in a text: what the scanners put
together is measured by this.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is in every wheel and not in every distribution's
#: What PyYAML raises; its parser in Python lets chr() speak for itself about "\\U00110000" (PyYAML 6.0).
YAML_FAULTS = (yaml.YAMLError, ValueError, OverflowError)


class Unsettled(Exception):
    """Structure gives no certain answer: the conflict stays a conflict. Never leaves `structure.merge_text`."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A value without parts. `kind` is "string", "number" or "literal" in JSON, in YAML the tag that it resolves to."""

    kind: str
    text: str


#: Equal where the meaning is: the order of a mapping's keys is layout, the order of a list is not.
Value: TypeAlias = "Atom | dict[Atom, Value] | list[Value]"

_LITERALS = {None: "null", True: "true", False: "false"}


def read_json(text: str) -> Value:
    """Return the value of a JSON text (RFC 8259). Raises `Unsettled` for anything else, and for a key given twice.

    The text is nested no deeper than Python's own recursion allows: the caller has looked.
    """
    try:
        found: object = json.loads(
            text, object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_no_number
        )
    except ValueError as error:
        raise Unsettled(str(error)) from error
    return _lifted(found)


def read_yaml(text: str) -> Value:
    """Return the value of a YAML text of one document. Raises `Unsettled` for anything else, and for a key given twice.

    The text holds no aliases and is nested no deeper than Python's own recursion allows: the caller has looked.
    """
    try:
        root = yaml.compose(text, Loader=LOADER)
    except YAML_FAULTS as error:
        raise Unsettled("it is no YAML") from error
    return _node(root)


def mapping(pairs: Sequence[tuple[Atom, Value]]) -> dict[Atom, Value]:
    """Return the pairs as a mapping. Raises `Unsettled` where two keys read alike, whatever their kinds.

    `1` and `"1"`, `yes` and `"yes"` are one key to some readers and two to others.
    """
    if len({key.text for key, _ in pairs}) < len(pairs):
        raise Unsettled("a key stands twice")
    return dict(pairs)


def _object(pairs: list[tuple[str, object]]) -> dict[Atom, Value]:
    return mapping([(Atom("string", key), _lifted(value)) for key, value in pairs])


def _number(text: str) -> Atom:
    return Atom("number", text)


def _no_number(text: str) -> NoReturn:
    raise Unsettled(f"{text} is no JSON")  # Python reads NaN and Infinity; RFC 8259 has no such numbers


def _lifted(found: object) -> Value:
    if isinstance(found, str):
        return Atom("string", found)
    if isinstance(found, list):
        return [_lifted(each) for each in found]
    if found is None or isinstance(found, bool):
        return Atom("literal", _LITERALS[found])
    if isinstance(found, Atom | dict):
        return found
    raise Unsettled(f"no JSON value: {type(found).__name__}")


def _node(node: yaml.Node | None) -> Value:
    if isinstance(node, yaml.ScalarNode):
        return yaml_atom(node.tag, node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_node(each) for each in node.value]
    if isinstance(node, yaml.MappingNode):
        return mapping([(_yaml_key(key), _node(value)) for key, value in node.value])
    raise Unsettled("it is empty")


def _yaml_key(node: yaml.Node) -> Atom:
    if not isinstance(node, yaml.ScalarNode):
        raise Unsettled("a key that is a collection")
    return yaml_atom(node.tag, node.value)


def yaml_atom(tag: str, text: str) -> Atom:
    """Return the value of a YAML scalar; however null is written, it is null."""
    return Atom(tag, "" if tag == "tag:yaml.org,2002:null" else text)
