"""Names in a sentence."""

from __future__ import annotations

import pytest

from gitferry.config.listing import first_of


@pytest.mark.parametrize(
    ("names", "said"), [("", ""), ("a", "a"), ("ab", "a, b"), ("abc", "a, b and 1 more"), ("abcde", "a, b and 3 more")]
)
def test_two_are_named_and_the_rest_counted(names: str, said: str) -> None:
    assert first_of(list(names), 2) == said
