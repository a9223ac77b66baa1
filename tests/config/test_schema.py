"""The JSON Schema agrees with the loader."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml

from gitferry.config.load import SettingsError, parse
from gitferry.config.schema import json_schema
from gitferry.config.template import PROFILES, template
from gitferry.tests.config.test_load import CONTRACT

SCHEMA = json_schema()


def errors(text: str) -> list[str]:
    found: Any = yaml.safe_load(text)
    return [each.message for each in jsonschema.Draft202012Validator(SCHEMA).iter_errors(found)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [CONTRACT, *map(template, PROFILES)])
def test_the_contracts_form_and_every_profile_are_valid(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("daemon: {workers: '${N:-3}', http: {enabled: '${E:-true}'}}", True),
        ("defaults: {pull: {every: '${E:-5m}'}, watch: }", True),
        ("defaults: {pushback: {conflict_strategy: '${C:-merge}'}}", True),
        ("repositories: [{url: u, auth: {credential: x}}]", True),
        ("repositories: [{url: u, auth: {type: git_token, token: x}, trusted: true}]", True),
        ("notifications: [{type: desktop}]", True),
        ("daemon: {workers: 0}", False),
        ("defaults: {pull: {every: soon}}", False),
        ("defaults: {pull: {evry: 5m}}", False),
        ("defaults: {pushback: {limits: {file: 5}}}", False),
        ("repositories: [{name: x}]", False),
        ("repositories: [{url: u, auth: {token: x}}]", False),
        ("repositories:", False),
    ],
)
def test_both_agree(text: str, valid: bool) -> None:
    assert (errors(text) == []) is valid
    try:
        parse(text.encode(), Path("f"), os.environ)
    except SettingsError:
        assert not valid
    else:
        assert valid


def test_defaults_are_as_a_file_writes_them() -> None:
    pull = SCHEMA["$defs"]["Pull"]["properties"]
    assert (pull["every"]["default"], pull["jitter"]["default"]) == ("5m", "10%")
    assert SCHEMA["$defs"]["Limits"]["properties"]["file"]["default"] == "10MiB"
    assert "default" not in SCHEMA["$defs"]["Repository"]["properties"]["trusted"]


def test_every_key_is_described() -> None:
    definitions = [SCHEMA, *SCHEMA["$defs"].values()]
    described = [each.get("description") for one in definitions for each in one["properties"].values()]
    assert len(described) > 70 and all(described)
