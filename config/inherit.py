"""What a repository takes over from `defaults`: everything its own entry does not write."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from gitferry.config import paths
from gitferry.config.document import Item, Mapping, Node, Scalar

# Two ways to say one thing: who writes the one takes the other back.
_ALTERNATIVES = {"every": "at"}


def inherit(defaults: Node | None, entry: Mapping) -> Mapping:
    """Return `entry` with what it does not write filled in from `defaults`, section by section.

    A list that is written replaces the inherited one. A section without a value is a section in which
    nothing was written. Every value keeps the place where it was written.
    """
    if not isinstance(defaults, Mapping):
        return entry
    items = dict(defaults.items)
    for key, item in entry.items.items():
        inherited = items[key].value if key in items else None
        if isinstance(item.value, Mapping):
            items[key] = replace(item, value=inherit(inherited, item.value))
        elif not (isinstance(inherited, Mapping) and _is_null(item.value)):
            items[key] = item
    for key, other in _ALTERNATIVES.items():
        if key in entry.items and other not in entry.items:
            items.pop(other, None)
    return replace(entry, items=items)


def complete(entry: Mapping, environ: Map[str, str]) -> Mapping:
    """Return `entry` with the name derived from its path or url, and the path from its name, where not written.

    Without a path the tree is `paths.trees_dir` / name. Raises `paths.NoHome` when that needs a home and there is
    none.
    """
    items = dict(entry.items)
    path, url = _text(items, "path"), _text(items, "url")
    if "name" not in items and "name" not in entry.broken and (path or url):
        items["name"] = _written_at(entry, derived_name(path or url or ""))
    name = _text(items, "name")
    if "path" not in items and "path" not in entry.broken and url and name:
        items["path"] = _written_at(entry, str(paths.trees_dir(environ) / name))
    return replace(entry, items=items)


def has_place(entry: Node) -> bool:
    """Return whether the entry says where the repository is; a value that is wrong in itself counts."""
    if not isinstance(entry, Mapping):
        return not _is_null(entry)
    url = entry.items.get("url")
    return "path" in entry.items or bool({"path", "url"} & entry.broken) or not (url is None or _is_null(url.value))


def derived_name(place: str) -> str:
    """Return the name a path or url gives a repository: its last component without `.git`, made a valid name."""
    if re.match(r"[a-z][a-z0-9+.-]*://", place):
        place = unquote(place.partition("?")[0])
    last = Path(place.rstrip("/").rpartition(":")[2] if "/" not in place else place.rstrip("/")).name
    if last == ".git":
        last = Path(place.rstrip("/")).parent.name
    name = re.sub(r"[^\w.-]+", "-", last.removesuffix(".git")).strip("-.")
    return name[:100] or "repository"


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text is None


def _text(items: Map[str, Item], key: str) -> str | None:
    node = items[key].value if key in items else None
    return node.text if isinstance(node, Scalar) else None


def _written_at(entry: Mapping, text: str) -> Item:
    return Item(entry.start, entry.start, Scalar(text, text, entry.start, entry.start))
