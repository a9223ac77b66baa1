"""Variables in values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.config.interpolate import Unset, escape, interpolate

VARIABLES = {"A": "one", "EMPTY": "", "B": "${A}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${A}/${A}", "one/one"),
        ("$${A}", "${A}"),
        ("$$$${A}", "$${A}"),
        ("a$ $b$", "a$ $b$"),
        ("${EMPTY}", ""),
        ("${EMPTY:-x}", "x"),
        ("${NONE:-x y}", "x y"),
        ("${NONE:-}", ""),
        ("${A:-x}", "one"),
        ("${B}", "${A}"),
        ("${NONE:-sqlite:///${A}/db}!", "sqlite:///one/db!"),
        ("${A:-${NONE}}", "one"),
        ("${NONE:-${NONE:-deep}}", "deep"),
        ("{{ summary }}", "{{ summary }}"),
    ],
)
def test_values(text: str, expected: str) -> None:
    assert interpolate(text, VARIABLES) == expected


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A", "${A:x}", "${A:-x", "${A-x}", "${NONE:-${A}"])
def test_bad_syntax(text: str) -> None:
    with pytest.raises(ValueError):
        interpolate(text, VARIABLES)


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(Unset, match="NONE"):
        interpolate("${A}${NONE}", VARIABLES)


@given(st.text(alphabet="$ {}A:-x"))
def test_escaped_text_comes_back(text: str) -> None:
    assert interpolate(escape(text), {}) == text
