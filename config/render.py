"""Plain values as YAML text that every YAML reader takes for the same value."""

from __future__ import annotations

import json
import re
from typing import Any

# Plain scalars only where no version of YAML reads anything but a text; the rest goes in double quotes.
_PLAIN = re.compile(r"[A-Za-z_/~.][A-Za-z0-9_/~.+%@=-]*(?::[A-Za-z0-9_/~.+%@=-]+)*|[0-9]+(?:\.[0-9]+)?(?:[A-Za-z]+|%)")
_NOT_TEXT = re.compile(r"~|null|true|false|yes|no|on|off|y|n|[.+-]?(inf|nan)|0[xob].*|[0-9.]+e[0-9]*|=|\.+", re.I)


def inline(value: Any) -> str:
    """Return the value on one line (lists in brackets, keys in braces)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inline(str(key))}: {inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    text = str(value)
    return text if _PLAIN.fullmatch(text) and not _NOT_TEXT.fullmatch(text) else _quoted(text)


def block(value: dict[str, Any], indent: int = 0) -> list[str]:
    """Return the lines of a mapping, its non-empty mappings and lists of mappings each on lines of their own."""
    margin = " " * indent
    lines: list[str] = []
    for key, each in value.items():
        if isinstance(each, dict) and each:
            lines += [f"{margin}{inline(key)}:", *block(each, indent + 2)]
        elif isinstance(each, list) and each and all(isinstance(one, dict) and one for one in each):
            lines.append(f"{margin}{inline(key)}:")
            for one in each:
                lines += entry(one, indent + 2)
        else:
            lines.append(f"{margin}{inline(key)}: {inline(each)}")
    return lines


def entry(value: dict[str, Any], indent: int) -> list[str]:
    """Return the lines of a mapping as an entry of a list, its dash at column `indent`."""
    lines = block(value, indent + 2)
    return [f"{' ' * indent}- {lines[0][indent + 2 :]}", *lines[1:]]


def _quoted(text: str) -> str:
    # JSON's escapes are YAML's too, but for what lies beyond 16 bits: those are written \U (YAML 1.2, 5.7).
    return "".join(_escaped(character) for character in json.dumps(text, ensure_ascii=False))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
