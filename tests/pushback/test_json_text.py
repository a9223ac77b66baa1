"""JSON texts as trees: the parts are the text, and no text is read that Python's own reader refuses, nor otherwise."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.pushback.json_text import scan
from gitferry.pushback.text_tree import DEPTH_LIMIT, NODE_LIMIT, Tree
from gitferry.pushback.value import Atom, Unsettled, Value, read_json
from gitferry.tests.pushback import documents
from gitferry.tests.pushback.manifests import manifests
from gitferry.tests.pushback.trees import text_of


def scanned(text: str) -> Tree | None:
    try:
        return scan(text)
    except Unsettled:
        return None


def value(text: str) -> Value | None:
    try:
        return read_json(text)
    except Unsettled:
        return None


@pytest.mark.parametrize("path", [path for path in manifests() if path.endswith(".json")])
def test_manifests(path: str) -> None:
    text = manifests()[path].decode()
    tree = scan(text)
    assert text_of(tree) == text
    assert tree.root.value == read_json(text)


@pytest.mark.soak
@given(random=st.randoms(use_true_random=False))
def test_documents(random: Random) -> None:
    text = documents.as_json(documents.mapping(random), documents.Style()).decode()
    tree = scan(text)
    assert text_of(tree) == text
    assert tree.root.value == read_json(text)


@pytest.mark.soak
@given(text=st.text('{}[]:,"\\ \n\t\rautrefls019.-+eE\x00\x1f\ufeff', max_size=40))
def test_it_reads_what_python_reads(text: str) -> None:
    tree = scanned(text)
    assert (tree.root.value if tree else None) == value(text)
    assert tree is None or text_of(tree) == text


BROKEN = (
    *("", " ", "[1 2]", '{"a" 1}', "- 1", '"a\nb"', "[1]\x0b", "\ufeff[]"),
    *(
        "[1,]",
        '{"a":1,}',
        "[,1]",
        '{"a":}',
        "{1:1}",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "'a'",
        r'"\x"',
        r'"\u12"',
        '"',
        "tru",
    ),
    *("True", "NaN", "[1]]", "[", '{"a":1', '{"a":1,"a":1}'),
)


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_json(text: str) -> None:
    assert scanned(text) is None
    assert value(text) is None


def test_values_keep_how_they_are_written() -> None:
    assert scan(r'["é", "\u00e9", 1.0, 1e400, -0]').root.value == [
        Atom("string", "é"),
        Atom("string", "é"),
        Atom("number", "1.0"),
        Atom("number", "1e400"),
        Atom("number", "-0"),
    ]


def test_limits() -> None:
    assert scanned("[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT)
    assert scanned("[" * (DEPTH_LIMIT + 2) + "]" * (DEPTH_LIMIT + 2)) is None
    assert scanned("[" + ",".join("1" for _ in range(NODE_LIMIT - 1)) + "]")
    assert scanned("[" + ",".join("1" for _ in range(NODE_LIMIT)) + "]") is None
