"""Edits to the text of a manifest as a person makes them: a line or a few, the rest left as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import TypeAlias

WORDS = ("reliable", "fast", "nightly", "draft", "internal", "legacy", "checked", "beta")
TIMES = ("2025-01-02T03:04:05Z", "2025-05-06T07:08:09Z", "2025-09-10T11:12:13Z")
FRESH = {
    "maintainer": "ops@example.org",
    "homepage": "https://example.org/tasks",
    "priority": 5,
    "cache": True,
    "regions": ["eu", "us"],
    "contact": {"mail": "help@example.org", "room": 12},
}
KEPT = ("name", "uuid", "version")  # what nobody removes from a manifest
_TOP_YAML = re.compile(r"""["']?[\w-]+["']?:""")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_SCALAR = re.compile(
    r"""^(?P<head>\s*(?:-\s+)?["']?[\w-]+["']?:\s+)(?P<value>"[^"]*"|'(?:[^']|'')*'|[\w.:/@*-]+)(?P<rest>,?.*)$"""
)

#: Changes the lines in place; returns False where this manifest has no place for it.
Edit: TypeAlias = "Callable[[Sheet, Random], bool]"


class Sheet:
    """A manifest's lines, and which of them belong to which of its top-level entries."""

    def __init__(self, text: str, *, json: bool, focus: float) -> None:
        self.json = json
        self.lines = text.split("\n")
        self.focus = focus  # where in the file this person is at work: 0 is its beginning, 1 its end

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def indent(self) -> str:
        """The indentation of top-level entries."""
        if not self.json:
            return ""
        return re.match(r"\s*", self.lines[1]).group()  # type: ignore[union-attr] # it matches the empty text too

    def entries(self) -> list[tuple[int, int]]:
        """Return first and last line of each top-level entry, in YAML without comments and empty lines behind it."""
        starts = [number for number, line in enumerate(self.lines) if self._begins(line)]
        found = []
        for start, following in zip(starts, [*starts[1:], self._end()], strict=True):
            last = following - 1
            while last > start and (not self.lines[last].strip() or self._is_comment(last)):
                last -= 1
            found.append((start, last))
        return found

    def near(self, random: Random, places: list[int]) -> int:
        """Return one of some lines, most likely one near to where the person is at work."""
        spread = 2 + len(self.lines) // 10
        wanted = random.gauss(self.focus * len(self.lines), spread)
        return min(places, key=lambda place: abs(place - wanted))

    def _begins(self, line: str) -> bool:
        if self.json:
            return line.startswith(self.indent + '"')
        return bool(_TOP_YAML.match(line))

    def _end(self) -> int:
        if not self.json:
            return len(self.lines)
        return max(number for number, line in enumerate(self.lines) if line.startswith("}"))

    def _is_comment(self, number: int) -> bool:
        return not self.json and self.lines[number].startswith("#")


def bump_version(sheet: Sheet, random: Random) -> bool:
    """Raise one part of the version."""
    return _substitute(sheet, "version", lambda text: _VERSION.sub(lambda found: _raised(found, random), text, count=1))


def _raised(found: re.Match[str], random: Random) -> str:
    parts = [int(part) for part in found.groups()]
    at = random.choice((0, 1, 2, 2))
    raised = [*parts[:at], parts[at] + 1, *([0] * (2 - at))]
    return ".".join(map(str, raised))


def describe(sheet: Sheet, random: Random) -> bool:
    """Add a word to the description."""
    word = random.choice(WORDS)
    return _substitute(sheet, "description", lambda text: re.sub(r"(\w)([^\w]*)$", rf"\1, {word}\2", text, count=1))


def touch(sheet: Sheet, random: Random) -> bool:
    """Set the time of the last change."""
    return _substitute(sheet, "updated_at", lambda text: re.sub(r"20\d\d-[^\s\",]*", random.choice(TIMES), text))


