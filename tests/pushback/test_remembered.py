"""Only so many answers are remembered, and those that are asked for stay."""

from __future__ import annotations

from gitferry.pushback.remembered import Remembered, key_of


def test_what_was_asked_for_longest_ago_goes() -> None:
    known: Remembered[str] = Remembered(2)
    keys = [key_of(number) for number in range(3)]
    for key in keys[:2]:
        known.put(key, "an answer")
    assert known.get(keys[0]) is not None
    known.put(keys[2], "another")
    assert [known.get(key) is not None for key in keys] == [True, False, True]
