"""Operations are found by the beginning of an id; what is not found may be where nobody could look."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitferry.daemon.address import AmbiguousOperation, UnknownOperation, operation
from gitferry.pushback.outcome import Operation

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def done(id: str, repository: str = "tasks") -> Operation:
    return Operation(id, repository, NOON, "watch", "sync", "desk", "ada", (), (), None, None, None, None, True)


def test_an_abbreviation_that_fits_one() -> None:
    log = [done("abc1"), done("abc2"), done("abc"), done("d_1")]
    assert [operation(prefix, log).id for prefix in ("abc1", "d", "abc")] == ["abc1", "d_1", "abc"]
    for nothing in ("x", "", "%", "__1"):
        with pytest.raises(UnknownOperation):
            operation(nothing, log)
    with pytest.raises(AmbiguousOperation) as several:
        operation("ab", log)
    assert "abc1 (tasks)" in several.value.hint


def test_copies_of_a_repository_are_named() -> None:
    with pytest.raises(AmbiguousOperation) as several:
        operation("same", [done("same", "one"), done("same", "two")])
    assert "same (one), same (two)" in several.value.hint


def test_unreadable_repositories_are_named() -> None:
    with pytest.raises(UnknownOperation) as unknown:
        operation("x", [], ["gone"])
    assert "gone could not be read" in unknown.value.hint
