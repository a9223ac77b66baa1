"""Points in time as texts: they come back as they were, and sort as times do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gitferry.config.instants import instant

EAST = timezone(timedelta(hours=10))


def test_texts_sort_as_times_do_and_come_back() -> None:
    times = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 1, 20, tzinfo=EAST),
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ]
    texts = [instant(each) for each in times]
    assert texts == sorted(texts)
    assert [datetime.fromisoformat(text) for text in texts] == times
    assert texts[2] == "2026-03-01T10:00:00.000000Z"


def test_a_time_without_a_zone_is_a_fault() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        instant(datetime(2026, 3, 1))
