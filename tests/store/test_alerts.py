"""Alerts and notices in the database: what is kept, what goes with what, and that a restart changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitferry.store.alerts import AlertRow, NoticeRow, StoredAlerts
from gitferry.store.store import Store

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def alert(name: str, **changes: object) -> AlertRow:
    values = {"id": name, "kind": "conflict", "repository": "work", "subject": f"ä/{name}\udcff"}
    values |= {"said": "both sides changed it", "remedy": "`gitferry resolve`"}
    return AlertRow(**(values | {"since": AT, "raised": AT} | changes))  # type: ignore[arg-type]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gitferry.db'}"


@pytest.fixture
def stored(url: str) -> Iterator[StoredAlerts]:
    with Store(url) as store:
        yield StoredAlerts(lambda: store)


def test_alerts_come_out_as_they_went_in_and_go_when_they_are_over(stored: StoredAlerts) -> None:
    stored.change([alert("b", raised=AT.replace(hour=4)), alert("a")], [])
    assert stored.open() == (alert("a"), alert("b", raised=AT.replace(hour=4)))
    stored.change([alert("c", repository="")], ["a", "never"])
    assert [each.id for each in stored.open()] == ["c", "b"]


def test_a_notice_lives_as_long_as_its_alert(stored: StoredAlerts) -> None:
    stored.change([alert("a"), alert("b")], [])
    stored.begin("desktop", "m1", ["a", "b", "over meanwhile"])
    stored.begin("hook", "m2", ["a"])
    stored.end("desktop", "m1")
    assert sorted(stored.notices("desktop"), key=lambda each: each.alert) == [
        NoticeRow("a", "desktop", "m1", True),
        NoticeRow("b", "desktop", "m1", True),
    ]
    assert stored.notices("hook") == (NoticeRow("a", "hook", "m2", False),)
    stored.change([], ["a"])
    assert stored.notices("hook") == ()
    assert [each.alert for each in stored.notices("desktop")] == ["b"]


def test_another_process_finds_all_of_it(url: str) -> None:
    with Store(url) as store:
        StoredAlerts(lambda: store).change([alert("a")], [])
        StoredAlerts(lambda: store).begin("hook", "m", ["a"])
    with Store(url) as again:
        found = StoredAlerts(lambda: again)
        assert found.open() == (alert("a"),)
        assert found.notices("hook") == (NoticeRow("a", "hook", "m", False),)
