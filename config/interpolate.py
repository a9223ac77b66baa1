"""`${VAR}`, `${VAR:-default}` and `$$` in a value."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Unset(ValueError):
    """A variable has no value and no default was written."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is not set (${{{name}:-default}} gives a default)")


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with its variables replaced.

    A default stands for an unset or empty variable, as in sh(1), and may itself hold variables. A dollar before
    anything but `{` or `$` is a dollar. Raises Unset, or ValueError (with a message for a person) for bad syntax.
    """
    return _until(text, 0, variables, nested=False)[0]


def escape(text: str) -> str:
    """Return `text` so that `interpolate` gives it back unchanged."""
    return text.replace("$", "$$")


def _until(text: str, start: int, variables: Mapping[str, str], *, nested: bool) -> tuple[str, int]:
    parts: list[str] = []
    at = start
    while at < len(text):
        if nested and text[at] == "}":
            return "".join(parts), at
        if text.startswith("$$", at):
            parts.append("$")
            at += 2
        elif text.startswith("${", at):
            value, at = _variable(text, at + 2, variables)
            parts.append(value)
        else:
            parts.append(text[at])
            at += 1
    if nested:
        raise ValueError("holds ${ without its } ($$ is a dollar)")
    return "".join(parts), at


def _variable(text: str, start: int, variables: Mapping[str, str]) -> tuple[str, int]:
    match = _NAME.match(text, start)
    if match is None:
        raise ValueError("holds ${ without a variable's name (${VAR} or ${VAR:-default}; $$ is a dollar)")
    name = match[0]
    if text.startswith(":-", match.end()):
        default, end = _default(text, match.end() + 2, variables, used=not variables.get(name))
        return variables.get(name) or default, end
    if not text.startswith("}", match.end()):
        raise ValueError(f"holds ${{{name} without its }} (${{VAR}} or ${{VAR:-default}}; $$ is a dollar)")
    if name not in variables:
        raise Unset(name)
    return variables[name], match.end() + 1


def _default(text: str, start: int, variables: Mapping[str, str], *, used: bool) -> tuple[str, int]:
    # A default that is not needed may name unset variables: only its end is looked for.
    known = variables if used else _Anything()
    value, end = _until(text, start, known, nested=True)
    return value, end + 1


class _Anything(dict[str, str]):
    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> str:
        return ""
