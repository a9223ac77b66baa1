"""What a repository takes over from `defaults`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gitferry.config.document import Mapping, find, plain, read
from gitferry.config.inherit import complete, derived_name, inherit


def mapping(text: str) -> Mapping:
    root = read(text.encode(), Path("f")).root
    assert root is not None
    return root


@pytest.mark.parametrize(
    ("defaults", "entry", "expected"),
    [
        ("pull: {every: 1m, jitter: 5%}", "pull: {every: 2m}", "pull: {every: 2m, jitter: 5%}"),
        ("pull: {every: 1m}", "pull:", "pull: {every: 1m}"),
        ("pull:", "pull: {every: 2m}", "pull: {every: 2m}"),
        ("tasks: {include: [a, b]}", "tasks: {include: [c]}", "tasks: {include: [c]}"),
        ("branch: main", "branch: null", "branch: null"),
        ("branch: main", "name: x", "{branch: main, name: x}"),
        ("a: {b: {c: 1, d: 2}}", "a: {b: {c: 3}}", "a: {b: {c: 3, d: 2}}"),
        ("pull: {at: 0 3 * * *, jitter: 1%}", "pull: {every: 2m}", "pull: {every: 2m, jitter: 1%}"),
        ("pull: {at: 0 3 * * *}", "pull: {every: 2m, at: 0 4 * * *}", "pull: {every: 2m, at: 0 4 * * *}"),
        ("pull: {every: 1m}", "pull: {at: 0 4 * * *}", "pull: {every: 1m, at: 0 4 * * *}"),
        ("pull: text", "pull: {every: 2m}", "pull: {every: 2m}"),
        ("pull: {every: 1m}", "pull: text", "pull: text"),
    ],
)  # fmt: skip
def test_only_what_is_written_overrides(defaults: str, entry: str, expected: str) -> None:
    merged = inherit(mapping(defaults), mapping(entry))
    assert plain(merged) == yaml.load(expected.replace("null", "~"), Loader=yaml.BaseLoader) | (
        {"branch": None} if "null" in expected else {}
    )


def test_values_keep_their_places() -> None:
    merged = inherit(mapping("a: 1\npull: {every: 1m, jitter: 5%}"), mapping("pull:\n  every: 2m"))
    assert (find(merged, ("pull", "every"))[1].line, find(merged, ("pull", "jitter"))[1].column) == (1, 26)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("~/code/tasks", "tasks"),
        ("/srv/My Tasks/", "My-Tasks"),
        ("https://git.example.org/team/tasks.git", "tasks"),
        ("https://git.example.org/team/a%20b.git?x=y", "a-b"),
        ("git@example.org:tasks.git", "tasks"),
        ("git@example.org:team/tasks", "tasks"),
        ("ssh://git@example.org:22/tasks.git/", "tasks"),
        ("/srv/tasks/.git", "tasks"),
        ("/srv/größe", "größe"),
        ("/", "repository"),
        ("..", "repository"),
    ],
)
def test_derived_names(place: str, name: str) -> None:
    assert derived_name(place) == name


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("path: /a/b", {"path": "/a/b", "name": "b"}),
        ("url: https://e.org/x.git", {"url": "https://e.org/x.git", "name": "x", "path": "/data/gitferry/x"}),
        ("{path: /a/b, url: https://e.org/x.git}", {"path": "/a/b", "url": "https://e.org/x.git", "name": "b"}),
        ("{name: n, url: u}", {"name": "n", "url": "u", "path": "/data/gitferry/n"}),
        ("name: n", {"name": "n"}),
    ],
)
def test_names_and_paths_are_derived(entry: str, expected: dict[str, Any]) -> None:
    assert plain(complete(mapping(entry), {"XDG_DATA_HOME": "/data"})) == expected