def _substitute(sheet: Sheet, key: str, change: Callable[[str], str]) -> bool:
    for number, line in enumerate(sheet.lines):
        found = re.match(rf"""(\s*["']?{key}["']?:\s*)(.*)$""", line)
        if found and len(found.group(1)) - len(found.group(1).lstrip()) == len(sheet.indent):
            sheet.lines[number] = found.group(1) + change(found.group(2))
            return sheet.lines[number] != line
    return False


def set_value(sheet: Sheet, random: Random) -> bool:
    """Change a plain value, most likely one that is nested."""
    places = [number for number, line in enumerate(sheet.lines) if _SCALAR.match(line)]
    named = [
        number for number in places if re.match(r"""\s*(-\s+)?["']?(name|id|uuid|version)\b""", sheet.lines[number])
    ]
    places = [number for number in places if number not in named and not _in_block(sheet, number)]
    if not places:
        return False
    number = sheet.near(random, places)
    found = _SCALAR.match(sheet.lines[number])
    assert found
    value = found["value"]
    new = f'"{random.choice(WORDS)}"' if value[0] in "\"'" else str(random.randint(1, 99))
    sheet.lines[number] = found["head"] + new + found["rest"]
    return new != value


def add_key(sheet: Sheet, random: Random) -> bool:
    """Add an entry behind another one."""
    present = sheet.text
    free = [key for key in FRESH if f"{key}:" not in present and f'"{key}":' not in present]
    if not free:
        return False
    key = random.choice(free)
    entries = sheet.entries()
    at = [last for _, last in entries].index(sheet.near(random, [last for _, last in entries]))
    last = entries[at][1]
    if not sheet.json:
        sheet.lines[last + 1 : last + 1] = _yaml_entry(key, FRESH[key])
        return True
    new = _json_entry(key, FRESH[key], sheet.indent)
    if at + 1 == len(entries):
        sheet.lines[last] += ","
    else:
        new[-1] += ","
    sheet.lines[last + 1 : last + 1] = new
    return True


def _yaml_entry(key: str, value: object) -> list[str]:
    if isinstance(value, list):
        return [f"{key}:", *(f"  - {each}" for each in value)]
    if isinstance(value, dict):
        return [f"{key}:", *(f"  {inner}: {each}" for inner, each in value.items())]
    return [f"{key}: {str(value).lower() if isinstance(value, bool) else value}"]


def _json_entry(key: str, value: object, indent: str) -> list[str]:
    if isinstance(value, list):
        return [f'{indent}"{key}": [' + ", ".join(f'"{each}"' for each in value) + "]"]
    if isinstance(value, dict):
        inner = [f'{indent * 2}"{name}": {_json(each)},' for name, each in value.items()]
        return [f'{indent}"{key}": {{', *inner[:-1], inner[-1].removesuffix(","), f"{indent}}}"]
    return [f'{indent}"{key}": {_json(value)}']


def _json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'


def remove_key(sheet: Sheet, random: Random) -> bool:
    """Remove an entry, in YAML with the comments above it."""
    entries = sheet.entries()
    kept = re.compile(rf"""\s*["']?({"|".join(KEPT)})\b""")
    places = [start for start, _ in entries if not kept.match(sheet.lines[start])]
    if not places:
        return False
    at = [start for start, _ in entries].index(sheet.near(random, places))
    start, last = entries[at]
    if sheet.json and at + 1 == len(entries):
        before = entries[at - 1][1]
        sheet.lines[before] = sheet.lines[before].rstrip().removesuffix(",")
    while not sheet.json and start and sheet.lines[start - 1].startswith("#"):
        start -= 1
    del sheet.lines[start : last + 1]
    return True


def add_tag(sheet: Sheet, random: Random) -> bool:
    """Add a tag, most likely at the end of the list."""
    word = random.choice([word for word in WORDS if word not in sheet.text] or ["last"])
    return _change_tags(sheet, lambda tags: tags.insert(0 if random.random() < 0.2 else len(tags), word))


def remove_tag(sheet: Sheet, random: Random) -> bool:
    """Remove a tag."""
    return _change_tags(sheet, lambda tags: tags.remove(random.choice(tags)) if len(tags) > 1 else None)


