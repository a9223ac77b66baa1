"""Names that other systems cannot have: a task that adds one reaches the remote and not every clone of it.

Sources: Microsoft, "Naming Files, Paths, and Namespaces"; Apple, "File System Comparison" (names that differ in case
or in Unicode normalisation are one name to APFS and HFS+ as they are set up).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

from gitferry.pushback.findings import Finding, Weight
from gitferry.repos.content import TREE
from gitferry.repos.objects import Objects

RULE = "name"
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[1-9\N{SUPERSCRIPT ONE}\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}])"
    r" *(?:\..*)?",
    re.IGNORECASE | re.DOTALL,
)
_FORBIDDEN = re.compile(r'[<>:"|?*\\]')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME_BYTES = 255  # NAME_MAX of Linux's file systems and APFS
_NAME_UNITS = 255  # of UTF-16, of NTFS and HFS+
_PATH_UNITS = 260  # of UTF-16: MAX_PATH of Windows, which counts the clone's own directory too
_RENAME = "rename it where others are to clone it"


def names(objects: Objects, tree: str, added: Collection[str]) -> tuple[Finding, ...]:
    """Return warnings about paths that a task adds. `tree` is the root tree that has them.

    A directory counts as added where all it holds is. Each name is told once.
    """
    places: dict[str, list[str]] = {}
    for path in sorted(_new_places(objects, tree, frozenset(added))):
        directory, _, name = path.rpartition("/")
        places.setdefault(directory, []).append(name)
    found: list[Finding] = []
    for directory, new in places.items():
        parent = objects.at(tree, directory or ".")
        alike = _alike(new, objects.entries(parent.oid) if parent is not None and parent.mode == TREE else {})
        for name in new:
            path = f"{directory}/{name}" if directory else name
            reasons = [*unfit(name), *_collisions(name, alike[_folded(name)])]
            if path in added and _units(path) > _PATH_UNITS:
                reasons.append(f"the path has {_units(path)} characters, more than the {_PATH_UNITS} of Windows")
            found += [Finding(RULE, Weight.WARN, path, reason, _RENAME) for reason in reasons]
    return tuple(found)


def unfit(name: str) -> Iterator[str]:
    """Yield why a name, without its directory, cannot exist on other systems. Pure."""
    if _RESERVED.fullmatch(name):
        yield "the name is a device's on Windows"
    if name.endswith((".", " ")):
        yield "Windows cuts a dot or space off a name's end"
    if found := sorted(set(_FORBIDDEN.findall(name))):
        yield f"Windows allows no {' '.join(found)} in a name"
    if _CONTROL.search(name):
        yield "the name holds control characters, which Windows does not allow"
    raw = name.encode("utf-8", "surrogateescape")
    try:
        raw.decode()
    except UnicodeDecodeError:
        yield "the name is not UTF-8, which macOS and Windows cannot write"
    if len(raw) > _NAME_BYTES or _units(name) > _NAME_UNITS:
        yield f"the name is longer than the {_NAME_BYTES} bytes that most systems allow"


def _new_places(objects: Objects, tree: str, added: frozenset[str]) -> set[str]:
    """Return the added files, and the directories that hold nothing else."""
    looked_at: dict[str, bool] = {}
    for path in added:
        directory = path.rpartition("/")[0]
        while directory and directory not in looked_at:
            here = objects.at(tree, directory)
            looked_at[directory] = (
                here is not None
                and here.mode == TREE
                and all(file in added for file, _ in objects.walk(here.oid, directory + "/"))
            )
            directory = directory.rpartition("/")[0]
    return {*added, *(directory for directory, new in looked_at.items() if new)}


def _alike(new: Collection[str], siblings: Iterable[str]) -> dict[str, list[str]]:
    """Return what stands beside the new names and is written like them, by how both are folded."""
    found: dict[str, list[str]] = {_folded(name): [] for name in new}
    for name in siblings:
        folded = _folded(name)
        if folded in found:
            found[folded].append(name)
    return found


def _collisions(name: str, alike: Iterable[str]) -> Iterator[str]:
    for other in alike:
        if other == name:
            continue
        if unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", name):
            yield f"{other!a} differs in the way of writing accents only: one name to macOS"
        else:
            yield f"{other!r} differs in upper and lower case only: one name to macOS and Windows"


def _folded(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFD", name.lower())


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
