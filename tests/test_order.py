"""The order in which files are begun where several processes share them."""

from __future__ import annotations

from gitferry.tests.order import LONG, TESTS, place


def test_every_file_that_is_named_is_there_and_named_once() -> None:
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
    assert len(set(LONG)) == len(LONG)


def test_files_that_are_named_come_first_and_then_those_with_many_tests() -> None:
    few, many, long = TESTS / "test_few.py", TESTS / "test_many.py", TESTS / LONG[1]
    tests = [few, many, many, long, TESTS / LONG[0]]
    assert sorted(tests, key=place(tests)) == [TESTS / LONG[0], long, many, many, few]
