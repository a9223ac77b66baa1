"""JSON and YAML as JSON Schema sees them, and the lines of their parts."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.pushback.located import Unreadable, read
from gitferry.repos.manifest import SIZE_LIMIT
from gitferry.tests.pushback import documents
from gitferry.tests.pushback.manifests import manifests


def value(name: str, text: str) -> object:
    return read(name, text.encode()).value


def why_not(name: str, data: bytes) -> tuple[int, str]:
    with pytest.raises(Unreadable) as caught:
        read(name, data)
    return caught.value.line, caught.value.message


# -- what YAML means


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1.10", 1.1),
        ('"1.10"', "1.10"),
        ("'1'", "1"),
        ("!!str 1.10", "1.10"),
        ("! 1", "1"),
        ("1.2.0", "1.2.0"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("yes", "yes"),
        ("on", "on"),
        ("n", "n"),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("nil", "nil"),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("-3", -3),
        ("+.5", 0.5),
        ("1e3", 1000.0),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("|\n  1\n", "1\n"),
    ],
)
def test_a_yaml_scalar_means_what_the_core_schema_says(text: str, meant: object) -> None:
    found = value("a.yaml", f"key: {text}")
    assert found == {"key": meant}
    assert type(found["key"]) is type(meant)


def test_yaml_keys_are_texts_as_they_are_written() -> None:
    assert value("a.yml", "1: a\non: b\n2026-01-02: c\n1.10: d\n~: e\n") == {
        "1": "a",
        "on": "b",
        "2026-01-02": "c",
        "1.10": "d",
        "~": "e",
    }


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_a_key_that_stands_twice_counts_with_its_last_value_and_line(name: str) -> None:
    located = read(name, b'{"a": 1,\n "b": 2,\n "a": {"c": 3}}')
    assert located.value == {"a": {"c": 3}, "b": 2}
    assert located.spot().line_of(("a", "c")) == 3


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("a.yaml", "a: &x 1\nb: *x\n", 2, "aliases"),
        ("a.yaml", "a: 1\nb: !!python/object:os.system x\n", 2, "the tag"),
        ("a.yaml", "a: !!set {x}\n", 1, "the tag"),
        ("a.yaml", "a: 1\n---\nb: 2\n", 2, "more than one document"),
        ("a.yaml", "a: 1\n? [b]\n: 2\n", 2, "a key that is no text"),
        ("a.yaml", "a: 1\nb: [2\n", 3, ""),
        ("a.yaml", "a: 1\nb: " + "9" * 5000, 2, "5,000 digits"),
        ("a.yaml", "a: 0x" + "9" * 5000, 1, "5,002 digits"),
        ("a.yaml", "a: 1\nb: 1e999", 2, "too large"),
        ("a.yaml", 'a: "\\U00110000"', 1, ""),
        ("a.json", '{\n"a" 1}', 2, "delimiter"),
        ("a.json", '{"a": NaN}', 1, "NaN"),
        ("a.json", "9" * 5000, 1, "5,000 digits"),
        ("a.json", "1e999", 1, "too large"),
        ("a.json", "[" * 100_000, 1, "too deeply"),
    ],
)
def test_what_is_refused_says_where(name: str, text: str, line: int, message: str) -> None:
    found = why_not(name, text.encode())
    assert found[0] == line
    assert message in found[1]


def test_bytes_that_are_no_text_and_too_many_bytes_are_refused() -> None:
    assert why_not("a.json", b'{"a":\n "\xff"}') == (2, "it is not UTF-8")
    assert "are allowed" in why_not("a.json", b" " * (SIZE_LIMIT + 1))[1]


def test_a_byte_order_mark_is_no_part_of_the_value() -> None:
    assert value("a.json", "\ufeff[1]") == [1]


def test_a_yaml_text_without_a_value_is_null() -> None:
    assert value("a.yaml", "# nothing yet\n") is None


# -- lines


def test_lines_in_json() -> None:
    spot = read("a.json", b'{\r\n\t"a\\u0062": [\r\n\t\t1,\r\n\t\t{"c":\r\n "\\"}"}\r\n]}').spot()
    assert [spot.line_of(where) for where in ((), ("ab",), ("ab", 0), ("ab", 1), ("ab", 1, "c"), ("x", "y"))] == [
        1,
        2,
        3,
        4,
        4,
        1,
    ]


def test_lines_in_yaml() -> None:
    spot = read("a.yaml", b"# a comment\na:\n  - 1\n  -\n    b: 2\n    c: |\n      3\nd: {e: 4,\n f: 5}\n").spot()
    places = (("a",), ("a", 0), ("a", 1, "b"), ("a", 1, "c"), ("d", "e"), ("d", "f"))
    assert [spot.line_of(where) for where in places] == [2, 3, 5, 6, 8, 9]


@pytest.mark.soak
@given(random=st.randoms(use_true_random=False))
def test_json_has_the_lines_that_yaml_has(random: Random) -> None:
    """JSON without tabs is YAML, whose parser is somebody else's."""
    data = documents.as_json(documents.mapping(random), documents.Style())
    one, two = read("a.json", data), read("a.yaml", data.replace(b"\t", b" "))
    assert one.value == two.value
    assert one.spot() == two.spot()


@pytest.mark.parametrize("path", [path for path in manifests() if path.endswith(".json")])
def test_real_manifests_are_read_as_python_reads_them(path: str) -> None:
    assert read(path, manifests()[path]).value == json.loads(manifests()[path])
