"""The audit table: what is read is what stands there, and one transaction at a time writes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gitferry.security.audit import Wanted
from gitferry.store.faults import StoreError
from gitferry.store.rows import AuditRow
from gitferry.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'gitferry.db'}")


def row(sequence: int, key: str | None = None) -> AuditRow:
    at = f"2026-01-{sequence:02}T00:00:00.000000Z"
    return AuditRow(sequence, at, "push", "me", "it", "done", "{}", key, "0", f"{sequence:064x}")


def test_what_was_added_is_read_back(store: Store) -> None:
    with store.audit.writing() as writing:
        assert writing.head() is None
        for number in range(1, 6):
            writing.add(row(number, f"key {number}"))
    with store.audit.writing() as writing:
        assert writing.head() == (5, f"{5:064x}")
        assert writing.knows("key 3") and not writing.knows("key 9")
        assert writing.last_before("2026-01-03T12", 1) == (3, f"{3:064x}")
        assert writing.last_before("2026-01-03T12", 4) == (1, f"{1:064x}")
        assert writing.last_before("2027", 5) is None
        assert writing.remove_through(2) == 2
    assert list(store.audit.read(Wanted())) == [row(number, f"key {number}") for number in range(3, 6)]


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(StoreError), store.audit.writing() as writing:
        writing.add(row(1))
        writing.add(row(1))
    assert list(store.audit.read(Wanted())) == []


def test_two_threads_never_see_the_same_head(store: Store) -> None:
    def add() -> None:
        for _ in range(20):
            with store.audit.writing() as writing:
                head = writing.head()
                writing.add(row(head[0] + 1 if head else 1))

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.sequence for each in store.audit.read(Wanted())] == list(range(1, 61))


def test_a_text_that_is_none_is_read_all_the_same(store: Store) -> None:
    with store.audit.writing() as writing:
        writing.add(row(1))
        writing._connection.exec_driver_sql("UPDATE audit_records SET actor = x'ff00', subject = 7, result = x''")
    (found,) = store.audit.read(Wanted())
    assert (found.actor, found.subject, found.result) == ("\udcff\0", "7", "")
