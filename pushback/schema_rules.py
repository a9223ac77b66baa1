"""Which files of a task a JSON Schema has a say in: its manifests, by the settings' schema, and schemas themselves."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gitferry.config.model import Repository
from gitferry.pushback.findings import Finding, Weight
from gitferry.pushback.schema_process import SchemaProcess, SchemaWorkers, Unchecked
from gitferry.repos import manifest
from gitferry.repos.content import REGULAR, TREE, Content, Entry
from gitferry.repos.objects import Objects
from gitferry.repos.tasks import WHOLE, Unit

RULE = "schema"
_SUFFIX = ".schema.json"


@dataclass(frozen=True, slots=True)
class Ruled:
    """What was found, what it rests on in the root tree, and whether it would be found again."""

    findings: tuple[Finding, ...]
    rests_on: tuple[tuple[str, Entry | None], ...]
    lasting: bool


@dataclass(frozen=True, slots=True)
class Source:
    """The settings' schema. `data` and `version` are given where it lies outside the repository."""

    path: str
    data: bytes | None = None
    version: str | None = None


def source(settings: Repository) -> Source | None:
    """Return the settings' schema: a path of the repository's tree, or a file elsewhere, read now."""
    if settings.tasks.schema_ is None:
        return None
    root = os.path.normpath(settings.path)
    place = os.path.normpath(settings.path / settings.tasks.schema_)
    if place.startswith(root + os.sep):
        return Source(place.removeprefix(root + os.sep))
    try:
        with Path(place).open("rb") as file:
            data = file.read(manifest.SIZE_LIMIT + 1)  # one more is refused where it is read
    except OSError:
        return Source(place, None, "absent")
    return Source(place, data, hashlib.sha256(data).hexdigest())


class SchemaRules:
    """Applies schemas to the tasks of one repository, in a process of its own; for one thread."""

    def __init__(self, objects: Objects, settings: Repository, workers: SchemaWorkers) -> None:
        self._objects = objects
        self._manifests = settings.tasks.manifests
        self._process = SchemaProcess(workers)
        self.source = source(settings)

    def prepare(self, unit: Unit, before: Content, after: Content, tree: str) -> Rules | None:
        """Return what there is to check in a task, None for nothing; the process starts meanwhile."""
        manifests = tuple(self._manifests_of(unit, after, tree)) if self.source is not None else ()
        own = None if self.source is None else self.source.path
        schemas = tuple(
            path
            for path, entry in after.items()
            if entry.mode in REGULAR and before.get(path) != entry and (path.lower().endswith(_SUFFIX) or path == own)
        )
        if not manifests and not schemas:
            return None
        rules = Rules(self._objects, self._process, self.source, tree, manifests, schemas)
        rules.start()
        return rules

    def _manifests_of(self, unit: Unit, after: Content, tree: str) -> Iterator[str]:
        """Yield the manifests of a task in a root tree; of a whole repository, the one at its root and all changed."""
        if unit.kind == "file":
            return
        directories = [unit.path]
        if unit.path == WHOLE:
            names = (path.rpartition("/") for path in after)
            directories += sorted({directory for directory, slash, name in names if slash and name in self._manifests})
        for directory in directories:
            here = self._objects.at(tree, directory)
            if here is None or here.mode != TREE:
                continue
            entries = self._objects.entries(here.oid)
            name = manifest.which([name for name in entries if entries[name].mode in REGULAR], self._manifests)
            if name is not None:
                yield name if directory == WHOLE else f"{directory}/{name}"


class Rules:
    """The checks of one task."""

    def __init__(
        self,
        objects: Objects,
        process: SchemaProcess,
        source: Source | None,
        tree: str,
        manifests: tuple[str, ...],
        schemas: tuple[str, ...],
    ) -> None:
        self._objects = objects
        self._process = process
        self._source = source
        self._tree = tree
        self._manifests = manifests
        self._schemas = schemas
        self._rests_on: dict[str, Entry | None] = {}
        self._lasting = True

    def start(self) -> None:
        """Start the process; that it could not be is told by the checks."""
        try:
            self._process.start()
        except Unchecked:
            return

    def apply(self, before: Content, after: Content) -> Ruled:
        """Return what is wrong with the manifests and schemas of a task.

        A manifest that the remote has just so, and a schema that was none there either, are warnings.
        """
        found: list[Finding] = []
        for path in self._manifests:
            changed = before.get(path) != after.get(path)
            found += self._manifest(path) if changed else _warnings(self._manifest(path))
        for path in self._schemas:
            faults = self._schema(path, after[path])
            old = before.get(path)
            known = faults and old is not None and old.mode in REGULAR and self._schema(path, old)
            found += _warnings(faults) if known else faults
        return Ruled(tuple(found), tuple(self._rests_on.items()), self._lasting)

    def _manifest(self, path: str) -> tuple[Finding, ...]:
        source = self._source
        if source is None:
            return ()
        version = source.version
        if version is None:
            entry = self._noted(source.path)
            version = "absent" if entry is None else entry.oid
        here = self._noted(path)
        if here is None:
            return ()
        try:
            return self._process.manifest(path, self._objects.blob(here.oid), source.path, version, self._fetch)
        except Unchecked as why:
            self._lasting = self._lasting and why.lasting
            message = f"not checked by the schema {source.path}: {why.message}"
            return (Finding(RULE, Weight.STOP, path, message, "simplify the manifest or the schema"),)

    def _schema(self, path: str, entry: Entry) -> tuple[Finding, ...]:
        data = self._objects.blob(entry.oid)
        remedy = "it travels unchecked"
        if len(data) > manifest.SIZE_LIMIT:
            message = f"not checked whether it is a JSON Schema: it has more than {manifest.SIZE_LIMIT:,} bytes"
            return (Finding(RULE, Weight.WARN, path, message, remedy),)
        try:
            return self._process.schema(path, data)
        except Unchecked as why:
            self._lasting = self._lasting and why.lasting
            message = f"not checked whether it is a JSON Schema: {why.message}"
            return (Finding(RULE, Weight.WARN, path, message, remedy),)

    def _fetch(self, path: str) -> bytes | None:
        """Return a file that the process asks for."""
        if self._source is not None and path == self._source.path and self._source.version is not None:
            return self._source.data
        entry = self._noted(path)
        return self._objects.blob(entry.oid) if entry is not None and entry.mode in REGULAR else None

    def _noted(self, path: str) -> Entry | None:
        """Return what stands at a path of the root tree, and remember that the answer rests on it."""
        entry = self._objects.file_at(self._tree, path)
        self._rests_on[path] = entry
        return entry


def _warnings(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(replace(each, weight=Weight.WARN) for each in findings)
