"""The vault over a real database: what goes in comes out for the one who may, and whoever changes a record is found."""

from __future__ import annotations

import logging
import sqlite3
import threading
from datetime import timedelta

import pytest

from gitferry.config.errors import GitferryError
from gitferry.security.credential import (
    CredentialExists,
    CredentialRefused,
    DamagedCredential,
    NoSuchCredential,
)
from gitferry.security.key_sources import KeySourceError
from gitferry.security.login import Login
from gitferry.security.vault_faults import DamagedVault, NoVault, VaultBusy, VaultExists, VaultLocked, WrongKey
from gitferry.security.vault_lock import VaultLock
from gitferry.tests.security.vaults import NOON, Place, given

CANARY = b"canary-7f3a91-token"
KEY_CANARY = (
    b"-----BEGIN OPENSSH PRIVATE KEY-----\ncanary7f3a91key\n-----END OPENSSH PRIVATE KEY-----\n"  # secrets: an example
)


def sql(place: Place, statement: str, *values: object) -> None:
    connection = sqlite3.connect(place.database)
    with connection:
        connection.execute(statement, values)
    connection.close()


def test_what_is_put_in_comes_out_in_another_process(place: Place) -> None:
    vault = place.vault()
    assert vault.init("keyfile") == "keyfile"
    vault.add(given("work"), CANARY)
    vault.add(given("forge", "basic", "ann"), b"pass word")
    vault.add(given("deploy", "ssh_key"), KEY_CANARY, b"unlock me")
    later = place.vault()
    assert later.login("work") == Login("token", CANARY)
    assert later.login("forge") == Login("basic", b"pass word", "ann")
    assert later.login("deploy") == Login("ssh_key", KEY_CANARY, None, b"unlock me")
    assert [each.name for each in later.credentials()] == ["deploy", "forge", "work"]


def test_the_first_place_that_works_is_taken(place: Place) -> None:
    assert place.vault().init(None) == "keyfile"
    with pytest.raises(VaultExists):
        place.vault().init("keyfile")


def test_without_a_vault_every_verb_says_so(place: Place) -> None:
    vault = place.vault()
    assert vault.status().source is None
    assert vault.credentials() == ()
    for act in (lambda: vault.add(given("a"), b"s"), lambda: vault.login("a"), vault.unlock, vault.rekey):
        with pytest.raises(NoVault):
            act()


def test_a_passphrase_vault_starts_locked(place: Place) -> None:
    vault = place.vault()
    vault.init("passphrase", b"four words are enough")
    vault.add(given("work"), CANARY)
    later = place.vault()
    assert later.status().locked
    assert [each.name for each in later.credentials()] == ["work"]
    with pytest.raises(VaultLocked):
        later.login("work")
    with pytest.raises(WrongKey):
        later.unlock(b"other words")
    with pytest.raises(VaultLocked):
        later.login("work")
    later.unlock(b"four words are enough")
    assert later.login("work").secret == CANARY
    later.lock()
    with pytest.raises(VaultLocked):
        later.login("work")


def test_rotating_replaces_the_secret_and_keeps_the_rest(place: Place) -> None:
    vault = place.vault()
    vault.init("keyfile")
    first = vault.add(given("work"), b"old")
    place.clock.pass_(days=3)
    second = vault.replace(given("work"), b"new")
    assert vault.login("work").secret == b"new"
    assert (second.id, second.created, second.version) == (first.id, first.created, 2)
    assert second.rotated == NOON + timedelta(days=3)
    with pytest.raises(NoSuchCredential, match="none"):
        vault.replace(given("none"), b"new")


def test_names_are_taken_once_and_a_removed_one_is_free(place: Place) -> None:
    vault = place.vault()
    vault.init("keyfile")
    vault.add(given("work"), b"one")
    with pytest.raises(CredentialExists):
        vault.add(given("work"), b"two")
    vault.remove("work")
    with pytest.raises(NoSuchCredential):
        vault.login("work")
    with pytest.raises(NoSuchCredential):
        vault.remove("work")
    vault.add(given("work"), b"two")
    assert vault.login("work").secret == b"two"


