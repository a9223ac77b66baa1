"""Whether a manifest satisfies a JSON Schema, and whether a schema is one.

This runs in a process of its own (`schema_worker`): a schema decides how long it takes, by patterns that backtrack for
ever or references that multiply, and Python can stop neither from within. Nothing is ever fetched: a `$ref` leads
to a file of the repository or nowhere. Formats are annotations and not checked, as JSON Schema has it by default
(JSON Schema Validation 2020-12, chapter 7.2.1).
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import jsonschema  # type: ignore[import-untyped]  # ships no types
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from jsonschema.validators import validator_for  # type: ignore[import-untyped]
from referencing import Registry, Resource, Specification
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import specification_with

from gitferry.pushback.findings import Finding, Weight
from gitferry.pushback.located import Located, Unreadable, read
from gitferry.pushback.schema_wording import said, shown

RULE = "schema"
_FEW = 5  # errors of a file that are told
_LOOKED_AT = 100  # errors of a file that are looked for
#: What a schema without `$schema` may be: the first of these that takes it.
_DIALECTS = (
    jsonschema.Draft202012Validator,
    jsonschema.Draft201909Validator,
    jsonschema.Draft7Validator,
    jsonschema.Draft6Validator,
    jsonschema.Draft4Validator,
)
_FETCH = "refer to a file of the repository by its relative path: nothing is fetched"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A schema that was looked at: what checks by it, or what is wrong with it."""

    contents: Any
    validator: Any  # a class of jsonschema's; None where it cannot be used
    findings: tuple[Finding, ...]


class Checker:
    """Checks files of one repository. `fetch` returns a file of it by its path, None where there is no such file."""

    def __init__(self, fetch: Callable[[str], bytes | None]) -> None:
        self._fetch = fetch
        self._prepared: dict[tuple[str, str], _Prepared] = {}

    def manifest(self, path: str, data: bytes, schema: str, version: str) -> tuple[Finding, ...]:
        """Return what the schema at `schema` has against a manifest; `version` names the schema's content."""
        key = (schema, version)
        if key not in self._prepared:
            found = self._fetch(schema)
            self._prepared[key] = _missing(schema) if found is None else _prepare(schema, found)
        prepared = self._prepared[key]
        if prepared.validator is None:
            return prepared.findings
        remedy = f"correct it, or the schema {schema}"
        try:
            located = read(path, data)
        except Unreadable as fault:
            return (Finding(RULE, Weight.STOP, path, fault.message, remedy, fault.line),)
        references = _References(schema, prepared, self._fetch)
        registry: Registry[Any] = Registry(retrieve=references.retrieve)  # type: ignore[call-arg]  # an alias of attrs
        validator = prepared.validator(prepared.contents, registry=registry)
        try:
            errors = _told(path, located, validator.iter_errors(located.value), remedy)
        except Unresolvable as error:
            message = f"its reference {shown(error.ref)} {references.why_not}"
            return (*prepared.findings, Finding(RULE, Weight.STOP, schema, message, references.remedy))
        return (*prepared.findings, *references.findings, *errors)

    def schema(self, path: str, data: bytes) -> tuple[Finding, ...]:
        """Return what is wrong with a schema."""
        return _prepare(path, data).findings


def _missing(path: str) -> _Prepared:
    remedy = "add it, or correct tasks.schema"
    return _Prepared(None, None, (Finding(RULE, Weight.STOP, path, "there is no such schema", remedy),))


# --- A schema ---


def _prepare(path: str, data: bytes) -> _Prepared:
    try:
        located = read(path, data)
        validator = _dialect(located)
    except Unreadable as fault:
        finding = Finding(RULE, Weight.STOP, path, fault.message, "correct the schema", fault.line)
        return _Prepared(None, None, (finding,))
    faults = _told(path, located, _faults(validator, located.value), "correct the schema")
    if faults:
        return _Prepared(located.value, None, faults)
    unread = tuple(_smooth(_specification(validator).create_resource(located.value)))
    remedy = "write it so that ECMA-262 and Python read it, or leave it to other checks"
    told = (f"the pattern {shown(pattern)} is not checked: {why}" for pattern, why in unread)
    return _Prepared(
        located.value, validator, tuple(Finding(RULE, Weight.WARN, path, message, remedy) for message in told)
    )


def _dialect(located: Located) -> Any:
    """Return the class that checks by a schema, as its `$schema` says. Raises `Unreadable`."""
    schema = located.value
    if isinstance(schema, bool):
        return _DIALECTS[0]
    if not isinstance(schema, dict):
        raise Unreadable(1, "it is no JSON Schema: neither an object nor true or false")
    if "$schema" not in schema:
        return next((each for each in _DIALECTS if not any(_faults(each, schema))), _DIALECTS[0])
    named = schema["$schema"]
    for name in (named, *([named.replace("https:", "http:", 1)] if isinstance(named, str) else [])):
        found = validator_for({"$schema": name}, default=None) if isinstance(name, str) else None
        if found is not None:
            return found
    raise Unreadable(located.spot().line_of(("$schema",)), "its $schema is none that is known (draft-03 to 2020-12)")


