"""YAML text that every reader takes for the same value."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitferry.config.document import plain, read
from gitferry.config.render import block, entry, inline

TEXTS = st.text(st.characters(codec="utf-8"))
WORDS = st.sampled_from(
    ["off", "yes", "null", "~", "1.10", "012", "1e5", "12:30", "0x1F", "5m", "10%", "a: b", "- x", ""]
)


@given(TEXTS | WORDS)
def test_a_text_stays_the_text(text: str) -> None:
    assert yaml.safe_load(f"key: {inline(text)}") == {"key": text}
    assert yaml.safe_load(f"[{inline(text)}, {{{inline(text)}: {inline(text)}}}]") == [text, {text: text}]


@given(st.dictionaries(TEXTS.filter(lambda key: "\ufeff" not in key), TEXTS | WORDS))
def test_our_own_reader_agrees(value: dict[str, str]) -> None:
    from pathlib import Path

    found = read(("\n".join(block({"k": value})) + "\n").encode(), Path("f"))
    assert found.faults == () and found.root is not None
    assert plain(found.root) == {"k": value}


@pytest.mark.parametrize("value", [None, True, False, 4, "5m", ["a", "b c"], {"a": {"b": []}}, [], {}])
def test_values(value: Any) -> None:
    assert yaml.safe_load(inline(value)) == value


def test_blocks() -> None:
    value = {"name": "a", "auth": {"credential": "x"}, "list": [{"a": "1"}, {"b": "2", "c": {"d": "e"}}], "none": {}}
    assert yaml.safe_load("\n".join(block(value))) == value
    assert entry({"a": "x", "b": {"c": "z"}}, 2) == ["  - a: x", "    b:", "      c: z"]