@pytest.mark.parametrize(
    ("name", "kind", "username", "secret", "said"),
    [
        ("-x", "token", None, b"s", "no name"),
        ("a", "github_app", None, b"s", "not kept yet"),
        ("a", "oauth", None, b"s", "no type"),
        ("a", "basic", None, b"s", "user name"),
        ("a", "basic", "ann\nhost=evil", b"s", "control character"),
        ("a", "token", None, b" ", "empty"),
        ("a", "token", None, b"one\ntwo", "more than one line"),
        ("a", "token", None, b"x" * 70_000, "longer than"),
    ],
)
def test_what_cannot_sign_in_is_refused(
    place: Place, name: str, kind: str, username: str | None, secret: bytes, said: str
) -> None:
    vault = place.vault()
    vault.init("keyfile")
    with pytest.raises(CredentialRefused, match=said):
        vault.add(given(name, kind, username), secret)


def test_use_is_noted_once_a_minute(place: Place) -> None:
    vault = place.vault()
    vault.init("keyfile")
    assert vault.add(given("work"), b"s").last_used is None
    vault.login("work")
    place.clock.pass_(seconds=30)
    vault.login("work")
    assert vault.describe("work").last_used == NOON
    place.clock.pass_(seconds=31)
    vault.login("work")
    assert vault.describe("work").last_used == NOON + timedelta(seconds=61)


def test_an_end_in_a_year_of_few_digits_opens(place: Place) -> None:
    vault = place.vault()
    vault.init("keyfile")
    vault.add(given("work", expires=NOON.replace(year=1)), b"s")
    (found,) = vault.credentials()
    assert (found.expires, found.fault) == (NOON.replace(year=1), None)


@pytest.mark.parametrize(
    ("days", "said"), [(15, None), (14, "in 14 days"), (1, "in 1 day "), (0.5, "within a day"), (-1, "expired on")]
)
def test_an_end_is_warned_of_two_weeks_before(place: Place, days: float, said: str | None) -> None:
    vault = place.vault()
    vault.init("keyfile")
    made = vault.add(given("work", expires=NOON + timedelta(days=days)), b"s")
    warning = made.warning(place.clock())
    assert (warning is None) if said is None else (warning is not None and said in warning)
    assert vault.login("work").secret == b"s"  # whether it still counts is the server's word, not our clock's


def test_a_use_that_cannot_be_noted_stops_no_login(place: Place) -> None:
    """A full disk, or a database that another process keeps, holds up no edit."""
    vault = place.vault()
    vault.init("keyfile")
    vault.add(given("work"), CANARY)
    sql(place, "CREATE TRIGGER full BEFORE UPDATE ON credentials BEGIN SELECT RAISE(ABORT, 'full'); END")
    assert vault.login("work").secret == CANARY
    sql(place, "DROP TRIGGER full")
    place.clock.pass_(seconds=61)
    assert vault.login("work").secret == CANARY
    assert vault.describe("work").last_used == place.clock.now


def test_a_swapped_record_is_named_and_no_other_is_touched(place: Place) -> None:
    vault = place.vault()
    vault.init("keyfile")
    for name in ("one", "two", "three"):
        vault.add(given(name), name.encode())
    sql(place, "UPDATE credentials SET sealed = (SELECT sealed FROM credentials WHERE name = 'two'), wrapped = "
        "(SELECT wrapped FROM credentials WHERE name = 'two') WHERE name = 'one'")  # fmt: skip
    later = place.vault()
    with pytest.raises(DamagedCredential, match="'one'"):
        later.login("one")
    assert [later.login(name).secret for name in ("two", "three")] == [b"two", b"three"]
    assert [each.name for each in later.credentials() if each.fault] == ["one"]
    with pytest.raises(DamagedCredential, match="'one'"):
        later.rekey("keyfile")
    assert later.login("two").secret == b"two"
    later.replace(given("one"), b"again")
    assert later.login("one").secret == b"again"


