"""Tasks that links join are one group."""

from __future__ import annotations

from gitferry.pushback.groups import grouped


def test_links_join_also_by_way_of_others() -> None:
    links = [("d", "c"), ("b", "c"), ("a", "a"), ("e", "gone"), ("gone", "a")]
    assert grouped("fedcba", links) == [("a",), ("b", "c", "d"), ("e",), ("f",)]


def test_nothing_is_in_no_group() -> None:
    assert grouped((), [("a", "b")]) == []
