"""What was done to a chain of records is named, and what a kill leaves behind is nothing of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitferry.security.audit_chain import (
    ANCHOR_LOST,
    CHECKPOINT,
    GENESIS,
    Anchor,
    Place,
    Record,
    canonical,
    digest,
    read_detail,
    tip,
    verify,
    written_detail,
)


def chain(
    *actions: str, start: int = 1, previous: str = GENESIS, details: dict[int, str] | None = None
) -> list[Record]:
    """Well-formed records that follow each other."""
    made: list[Record] = []
    for number, action in enumerate(actions, start):
        before = made[-1].hash if made else previous
        detail = (details or {}).get(number, "{}")
        made.append(
            Record(number, "2026-01-01T00:00:00.000000Z", action, "me", "it", "done", detail, None, before).sealed()
        )
    return made


def place(record: Record) -> Place:
    return Place(record.sequence, record.hash)


def anchored(records: list[Record]) -> Anchor:
    return Anchor(place(records[-1]))


def found(records: list[Record], anchor: Anchor | None) -> list[tuple[str, int, int]]:
    return [(each.kind, each.first, each.last) for each in verify(records, anchor).findings]


FIVE = chain("a", "b", "c", "d", "e")


def test_a_log_that_nobody_touched_is_intact() -> None:
    seen = verify(FIVE, anchored(FIVE))
    assert seen.intact and (seen.records, seen.first, seen.last) == (5, 1, 5)
    assert verify([], None).intact


def test_two_records_never_share_their_bytes() -> None:
    one = FIVE[0]
    others = [
        replace(one, sequence=11),
        replace(one, at="x"),
        replace(one, action='a","me'),
        replace(one, actor=""),
        replace(one, subject="\0"),
        replace(one, result="\udcff"),
        replace(one, detail="{} "),
        replace(one, key=""),
        replace(one, previous="1" * 64),
    ]
    assert len({canonical(each) for each in (one, *others)}) == 10
    assert canonical(replace(one, hash="else")) == canonical(one)
    assert len(digest(one)) == 64


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([*FIVE[:2], replace(FIVE[2], result="failed"), *FIVE[3:]], [("edited", 3, 3)]),
        ([*FIVE[:2], replace(FIVE[2], result="failed").sealed(), *FIVE[3:]], [("replaced", 3, 4)]),
        ([*FIVE[:1], *FIVE[3:]], [("removed", 2, 3)]),
        (FIVE[2:], [("removed", 1, 2)]),
        (FIVE[:3], [("truncated", 4, 5)]),
        ([], [("truncated", 1, 5)]),
        ([*FIVE, *chain("f", "g", start=6, previous=FIVE[4].hash)], [("inserted", 6, 7)]),
        ([replace(FIVE[0], sequence=0), *FIVE], [("inserted", 0, 0), ("moved", 0, 0)]),
        (
            [FIVE[0], replace(FIVE[2], sequence=2), replace(FIVE[1], sequence=3), *FIVE[3:]],
            [("moved", 2, 2), ("moved", 3, 3)],
        ),
        (
            [*FIVE[:4], replace(FIVE[4], actor="other").sealed()],
            [("replaced", 5, 5)],
        ),
    ],
)
def test_what_was_done_is_named(records: list[Record], expected: list[tuple[str, int, int]]) -> None:
    seen = found(records, anchored(FIVE))
    assert set(expected) <= set(seen)
    assert all(expected[0][1] - 1 <= first and last <= expected[-1][2] + 1 for _, first, last in seen)


def test_a_record_that_was_being_written_may_stand_or_not() -> None:
    during = Anchor(place(FIVE[3]), place(FIVE[4]))
    assert verify(FIVE, during).intact
    assert verify(FIVE[:4], during).intact
    assert found(FIVE[:3], during) == [("truncated", 4, 4)]
    other = replace(FIVE[4], actor="other").sealed()
    assert found([*FIVE[:4], other], during) == [("inserted", 5, 5)]


def test_a_log_without_its_anchor_is_not_trusted() -> None:
    assert found(FIVE, None) == [("anchor", 5, 5)]
    later = chain("a", ANCHOR_LOST, "c")
    assert found(later, anchored(later)) == [("anchor", 2, 2)]


def test_a_checkpoint_stands_for_what_was_removed_and_for_nothing_more() -> None:
    detail = {6: written_detail({"through": "3", "hash": FIVE[2].hash})}
    whole = [*FIVE, *chain(CHECKPOINT, "g", start=6, previous=FIVE[4].hash, details=detail)]
    assert verify(whole[3:], anchored(whole)).intact
    assert found(whole[4:], anchored(whole)) == [("removed", 4, 4)]
    assert found(whole[2:], anchored(whole)) == [("inserted", 3, 3)]
    unfitting = [replace(whole[3], previous="1" * 64).sealed(), *whole[4:]]
    assert ("replaced", 4, 4) in found(unfitting, anchored(whole))


def test_what_follows_a_changed_end_shows_it_for_good() -> None:
    anchor = anchored(FIVE)
    assert tip(anchor, place(FIVE[4])) == place(FIVE[4])
    assert tip(None, None) == Place(0, GENESIS)
    cut = FIVE[:3]
    after = chain("f", start=6, previous=tip(anchor, place(cut[-1])).hash)
    assert found([*cut, *after], anchored(after)) == [("removed", 4, 5)]
    forged = [*FIVE, *chain("x", start=6, previous=FIVE[4].hash)]
    at = tip(anchor, place(forged[-1]))
    after = chain("f", start=at.sequence + 1, previous=at.hash)
    assert found([*forged, *after], anchored(after)) == [("replaced", 6, 7)]


def test_details_that_somebody_broke_are_shown_as_they_stand() -> None:
    assert read_detail(written_detail({"b": "1", "a": "ü"})) == {"a": "ü", "b": "1"}
    assert read_detail("{") == {"unreadable": "{"}
    assert read_detail("[" * 100_000)["unreadable"].startswith("[[")
    assert read_detail('{"a": 1}') == {"a": "1"}
