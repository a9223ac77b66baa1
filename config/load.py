"""A settings file becomes `Settings`, or every fault in it is told."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping as Map
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from gitferry.config import document, paths, wording
from gitferry.config.document import SIZE_CAP, Item, Mapping, Node, Scalar, Sequence, plain
from gitferry.config.faults import Fault, NoSettingsFile, SettingsError
from gitferry.config.inherit import complete, has_place, inherit
from gitferry.config.interpolate import interpolate
from gitferry.config.model import Database, Settings
from gitferry.config.overlap import Claim, overlaps
from gitferry.config.values import Home

__all__ = ["Fault", "SettingsError", "load", "parse"]

_HINT = "correct the file; `gitferry config validate` checks it, docs/settings.md lists every key"


def load(path: Path, environ: Map[str, str]) -> Settings:
    """Return the settings in the file. Raises SettingsError with every fault of the file, `paths.NoHome`.

    `path` is named in faults as it is given here.
    """
    return parse(read_file(path), path, environ)


def read_file(path: Path) -> bytes:
    """Return the file's bytes, at most one more than the size cap. Raises SettingsError."""
    try:
        # O_NONBLOCK: a fifo in the file's place must not hold the program up; open(2).
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SettingsError([Fault(path, 1, 1, "not a regular file (a YAML file)")])
            return file.read(SIZE_CAP + 1)
    except FileNotFoundError as error:
        hint = "run `gitferry init`, or `gitferry add PATH`, or name another file with --config"
        raise NoSettingsFile(path, hint) from error
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        hint = f"make {path} a file that this user may read"
        raise SettingsError([Fault(path, 1, 1, f"cannot be read: {reason} (a YAML file)")], hint) from error


def parse(data: bytes, file: Path, environ: Map[str, str]) -> Settings:
    """Return the settings in `data`, as if it were the content of `file`. Raises as `load` does."""
    read = document.read(data, file)
    if read.root is None:
        raise SettingsError(read.faults, _HINT)
    filled = _Variables(file, _variables(environ))
    root = filled.replaced(_with_variable_defaults(read.root))
    root, faults = _with_effective_repositories(root, file, environ)
    home = Home(paths.home(environ), file.absolute().parent)
    faults += [*read.faults, *filled.faults, *overlaps(_claims(root, home), file)]
    try:
        settings = Settings.model_validate(plain(root), context=home)
    except ValidationError as error:
        raise SettingsError(faults + _refused(error, root, file, home), _HINT) from error
    if faults:
        raise SettingsError(faults, _HINT)
    return settings


def _refused(error: ValidationError, root: Mapping, file: Path, home: Home) -> list[Fault]:
    """Return every fault the model finds.

    A section with a wrong value is not asked whether its values agree: so the wrong ones are left out, and it is
    asked again.
    """
    refused = wording.refusals(error, root)
    rest: Node = root
    for each in refused:
        rest = document.without(rest, _left_out(each.place))
    found = wording.faults(refused, root, file)
    try:
        Settings.model_validate(plain(rest), context=home)
    except ValidationError as second:
        if isinstance(rest, Mapping):
            between = [each for each in wording.refusals(second, rest) if each.between]
            found += wording.faults(between, rest, file)
    return found


def _left_out(place: wording.Place) -> wording.Place:
    # A union or a list with a wrong part is left out whole: without the part it would be wrong in another way.
    if "auth" in place:
        return place[: place.index("auth") + 1]
    whole_list = len(place) > 2 and isinstance(place[-1], int)
    return place[:-1] if whole_list else place


def _variables(environ: Map[str, str]) -> dict[str, str]:
    return {**environ, "STATE_DIR": str(paths.state_dir(environ))}


def _with_variable_defaults(root: Mapping) -> Mapping:
    """Return `root` with the one default that holds a variable written out, so that it is replaced like any other."""
    written = root.items.get("database")
    section = written.value if written else None
    nothing = section is None or (isinstance(section, Scalar) and section.text is None)
    if nothing and "database" not in root.broken:
        section = Mapping({}, root.start, root.start)
    if not isinstance(section, Mapping) or "url" in section.items or "url" in section.broken:
        return root
    default = str(Database.model_fields["url"].default)
    url = Item(section.start, section.start, Scalar(default, default, section.start, section.start))
    section = replace(section, items={**section.items, "url": url})
    return replace(root, items={**root.items, "database": Item(section.start, section.start, section)})


@dataclass(slots=True)
class _Variables:
    """Replaces variables in every text, and leaves out the texts where that is not possible."""

    file: Path
    values: Map[str, str]
    faults: list[Fault] = field(default_factory=list)

    def replaced(self, node: Mapping) -> Mapping:
        items: dict[str, Item] = {}
        for key, item in node.items.items():
            value = self._node(item.value)
            if value is not None:
                items[key] = replace(item, value=value)
        return replace(node, items=items, broken=node.broken | (node.items.keys() - items.keys()))

    def _node(self, node: Node) -> Node | None:
        if isinstance(node, Mapping):
            return self.replaced(node)
        if isinstance(node, Sequence):
            values = (self._node(each) for each in node.items)
            return replace(node, items=tuple(each for each in values if each is not None))
        if node.text is None or "$" not in node.text:
            return node
        try:
            return replace(node, text=interpolate(node.text, self.values))
        except ValueError as error:
            mark = node.start
            self.faults.append(Fault(self.file, mark.line + 1, mark.column + 1, f"the value {_says(error)}"))
            return None


def _says(error: ValueError) -> str:
    text = str(error)
    return text if text.startswith("holds") else f"cannot be had: {text}"


def _with_effective_repositories(root: Mapping, file: Path, environ: Map[str, str]) -> tuple[Mapping, list[Fault]]:
    """Return `root` with every repository's entry completed and inheriting, and entries that name no place."""
    item = root.items.get("repositories")
    if item is None or not isinstance(item.value, Sequence):
        return root, []
    defaults = root.items["defaults"].value if "defaults" in root.items else None
    faults: list[Fault] = []
    entries: list[Node] = []
    for number, entry in enumerate(item.value.items):
        if not has_place(entry):
            mark = entry.start
            message = f"repositories[{number}] has no place (path: DIRECTORY, or url: URL)"
            faults.append(Fault(file, mark.line + 1, mark.column + 1, message))
        entries.append(inherit(defaults, complete(entry, environ)) if isinstance(entry, Mapping) else entry)
    sequence = replace(item.value, items=tuple(entries))
    return replace(root, items={**root.items, "repositories": replace(item, value=sequence)}), faults


def _claims(root: Mapping, home: Home) -> list[Claim]:
    """Return what the repositories claim whose name and path are texts at all."""
    item = root.items.get("repositories")
    entries = item.value.items if item is not None and isinstance(item.value, Sequence) else ()
    claims: list[Claim] = []
    for entry in entries:
        if not isinstance(entry, Mapping) or not {"name", "path"} <= entry.items.keys():
            continue
        name, path = entry.items["name"].value, entry.items["path"].value
        if not (isinstance(name, Scalar) and isinstance(path, Scalar) and name.text and path.text):
            continue
        try:
            tree = paths.expand(path.text, home.home, home.directory)
        except ValueError:
            continue  # the model tells this one
        claims.append(Claim(name.text, name.start, tree, path.start, named=name.end != entry.start))
    return claims