def _faults(validator: Any, schema: object) -> Iterator[Any]:
    """Yield what the dialect's own schema has against a schema. Patterns are not looked at: see `_smooth`."""
    meta = validator.META_SCHEMA
    yield from validator_for(meta, default=validator)(meta).iter_errors(schema)


def _specification(validator: Any) -> Specification[Any]:
    return specification_with(validator.META_SCHEMA.get("$schema"))


def _smooth(resource: Resource[Any]) -> Iterator[tuple[str, str]]:
    """Take the patterns that Python cannot read out of a schema and yield them with the reason.

    JSON Schema's patterns are ECMA-262's, which knows some that Python's `re` does not (`\\p{L}`). Without one a schema
    allows more, never less. And for a property whose schema is `false` jsonschema 4.26 does not say which it is: the
    same is written otherwise.
    """
    schema = resource.contents
    if isinstance(schema, dict):
        properties = schema.get("properties")
        for name in properties if isinstance(properties, dict) else ():
            if schema["properties"][name] is False:
                schema["properties"][name] = {"not": {}}
        if isinstance(pattern := schema.get("pattern"), str) and (why := _unread(pattern)):
            del schema["pattern"]
            yield pattern, why
        named = schema.get("patternProperties")
        for pattern in list(named) if isinstance(named, dict) else []:
            if why := _unread(pattern):
                del schema["patternProperties"][pattern]
                schema.pop("additionalProperties", None)
                schema.pop("unevaluatedProperties", None)
                yield pattern, why
    for inner in resource.subresources():
        yield from _smooth(inner)


def _unread(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as error:
        return str(error)
    return None


class _References:
    """The files that a schema refers to."""

    def __init__(self, schema: str, prepared: _Prepared, fetch: Callable[[str], bytes | None]) -> None:
        self._schema = schema
        self._specification = _specification(prepared.validator)
        self._fetch = fetch
        self._known: dict[str, Resource[Any]] = {}
        name = prepared.contents.get("$id", prepared.contents.get("id")) if isinstance(prepared.contents, dict) else ""
        self._base = name.rpartition("/")[0] + "/" if isinstance(name, str) and "/" in name else ""
        self.findings: tuple[Finding, ...] = ()
        self.why_not = "leads nowhere"
        self.remedy = "correct the schema"

    def retrieve(self, uri: str) -> Resource[Any]:
        """Return the file that an address leads to. Raises `NoSuchResource`.

        Addresses beside the schema's own `$id` stand for the files beside it.
        """
        if uri not in self._known:
            path = self._path(uri)
            data = self._fetch(path)
            if data is None:
                self._refuse(uri, f"leads to {path}, and there is no such file in the repository")
            found = _prepare(path, data)
            if found.validator is None:
                first = found.findings[0]
                place = path if first.line is None else f"{path}:{first.line}"
                self._refuse(uri, f"leads to {place}: {first.message}")
            self.findings = (*self.findings, *found.findings)
            self._known[uri] = self._specification.create_resource(found.contents)
        return self._known[uri]

    def _path(self, uri: str) -> str:
        relative = uri.removeprefix(self._base) if self._base and uri.startswith(self._base) else uri
        parts = urlsplit(relative)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self._schema), unquote(parts.path)))
        if parts.scheme or parts.netloc or path.startswith(("/", "..")):
            self.remedy = _FETCH
            self._refuse(uri, "leads out of the repository")
        return path

    def _refuse(self, uri: str, why: str) -> NoReturn:
        self.why_not = why
        raise NoSuchResource(ref=uri)  # type: ignore[call-arg]  # attrs


# --- What is told ---


def _told(path: str, located: Located, errors: Iterator[Any], remedy: str) -> tuple[Finding, ...]:
    """Return the first errors by line, and how many more there are."""
    found = {said(best_match([error])) for error in itertools.islice(errors, _LOOKED_AT)}
    if not found:
        return ()
    spot = located.spot()
    lines = sorted((spot.line_of(each.where), each.message) for each in found)
    findings = [Finding(RULE, Weight.STOP, path, message, remedy, line) for line, message in lines[:_FEW]]
    more = len(lines) - _FEW
    if more > 0:
        line, _ = lines[_FEW]
        findings.append(Finding(RULE, Weight.STOP, path, f"and {more} more from here on", remedy, line))
    return tuple(findings)
