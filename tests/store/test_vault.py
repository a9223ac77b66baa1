"""The vault's tables: each write whole or not at all, and every row can be read whatever is in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.store.store import Store
from gitferry.store.vault import CredentialRow, KeyRow, StoredVault

KEY = KeyRow("k1", "current", "keyfile", "", "2026-03-01T12:00:00.000000Z", b"\0\1", None, None)
NEXT = KeyRow("k2", "next", "keyfile", "", "2026-03-02T12:00:00.000000Z", b"\2", b"forward", b"back")


def row(name: str, key_id: str = "k1", **changes: object) -> CredentialRow:
    values = {
        "id": f"id-{name}",
        "name": name,
        "kind": "token",
        "username": None,
        "version": 1,
        "created": "2026-03-01T12:00:00.000000Z",
        "rotated": "2026-03-01T12:00:00.000000Z",
        "expires": None,
        "key_id": key_id,
        "wrapped": b"\0wrapped",
        "sealed": b"\xffsealed",
        "last_used": None,
    }
    return CredentialRow(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gitferry.db"


@pytest.fixture
def vault(file: Path) -> Iterator[StoredVault]:
    with Store(f"sqlite:///{file}") as store:
        yield StoredVault(lambda: store)


def test_rows_come_out_as_they_went_in(vault: StoredVault) -> None:
    vault.add_key(NEXT)
    vault.add_key(KEY)
    assert vault.vault_keys() == (KEY, NEXT)
    assert vault.add(row("b", username="ann ü", expires="2027-01-01T00:00:00.000000Z"))
    assert vault.add(row("a"))
    assert not vault.add(row("a", id="another"))
    assert [each.name for each in vault.credentials()] == ["a", "b"]
    assert vault.credential("b") == row("b", username="ann ü", expires="2027-01-01T00:00:00.000000Z")
    assert vault.credential("c") is None


def test_a_row_is_replaced_used_and_removed(vault: StoredVault) -> None:
    vault.add(row("a"))
    vault.replace(row("a", version=2, sealed=b"new"))
    vault.used("a", "2026-03-05T12:00:00.000000Z")
    found = vault.credential("a")
    assert found is not None
    assert (found.version, found.sealed, found.last_used) == (2, b"new", "2026-03-05T12:00:00.000000Z")
    assert vault.remove(row("a"))
    assert not vault.remove(row("a"))


def test_only_a_row_that_is_as_it_was_seen_is_rewrapped(vault: StoredVault) -> None:
    seen = row("a")
    vault.add(seen)
    assert vault.rewrap(seen, "k2", b"other")
    assert not vault.rewrap(seen, "k3", b"another")
    found = vault.credential("a")
    assert found is not None and (found.key_id, found.wrapped) == ("k2", b"other")


def test_keys_change_places_only_when_nothing_is_left_under_the_old(vault: StoredVault) -> None:
    vault.add_key(KEY)
    vault.add_key(NEXT)
    vault.add(row("a"))
    assert not vault.switch("k2")
    assert [each.state for each in vault.vault_keys()] == ["current", "next"]
    vault.rewrap(row("a"), "k2", b"other")
    assert vault.switch("k2")
    first, second = vault.vault_keys()
    assert (first.state, second.state) == ("retired", "current")
    assert (second.forward, second.back) == (None, None)
    vault.drop_key("k1")
    assert [each.id for each in vault.vault_keys()] == ["k2"]


@pytest.mark.parametrize("value", [b"\xff\xfe", "text", 7, -1.5, b"", "", 1 << 62])
def test_whatever_stands_in_a_column_can_be_read(vault: StoredVault, file: Path, value: object) -> None:
    vault.add_key(KEY)
    vault.add(row("a"))
    for table, columns in (("vault_keys", KeyRow.__slots__), ("credentials", CredentialRow.__slots__)):
        for column in columns:
            connection = sqlite3.connect(file)
            with connection:
                connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
            connection.close()
            assert len(vault.vault_keys()) == len(vault.credentials()) == 1


def test_secrets_are_not_in_what_is_shown() -> None:
    assert "sealed" not in repr(row("a")) and "proof" not in repr(KEY)
