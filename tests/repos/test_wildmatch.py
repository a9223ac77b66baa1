"""Patterns match what git's wildmatch matches; test_sparse.py asks git itself about many more."""

from __future__ import annotations

import re

import pytest

from gitferry.repos import wildmatch

MATCHES = [
    ("a*b", "axxb", True),
    ("a*b", "a/b", False),
    ("a?b", "a/b", False),
    ("**/x", "x", True),
    ("**/x", "a/b/x", True),
    ("a/**", "a/b/c", True),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b", True),
    ("a**/b", "a/x/b", False),
    ("**a", "x/a", False),
    ("**\\/x", "a/b/x", True),
    ("**\\/x", "x", False),
    ("[a-c]", "b", True),
    ("[!a-c]", "b", False),
    ("[^/]", "/", False),
    ("[]a]", "]", True),
    ("[a-]", "-", True),
    ("[\\]]", "]", True),
    ("[\\a-c]", "b", True),
    ("[[:digit:]x]", "7", True),
    ("[[:digit:]x]", "d", False),
    ("[[:nonsense:]]", "n", False),
    ("[[:a]", ":", True),
    ("[a", "a", False),
    ("[a\\", "a", False),
    ("[/]", "/", False),
    ("a\\*", "a*", True),
    ("a\\*", "ab", False),
    ("a\\", "a\\", False),
    ("a*", "a\nb", True),
    ("?", "é", False),  # of bytes: it has two
    ("", "", True),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), MATCHES)
def test_a_pattern(pattern: str, path: str, expected: bool) -> None:
    expression = re.compile(wildmatch.translated(pattern.encode()), re.DOTALL)
    assert (expression.fullmatch(path.encode()) is not None) is expected


FOLDED = [
    ("A*", "ab", True),
    ("[A-C]", "b", True),
    ("[^A-C]", "b", False),
    ("[B]", "b", False),
    ("\\B", "b", False),
    ("[[:upper:]]", "b", True),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), FOLDED)
def test_a_pattern_where_case_is_ignored(pattern: str, path: str, expected: bool) -> None:
    expression = re.compile(wildmatch.translated(pattern.encode(), fold=True), re.DOTALL)
    assert (expression.fullmatch(path.encode()) is not None) is expected


@pytest.mark.parametrize(("pattern", "length"), [("a/b", 3), ("a*", 1), ("[a]", 0), ("a\\*", 1), ("", 0)])
def test_what_stands_before_the_first_special_byte(pattern: str, length: int) -> None:
    assert wildmatch.literal_length(pattern.encode()) == length
