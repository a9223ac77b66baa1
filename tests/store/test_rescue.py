"""Credentials come out of a damaged database as far as it can be read, and it is said how far that was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gitferry.store.aside import move_aside
from gitferry.store.rescue import Rescued, rescue
from gitferry.store.store import Store
from gitferry.store.vault import StoredVault
from gitferry.tests.store.test_vault import KEY, row

NAMES = tuple(f"work{number:03}" for number in range(60))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gitferry.db'}"


def fill(url: str) -> None:
    with Store(url) as store:
        vault = StoredVault(lambda: store)
        vault.add_key(KEY)
        for name in NAMES:
            vault.add(row(name, sealed=name.encode() * 40))


def brought_over(url: str) -> tuple[Rescued, tuple[str, ...]]:
    aside = move_aside(url)
    assert aside is not None
    before = aside.read_bytes()
    with Store(url) as store:
        told = rescue(aside, store)
        found = tuple(each.name for each in StoredVault(lambda: store).credentials())
    assert aside.read_bytes() == before
    assert [path.name for path in aside.parent.iterdir() if path.name.startswith(".")] == []
    return told, found


def test_all_of_a_sound_vault_is_brought_over(url: str) -> None:
    fill(url)
    told, found = brought_over(url)
    assert told == Rescued(NAMES, whole=True)
    assert found == NAMES
    assert told.said is not None and "were brought over" in told.said


def test_what_stands_in_the_journal_alone_is_brought_over(url: str, tmp_path: Path) -> None:
    store = Store(url)
    StoredVault(lambda: store).add(row("fresh"))
    assert (tmp_path / "gitferry.db-wal").stat().st_size > 0
    told, found = brought_over(url)
    store.close()
    assert found == ("fresh",) and told.whole


def test_of_a_damaged_file_the_rest_is_brought_over(url: str, tmp_path: Path) -> None:
    fill(url)
    file = tmp_path / "gitferry.db"
    data = bytearray(file.read_bytes())
    middle = data.index(b"work030work030")
    page = middle - middle % 4096
    data[page : page + 4096] = b"\xa5" * 4096
    file.write_bytes(data)
    told, found = brought_over(url)
    assert not told.whole
    assert 0 < len(found) < len(NAMES) and "work000" in found and "work059" in found
    assert told.names == found
    assert told.said is not None and "others may be lost" in told.said


@pytest.mark.parametrize("spoil", [b"not a database at all" * 300, b""])
def test_where_nothing_can_be_read_that_is_said(url: str, tmp_path: Path, spoil: bytes) -> None:
    fill(url)
    file = tmp_path / "gitferry.db"
    file.write_bytes(spoil)
    told, found = brought_over(url)
    assert found == ()
    if spoil:
        assert told.said is not None and "are lost" in told.said


def test_a_database_without_credentials_says_nothing(url: str, tmp_path: Path) -> None:
    with Store(url):
        pass
    assert brought_over(url)[0].said is None
    other = tmp_path / "other"
    other.mkdir()
    connection = sqlite3.connect(other / "gitferry.db")
    connection.execute("CREATE TABLE repositories (name TEXT)")
    connection.close()
    assert brought_over(f"sqlite:///{other / 'gitferry.db'}")[0].said is None