def _change_tags(sheet: Sheet, change: Callable[[list[str]], None]) -> bool:
    start = next((number for number, line in enumerate(sheet.lines) if re.match(r'\s*"?tags"?:', line)), None)
    if start is None:
        return False
    quote = '"' if sheet.json else ""
    inline = re.match(r"(.*\[)(.*)(\].*)$", sheet.lines[start])
    if inline:
        tags = [tag.strip().strip('"') for tag in inline.group(2).split(",")]
        change(tags)
        sheet.lines[start] = inline.group(1) + ", ".join(quote + tag + quote for tag in tags) + inline.group(3)
        return True
    end = start + 1
    while re.match(r'\s*(- [\w"-]+|"[\w-]+",?)$', sheet.lines[end]):
        end += 1
    if end == start + 1:
        return False
    pad = re.match(r"\s*(- )?", sheet.lines[start + 1])
    tags = [line.strip().removeprefix("- ").rstrip(",").strip('"') for line in sheet.lines[start + 1 : end]]
    change(tags)
    lines = [(pad.group() if pad else "") + quote + tag + quote + ("," if sheet.json else "") for tag in tags]
    lines[-1] = lines[-1].removesuffix(",")
    sheet.lines[start + 1 : end] = lines
    return True


def add_element(sheet: Sheet, random: Random) -> bool:
    """Add a named element to a list of such, behind another one. YAML only."""
    places = [n for n, line in enumerate(sheet.lines) if re.match(r"\s*-\s+(name|id):", line)]
    if sheet.json or not places:
        return False
    at = sheet.near(random, places)
    head = re.match(r"(\s*)(-\s+)(name|id):", sheet.lines[at])
    assert head
    column = len(head.group(1)) + len(head.group(2))
    end = at + 1
    while end < len(sheet.lines) and sheet.lines[end].startswith(" " * column):
        end += 1
    name = f"extra-{random.randint(1, 4)}" if head.group(3) == "name" else str(random.randint(10, 14))
    if re.search(rf"(name|id): {name}$", sheet.text, re.MULTILINE):
        return False
    sheet.lines[end:end] = [f"{head.group()} {name}", f"{' ' * column}note: {random.choice(WORDS)}"]
    return True


def comment(sheet: Sheet, random: Random) -> bool:
    """Add a comment above a line or behind it. YAML only."""
    if sheet.json:
        return False
    places = [number for number, line in enumerate(sheet.lines) if _SCALAR.match(line) and not _in_block(sheet, number)]
    number = sheet.near(random, places)
    line = sheet.lines[number]
    words = f"# {random.choice(WORDS)} since {random.randint(2020, 2026)}"
    if random.random() < 0.5 and "#" not in line:
        sheet.lines[number] = f"{line}  {words}"
    else:
        sheet.lines.insert(number, line[: len(line) - len(line.lstrip())] + words)
    return True


def _in_block(sheet: Sheet, number: int) -> bool:
    """Return whether a line is text of a block scalar."""
    column = len(sheet.lines[number]) - len(sheet.lines[number].lstrip())
    for line in reversed(sheet.lines[:number]):
        if line.strip() and len(line) - len(line.lstrip()) < column:
            return bool(re.search(r":\s+[|>][+-]?$", line))
    return False


EDITS: tuple[Edit, ...] = (
    *(bump_version, bump_version, describe, describe, touch, touch, set_value, set_value, set_value),
    *(add_key, add_key, remove_key, add_tag, add_tag, remove_tag, add_element, comment),
)


def edited(text: str, random: Random, *, json: bool, focus: float, count: int) -> str:
    """Return the text after `count` edits around `focus` (0 to 1). Line ends stay."""
    dos = "\r\n" in text
    sheet = Sheet(text.replace("\r\n", "\n"), json=json, focus=focus)
    done = 0
    for _ in range(count * 20):
        if done < count and random.choice(EDITS)(sheet, random):
            done += 1
    return sheet.text.replace("\n", "\r\n") if dos else sheet.text
