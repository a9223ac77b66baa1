"""YAML as values that know where they stand, and faults of form."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.config.document import find, plain, read, without

FILE = Path("config.yaml")


def faults(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [str(fault) for fault in read(data, FILE).faults]


def test_types_are_left_to_the_model() -> None:
    found = read(b'a: off\nb: 012\nc: "null"\nd: null\ne:\nf: ~\ng: 1.10\nh: 12:30\n', FILE)
    assert found.root is not None and found.faults == ()
    assert plain(found.root) == {
        "a": "off", "b": "012", "c": "null", "d": None, "e": None, "f": None, "g": "1.10", "h": "12:30",
    }  # fmt: skip


def test_every_value_knows_its_place() -> None:
    found = read("a:\n  b: [x, {c: ü, d: y}]\n  n:\n".encode(), FILE)
    assert found.root is not None
    _, mark = find(found.root, ("a", "b", 1, "d"))
    assert (mark.line, mark.column) == (1, 19)
    _, mark = find(found.root, ("a", "n"))
    assert (mark.line, mark.column) == (2, 2)
    _, mark = find(found.root, ("a", "b", 1, "missing", "deeper"))
    assert (mark.line, mark.column) == (1, 9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "config.yaml:1:1: the file is empty (gitferry init writes one)"),
        ("# only this\n", "config.yaml:1:1: the file is empty (gitferry init writes one)"),
        ("---\n", "config.yaml:2:1: the file is empty (gitferry init writes one)"),
        ("just text\n", "config.yaml:1:1: no keys (KEY: VALUE lines)"),
        ("- a\n", "config.yaml:1:1: no keys (KEY: VALUE lines)"),
        ("a: 1\nb: 2\na: 3\n", "config.yaml:3:1: a is written twice, first in line 1 (each key once)"),
        ("a: 1\n---\nb: 2\n", "config.yaml:2:1: a second document (YAML in UTF-8, one document, indented with spaces)"),
        ("a: !!python/object:os.system x\n", "config.yaml:1:4: a tag tag:yaml.org,2002:python/object:os.system"),
        ("a: {{ summary }}\n", "config.yaml:1:5: a key that is no text (put a value that begins with { in quotes)"),
        ("a:\n\tb: 1\n", "config.yaml:2:1: not valid YAML: "),
        ("a: [1\n", "config.yaml:2:1: not valid YAML: "),
        ("a: b: c\n", "config.yaml:1:5: not valid YAML: "),
        (b"a: 1\nb: \xff\n", "config.yaml:2:4: not UTF-8"),
        ("a: 1\nb: \x07\n", "config.yaml:2:4: a control character"),
        ("a: " + "[" * 100_000, "config.yaml:1:23: nested too deeply (at most 20 levels)"),
        (b"#" * ((1 << 20) + 1), "config.yaml:1:1: the file is larger than 1 MiB (at most 1MiB)"),
    ],
)
def test_faults_of_form(text: str | bytes, expected: str) -> None:
    found = faults(text)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_anchors_and_aliases_are_not_read() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    found = read(bomb.encode(), FILE)
    assert [fault.line for fault in found.faults] == [1, 2, 2, 2, 3, 3]
    assert found.root is not None and plain(found.root) == {"a": ["x", "x"], "b": [], "c": []}


def test_several_faults_are_told_at_once_and_the_rest_is_read() -> None:
    found = read(b"a: 1\na: 2\nb: *x\nc: !t 3\nd: 4\n", FILE)
    assert len(found.faults) == 3
    assert found.root is not None
    assert plain(found.root) == {"a": "1", "d": "4"}
    assert found.root.broken == {"b", "c"}


def test_a_byte_order_mark_and_crlf_are_no_faults() -> None:
    found = read(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", FILE)
    assert found.root is not None and plain(found.root) == {"a": "1", "b": "2"}


def test_without() -> None:
    found = read(b"a: [{b: 1, c: 2}]\n", FILE)
    assert found.root is not None
    assert plain(without(found.root, ("a", 0, "b"))) == {"a": [{"c": "2"}]}
    assert plain(without(found.root, ("a", 0))) == {"a": [{"b": "1", "c": "2"}]}
