"""Three-way merge of values: what is a conflict, and what the merge of the rest is."""

from __future__ import annotations

import json

import pytest

from gitferry.pushback.value import Atom, Unsettled, Value, read_json, read_yaml
from gitferry.pushback.value_merge import merge_values


def value(text: object) -> Value:
    return read_json(text if isinstance(text, str) else json.dumps(text))


def merge(base: object, local: object, remote: object) -> Value | None:
    try:
        return merge_values(value(base), value(local), value(remote))
    except Unsettled:
        return None


@pytest.mark.parametrize(
    ("base", "local", "remote", "merged"),
    [
        ({"a": 1}, {"a": 2}, {"a": 1, "b": 1}, {"a": 2, "b": 1}),
        ({"a": 1, "b": 1}, {"a": 1}, {"a": 2, "b": 1}, {"a": 2}),
        ({"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "c": 1}}, {"a": {"b": 1, "c": 2}}, {"a": {"b": 2, "c": 2}}),
        ({}, {"a": 1}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {}, {}, {}),
        ({"a": 1}, {"b": 1}, {"a": 1, "c": 1}, {"b": 1, "c": 1}),  # a key renamed, another added
        # lists of plain elements
        (["a"], ["a", "l"], ["a", "r"], ["a", "r", "l"]),
        (["a"], ["l", "a"], ["r", "a"], ["r", "l", "a"]),
        (["a", "b", "c", "d"], ["a", "c", "d"], ["a", "b", "c", "d", "e"], ["a", "c", "d", "e"]),
        (["a", "b", "c"], ["c"], ["a", "c"], ["c"]),
        (["a", "b", "c", "d"], ["x", "b", "c", "d"], ["a", "b", "c", "y"], ["x", "b", "c", "y"]),
        (["a", "b"], ["a", "x"], ["a", "x"], ["a", "x"]),
        # lists of identified elements
        (
            [{"name": "a", "n": 1}, {"name": "b", "n": 1}],
            [{"name": "a", "n": 2}, {"name": "b", "n": 1}],
            [{"name": "a", "n": 1}, {"name": "b", "n": 2}, {"name": "c"}],
            [{"name": "a", "n": 2}, {"name": "b", "n": 2}, {"name": "c"}],
        ),
        ([{"id": 1}], [{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 3}], [{"id": 1}, {"id": 3}, {"id": 2}]),
        # new ones beside an element that the other renamed stand on the side of it where they were put
        (
            [{"name": "a"}, {"name": "b"}],
            [{"name": "a"}, {"name": "before b"}, {"name": "b"}, {"name": "behind b"}],
            [{"name": "a"}, {"name": "c"}],
            [{"name": "a"}, {"name": "before b"}, {"name": "c"}, {"name": "behind b"}],
        ),
        (
            [{"name": "a"}, {"name": "b"}],
            [{"name": "a"}, {"name": "c"}],
            [{"name": "a"}, {"name": "before b"}, {"name": "b"}, {"name": "behind b"}],
            [{"name": "a"}, {"name": "before b"}, {"name": "c"}, {"name": "behind b"}],
        ),
        # both renamed an element, one each: every new name stands where the old one stood
        (
            [{"name": "a"}, {"name": "b"}, {"name": "c"}],
            [{"name": "x"}, {"name": "b"}, {"name": "c"}],
            [{"name": "a"}, {"name": "y"}, {"name": "c"}],
            [{"name": "x"}, {"name": "y"}, {"name": "c"}],
        ),
    ],
)
def test_what_merges(base: object, local: object, remote: object, merged: object) -> None:
    assert merge(base, local, remote) == value(merged)
    assert merge(base, local, merged) == value(merged)
    assert merge(base, merged, remote) == value(merged)


@pytest.mark.parametrize(
    ("base", "local", "remote"),
    [
        pytest.param({"a": 1}, {"a": 2}, {"a": 3}, id="one value"),
        pytest.param('{"a": 1}', '{"a": 1.0}', '{"a": true}', id="1, 1.0 and true are three values"),
        pytest.param({"a": 1}, {}, {"a": 2}, id="deleted and changed"),
        pytest.param({}, {"a": 1}, {"a": 2}, id="added twice"),
        pytest.param({"a": 1}, {"b": 1}, {"c": 1}, id="one key with two new names"),
        pytest.param({"a": 1, "b": 1}, {"c": 1, "b": 1}, {"c": 1, "a": 1}, id="two keys with one new name"),
        pytest.param({"a": 1}, {"a": {"b": 1}}, {"a": [1]}, id="other kinds"),
        pytest.param([1, 10], [1, 20], [1, 30], id="one bound of a range"),
        pytest.param([1, 10], [2, 10], [1, 20], id="both bounds of a range"),
        pytest.param(["a", "b"], ["b", "a"], ["a", "b", "c"], id="reordered here"),
        pytest.param(["a", "b"], ["a", "b", "c"], ["b", "a"], id="reordered there"),
        pytest.param(["a"], ["x", "a"], ["a", "x"], id="added in two places"),
        pytest.param(["x"], ["x", "-a", "1"], ["x", "-b", "1"], id="one value of two options"),
        pytest.param(["a", "a"], ["a", "a", "b"], ["c", "a", "a"], id="an element twice"),
        pytest.param('["1"]', '["1", 1]', '["1", "2"]', id="elements that read alike"),
        pytest.param([{"n": 1}], [{"n": 2}], [{"n": 1}, {"n": 3}], id="elements without identity"),
        pytest.param([{"name": "a"}, {"name": "a"}], [{"name": "a"}], [{"name": "b"}, {"name": "a"}], id="names twice"),
        pytest.param([{"name": "a"}], [{"name": "b"}], [{"name": "c"}], id="one element with two new names"),
        pytest.param([[1], [2]], [[1], [3]], [[0], [2]], id="lists of lists"),
        pytest.param(["a", "b", "c"], ["a", "c"], ["a", "x", "c"], id="an element deleted and replaced"),
    ],
)
def test_what_is_a_conflict(base: object, local: object, remote: object) -> None:
    assert merge(base, local, remote) is None
    assert merge(base, remote, local) is None


def test_json_is_read_strictly() -> None:
    assert read_json('{"a": 1.10, "b": "1.10"}') == {
        Atom("string", "a"): Atom("number", "1.10"),
        Atom("string", "b"): Atom("string", "1.10"),
    }
    for text in ('{"a": 1, "a": 1}', "[1,]", "NaN", "-Infinity", "", "{} {}", "{'a': 1}", '"\t"', "// c\n{}"):
        with pytest.raises(Unsettled):
            read_json(text)


def test_yaml_is_read_strictly() -> None:
    found = read_yaml("a: 1\nb: '1'\nc: ~\nd:\n")
    assert isinstance(found, dict)
    numbers, texts, *nulls = found.values()
    assert numbers != texts
    assert nulls[0] == nulls[1]
    for text in ("a: 1\na: 2\n", "1: a\n'1': b\n", "a: [\n", "", "? [a]\n: b\n", "a: 1\n---\nb: 1\n"):
        with pytest.raises(Unsettled):
            read_yaml(text)
