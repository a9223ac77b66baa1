"""Credentials outlive a damaged database, also where the process dies while they are brought over."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.daemon.ledger import Ledger
from gitferry.store.faults import StoreError
from gitferry.store.store import Store
from gitferry.store.vault import StoredVault
from gitferry.tests.security.vaults import killed_at
from gitferry.tests.store.test_vault import KEY, row


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database whose index is damaged, and whose vault can be read."""
    url = f"sqlite:///{tmp_path / 'gitferry.db'}"
    with Store(url) as store:
        vault = StoredVault(lambda: store)
        vault.add_key(KEY)
        vault.add(row("work"))
        with store.writing() as session:
            session.connection().exec_driver_sql("DROP TABLE repositories")
    return url


def names(ledger: Ledger) -> list[str]:
    try:
        return [each.name for each in StoredVault(ledger.open).credentials()]
    finally:
        ledger.close()


def test_what_a_dead_process_did_not_bring_over_the_next_one_does(url: str) -> None:
    assert killed_at("rescue.partial", 1, lambda: names(Ledger(url)))
    later = Ledger(url)
    assert names(later) == ["work"]
    assert later.rescued is not None and "work" in later.rescued
    again = Ledger(url)
    assert names(again) == ["work"]
    assert again.rescued is None


def test_a_url_that_names_no_database_is_told() -> None:
    with pytest.raises(StoreError, match="not a database URL"):
        Ledger("postgresql://host:port/name").open()


def test_two_processes_that_notice_at_once_lose_nothing(url: str, tmp_path: Path) -> None:
    from gitferry.store.faults import CorruptStore

    first, second = Ledger(url), Ledger(url)
    first._broken = second._broken = CorruptStore("the database is damaged", "")
    assert names(first) == names(second) == ["work"]
    assert len([path for path in tmp_path.glob("*.broken-*") if not path.name.endswith(("-wal", "-shm"))]) == 2