def test_a_damaged_record_can_be_removed_and_is_left_out_of_an_export(place: Place) -> None:
    vault = place.vault()
    vault.init("keyfile")
    vault.add(given("one"), b"1")
    vault.add(given("two"), b"2")
    sql(place, "UPDATE credentials SET expires = '2031-01-01T00:00:00.000000Z' WHERE name = 'one'")
    sound, damaged = place.vault().everything()
    assert [each.credential.name for each in sound] == ["two"]
    assert [each.name for each in damaged] == ["one"]
    place.vault().remove("one")
    assert [each.name for each in place.vault().credentials()] == ["two"]
    sql(place, "UPDATE credentials SET name = x'ff00'")
    (damaged_name,) = place.vault().credentials()
    assert damaged_name.fault is not None
    place.vault().remove(damaged_name.id)
    assert place.vault().credentials() == ()


@pytest.mark.parametrize(
    "change",
    [
        "state = 'other'",
        "state = 'next'",
        "source = 'passphrase'",
        "source = 'moon'",
        "parameters = '{}'",
        "created = '2020'",
        "proof = x'00'",
        "proof = 'text'",
        "id = 'ffffffffffffffffffffffffffffffff'",
    ],
)
def test_a_changed_record_of_the_vaults_key_is_an_error(place: Place, change: str) -> None:
    vault = place.vault()
    vault.init("keyfile")
    vault.add(given("work"), b"s")
    sql(place, f"UPDATE vault_keys SET {change}")
    with pytest.raises((DamagedVault, WrongKey, VaultLocked)):
        place.vault().login("work")
    assert (place.root / "vault.key").exists()


def test_another_vaults_key_file_opens_nothing(place: Place) -> None:
    vault = place.vault()
    vault.init("keyfile")
    vault.add(given("work"), b"s")
    text = (place.root / "vault.key").read_text()
    swapped = text[:-45] + ("B" if text[-45] == "A" else "A") + text[-44:]
    (place.root / "vault.key").write_text(swapped)
    with pytest.raises(WrongKey):
        place.vault().login("work")
    (place.root / "vault.key").unlink()
    with pytest.raises(KeySourceError, match="missing"):
        place.vault().login("work")


def test_one_process_at_a_time_changes_the_vault(place: Place) -> None:
    vault = place.vault()
    vault.init("keyfile")
    lock = VaultLock(place.root)
    with lock.held(), pytest.raises(VaultBusy), VaultLock(place.root).held(wait=False):
        pass
    done = threading.Event()

    def add() -> None:
        vault.add(given("work"), b"s")
        done.set()

    with lock.held():
        adding = threading.Thread(target=add)
        adding.start()
        assert not done.wait(0.2)
        assert vault.credentials() == ()
    adding.join(30)
    assert vault.login("work").secret == b"s"


def test_a_canary_is_nowhere_but_in_its_login(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    vault = place.vault()
    vault.init("keyfile")
    vault.add(given("work"), CANARY)
    vault.add(given("deploy", "ssh_key"), KEY_CANARY, b"canary-passphrase")
    shown = [repr(vault), repr(vault._keys), repr(vault.login("work")), repr(vault.login("deploy"))]
    records = place.records()
    shown += map(repr, (*vault.credentials(), *vault.everything()[0], *records.credentials(), *records.vault_keys()))
    sql(place, "UPDATE credentials SET version = 9 WHERE name = 'work'")
    for act in (lambda: vault.login("work"), lambda: vault.rekey("keyfile"), lambda: vault.add(given("-"), CANARY)):
        with pytest.raises(GitferryError) as caught:
            act()
        chain: BaseException | None = caught.value
        while chain is not None:
            shown += [str(chain), repr(chain)]
            chain = chain.__cause__ or chain.__context__
    shown.append(caplog.text)
    files = {path.name: path.read_bytes() for path in place.root.iterdir()}
    assert "gitferry.db-wal" in files
    for data in [*files.values(), *(each.encode() for each in shown)]:
        assert b"canary" not in data.lower()
    assert any(b"deploy" in data for name, data in files.items() if name.startswith("gitferry.db"))
