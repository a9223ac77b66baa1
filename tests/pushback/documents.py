"""Documents as people write and change them: a model with comments and layout, its text in JSON and YAML, its edits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

KEYS = ("name", "version", "env", "tags", "steps", "on", "timeout", "größe", "a b", "x-1", "url")
WORDS = (
    "alpha",
    "beta",
    "1.0.0",
    "true",
    "12",
    "null",
    "~",
    "2024-01-01",
    "ü 😀",
    "a: b",
    "it's",
    '"q"',
    "# no",
    "- x",
)
BARE = ("alpha", "beta", "gamma delta", "http://example.org/a#b", "v1.2", "über")
NUMBERS = ("1", "1.0", "10", "-3", "2.50", "12345678901234567890123")
LITERALS = ("true", "false", "null")


@dataclass(slots=True)
class Leaf:
    """A scalar. `style` is how YAML writes a text: plain, single, double or block."""

    text: str
    style: str = "plain"
    quoted: bool = False  # a text to JSON too


@dataclass(slots=True)
class Group:
    """A mapping or list; `flow` in brackets."""

    mapping: bool
    items: list[Item] = field(default_factory=list)
    flow: bool = False


Thing: TypeAlias = "Leaf | Group"


@dataclass(slots=True)
class Item:
    """An entry with the comments above it and behind it, which JSON leaves out."""

    key: str | None
    value: Thing
    above: list[str] = field(default_factory=list)
    behind: str | None = None


@dataclass(slots=True)
class Style:
    """How a whole file is laid out."""

    step: int = 2
    dashes_indented: bool = False
    line_end: str = "\n"
    ended: bool = True
    mark: bool = False  # of the byte order

    def wrapped(self, lines: list[str]) -> bytes:
        text = self.line_end.join(lines) + (self.line_end if self.ended else "")
        return (b"\xef\xbb\xbf" if self.mark else b"") + text.encode()


# --- Making them up ---


def style(random: Random) -> Style:
    return Style(
        step=random.choice((2, 2, 4)),
        dashes_indented=random.random() < 0.4,
        line_end=random.choice(("\n", "\n", "\r\n")),
        ended=random.random() < 0.8,
        mark=random.random() < 0.1,
    )


def leaf(random: Random) -> Leaf:
    kind = random.randrange(8)
    if kind < 2:
        return Leaf(random.choice(NUMBERS))
    if kind < 3:
        return Leaf(random.choice(LITERALS))
    if kind < 5:
        return Leaf(random.choice(WORDS), random.choice(("single", "double")), quoted=True)
    if kind < 6:
        return Leaf("\n".join(random.choices(BARE, k=random.randint(1, 3))), "block", quoted=True)
    return Leaf(random.choice(BARE), quoted=True)


def thing(random: Random, depth: int = 0) -> Thing:
    kind = random.randrange(6) if depth < 3 else 0
    if kind < 3:
        return leaf(random)
    if kind == 3:
        words = random.sample(BARE, k=random.randint(0, 4))
        return Group(
            False, [Item(None, Leaf(word, quoted=True)) for word in words], flow=not words or random.random() < 0.6
        )
    if kind == 4:
        return steps(random, depth)
    return mapping(random, depth + 1, random.randint(1, 4), flow=random.random() < 0.2)


def steps(random: Random, depth: int) -> Group:
    """Return a list of mappings with names."""
    found = Group(False)
    for name in random.sample(BARE, k=random.randint(1, 3)):
        inner = mapping(random, depth + 2, random.randint(0, 2))
        inner.items = [item for item in inner.items if item.key != "name"]
        inner.items.insert(0, Item("name", Leaf(name, quoted=True)))
        found.items.append(Item(None, inner))
    return found


def mapping(random: Random, depth: int = 0, size: int = 6, *, flow: bool = False) -> Group:
    found = Group(True, flow=flow)
    for key in random.sample(KEYS, k=min(size, len(KEYS))):
        value = _flat(random) if flow else thing(random, depth)
        found.items.append(Item(key, value, [] if flow else _comments(random)))
    return found


def _flat(random: Random) -> Leaf:
    return Leaf(random.choice(BARE[:2]), quoted=True)


def _comments(random: Random) -> list[str]:
    return [f"# note {random.randrange(1_000_000)}"] if random.random() < 0.15 else []


# --- Changing them ---


def edit(root: Group, random: Random) -> None:
    """Change one thing, as a person would."""
    group = random.choice(_groups(root))
    change = random.choice((_set, _set, _set, _insert, _insert, _delete, _comment, _note))
    change(group, random)


def _groups(thing: Thing) -> list[Group]:
    if isinstance(thing, Leaf):
        return []
    return [thing, *(group for item in thing.items for group in _groups(item.value))]


def _set(group: Group, random: Random) -> None:
    plain = [item for item in group.items if isinstance(item.value, Leaf) and item.key is not None]
    if plain:
        item = random.choice(plain)
        item.value = _flat(random) if group.flow else leaf(random)


def _insert(group: Group, random: Random) -> None:
    place = random.randint(0, len(group.items))
    if group.mapping:
        free = [key for key in KEYS if key not in {item.key for item in group.items}]
        if free:
            value = _flat(random) if group.flow else thing(random, 2)
            group.items.insert(place, Item(random.choice(free), value, [] if group.flow else _comments(random)))
    elif all(isinstance(item.value, Leaf) for item in group.items):
        used = {item.value.text for item in group.items if isinstance(item.value, Leaf)}
        free = [word for word in BARE if word not in used]
        if free:
            group.items.insert(place, Item(None, Leaf(random.choice(free), quoted=True)))
    else:
        group.items.insert(place, steps(random, 2).items[0])


def _delete(group: Group, random: Random) -> None:
    if len(group.items) > 1:
        del group.items[random.randrange(len(group.items))]


def _comment(group: Group, random: Random) -> None:
    if group.items and not group.flow:
        random.choice(group.items).above.append(f"# comment {random.randrange(1_000_000)}")


def _note(group: Group, random: Random) -> None:
    plain = [item for item in group.items if isinstance(item.value, Leaf) and item.value.style != "block"]
    if plain and not group.flow:
        random.choice(plain).behind = f"# why {random.randrange(1_000_000)}"


# --- Writing them ---


def as_json(root: Group, style: Style) -> bytes:
    """Return the model as JSON; groups in flow style stand on one line."""
    return style.wrapped(_json(root, "", style).split("\n"))


def _json(thing: Thing, indent: str, style: Style) -> str:
    if isinstance(thing, Leaf):
        return json.dumps(thing.text, ensure_ascii=False) if thing.quoted else thing.text
    opening, closing = "{}" if thing.mapping else "[]"
    inner = indent if thing.flow else indent + " " * style.step
    parts = [
        (json.dumps(item.key, ensure_ascii=False) + ": " if item.key is not None else "")
        + _json(item.value, inner, style)
        for item in thing.items
    ]
    if thing.flow or not parts:
        return opening + ", ".join(parts) + closing
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{closing}"


def as_yaml(root: Group, style: Style) -> bytes:
    return style.wrapped(_yaml(root, 0, style) if root.items else ["{}"])


def _yaml(group: Group, column: int, style: Style) -> list[str]:
    lines: list[str] = []
    for item in group.items:
        pad = " " * column
        lines += [pad + comment for comment in item.above]
        behind = f"  {item.behind}" if item.behind else ""
        head = f"{_yaml_key(item.key)}:" if item.key is not None else "-"
        value = item.value
        if isinstance(value, Leaf) and value.style == "block":
            lines.append(f"{pad}{head} |{behind}")
            lines += [" " * (column + style.step) + line for line in value.text.split("\n")]
        elif isinstance(value, Leaf) or value.flow or not value.items:
            lines.append(f"{pad}{head} {_inline(value)}{behind}")
        elif item.key is not None:
            lines.append(f"{pad}{head}{behind}")
            same = not value.mapping and not style.dashes_indented
            lines += _yaml(value, column + (0 if same else style.step), style)
        else:
            inner = _yaml(value, column + 2, style)
            first = next((number for number, line in enumerate(inner) if not line.lstrip().startswith("#")), 0)
            lines += [pad + line.lstrip() for line in inner[:first]]  # comments stand above the dash
            lines.append(f"{pad}- {inner[first].lstrip()}")
            lines += inner[first + 1 :]
    return lines


def _yaml_key(key: str) -> str:
    return f'"{key}"' if key == "on" else key


def _inline(thing: Thing) -> str:
    if isinstance(thing, Group):
        opening, closing = "{}" if thing.mapping else "[]"
        parts = [
            (f"{_yaml_key(item.key)}: " if item.key is not None else "") + _inline(item.value) for item in thing.items
        ]
        return opening + ", ".join(parts) + closing
    if thing.style == "single":
        return "'" + thing.text.replace("'", "''") + "'"
    if thing.style == "double":
        return json.dumps(thing.text, ensure_ascii=False)
    return thing.text
