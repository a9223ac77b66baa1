"""The settings' JSON Schema, made from the model, for editors and for `gitferry config schema`."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gitferry.config import keys
from gitferry.config.model import Defaults, Repository, Section, Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_VARIABLE = {"type": "string", "pattern": r"\$\{"}
# What pydantic adds to a text for the bounds of the number it stands for.
_NUMBER_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a settings file as it is written, before variables are replaced."""
    schema = Settings.model_json_schema()
    definitions = {name: _section(definition, _named(name)) for name, definition in sorted(schema["$defs"].items())}
    root = _section({key: value for key, value in schema.items() if key != "$defs"}, Settings)
    return {"$schema": DIALECT, "title": "gitferry settings", **root, "$defs": definitions}


def _named(name: str) -> type[Section]:
    return next(each for each in _sections(Settings) if each.__name__ == name)


def _sections(section: type[Section]) -> list[type[Section]]:
    below = [each for field in keys.keys(section).values() for each in keys.shape(field).sections]
    return [section, *(found for each in below for found in _sections(each))]


def _section(schema: dict[str, Any], section: type[Section]) -> dict[str, Any]:
    result = {key: value for key, value in schema.items() if key not in ("title", "properties", "required")}
    result["properties"] = {
        key: _property(
            schema["properties"][key], field, inherited=section is Repository and key in Defaults.model_fields
        )
        for key, field in keys.keys(section).items()
    }
    # A repository's name and path are derived where they are not written.
    required = [] if section is Repository else schema.get("required", [])
    return {**result, "required": required} if required else result


def _property(schema: dict[str, Any], field: FieldInfo, *, inherited: bool) -> dict[str, Any]:
    result = {key: value for key, value in schema.items() if key not in ("title", "description", "default")}
    shape = keys.shape(field)
    if shape.sections and not shape.many:
        # A section without a value is one in which nothing is written.
        result = result if shape.optional else {"anyOf": [result, {"type": "null"}]}
    elif not shape.many:
        result = _or_variable(result)
    of_its_own = not inherited and (shape.many or not shape.sections)
    default = keys.default(field) if of_its_own else PydanticUndefined
    described = {"description": field.description, **result}
    return described if default is PydanticUndefined else {**described, "default": default}


def _or_variable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that takes `${VAR}` too; a text without rules takes it already, and a constant never."""
    if "anyOf" in schema:
        return {"anyOf": [_or_variable(each) for each in schema["anyOf"]]}
    if schema.get("type") == "string":
        schema = {key: value for key, value in schema.items() if key not in _NUMBER_BOUNDS}
    ruled = schema.get("type") in ("boolean", "integer") or "enum" in schema or "pattern" in schema
    return {"anyOf": [schema, _VARIABLE]} if ruled else schema
