"""A rekey or a rotation that dies at any step: every secret opens with exactly one key, and the next start goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.config.errors import GitferryError
from gitferry.security import credential_record, vault_key
from gitferry.security.credential import DamagedCredential
from gitferry.security.key_file import KeyFile
from gitferry.security.key_sources import KeySourceError
from gitferry.security.passphrase import load
from gitferry.security.vault import Vault
from gitferry.security.vault_faults import VaultLocked, WrongKey
from gitferry.tests.security.vaults import Place, given, killed_at

SECRETS = {"one": b"1", "two": b"2", "three": b"3"}
OLD, NEW = b"the old passphrase", b"the new passphrase"
POINTS = [
    *(("key.begun", 1), ("key.file_written", 1), ("key.placed", 1), ("key.rewrapped", 1), ("key.rewrapped", 2)),
    *(("key.rewrapped", 3), ("key.before_switch", 1), ("key.switched", 1), ("key.file_written", 2)),
    *(("key.forgotten", 1), ("key.dropped", 1)),
]
ROUTES = [("keyfile", "keyfile"), ("keyfile", "passphrase"), ("passphrase", "keyfile"), ("passphrase", "passphrase")]


def filled(place: Place, source: str) -> Vault:
    vault = place.vault()
    vault.init(source, OLD)
    for name, secret in SECRETS.items():
        vault.add(given(name), secret)
    return vault


def known_keys(place: Place) -> list[bytes]:
    """Every key that anyone can have: from the file, and from both passphrases."""
    keys = []
    for record in place.records().vault_keys():
        if record.source == "passphrase":
            keys += [load(record.parameters).key(each) for each in (OLD, NEW)]
        elif (place.root / "vault.key").exists():
            keys += KeyFile(place.root).load(record.id)
    return keys


def opened_by(place: Place) -> dict[str, int]:
    """How many keys open each credential."""
    counts = {}
    for record in place.records().credentials():
        counts[record.name] = 0
        for key in {*known_keys(place), *_led(place)}:
            try:
                assert credential_record.opened(record, key).secret == SECRETS[record.name]
            except DamagedCredential:
                continue
            counts[record.name] += 1
    return counts


def _led(place: Place) -> list[bytes]:
    """The keys that another one leads to during a rekey."""
    found = vault_key.standing(place.records().vault_keys())
    if found.next is None:
        return []
    keys = []
    for key in known_keys(place):
        if vault_key.proves(key, found.current):
            keys.append(vault_key.following(found.current, key, found.next))
        if vault_key.proves(key, found.next):
            keys.append(vault_key.followed(found.next, key, found.current))
    return keys


def reopened(place: Place) -> Vault:
    """The vault of the next process, opened by whichever passphrase it takes now."""
    for words in (None, OLD, NEW):
        vault = place.vault()
        try:
            vault.unlock(words)
        except (VaultLocked, WrongKey):
            continue
        return vault
    raise AssertionError("no passphrase opens it")


@pytest.mark.parametrize(("before", "after"), ROUTES)
def test_every_secret_opens_after_a_rekey_and_the_old_key_is_gone(place: Place, before: str, after: str) -> None:
    vault = filled(place, before)
    old = vault.status()
    assert vault.rekey(after, NEW) == after
    assert {name: vault.login(name).secret for name in SECRETS} == SECRETS
    assert (old.source, vault.status().source, vault.status().rekeying) == (before, after, False)
    assert len(place.records().vault_keys()) == 1
    assert opened_by(place) == dict.fromkeys(SECRETS, 1)
    if after == "passphrase":
        with pytest.raises(WrongKey):
            place.vault().unlock(OLD)


@pytest.mark.parametrize(("before", "after"), ROUTES)
def test_a_rekey_that_is_killed_at_any_step_goes_on_or_back(place: Place, before: str, after: str) -> None:
    reached = 0
    for number, (point, count) in enumerate(POINTS):
        here = Place(place.root / str(number))
        filled(here, before).lock()
        here.close()

        def act(here: Place = here) -> None:
            vault = here.vault()
            vault.unlock(OLD if before == "passphrase" else None)
            vault.rekey(after, NEW)

        reached += killed_at(point, count, act)
        assert opened_by(here) == dict.fromkeys(SECRETS, 1), (point, count)
        vault = reopened(here)
        assert {name: vault.login(name).secret for name in SECRETS} == SECRETS, (point, count)
        status = vault.status()
        assert (status.rekeying, status.fault, status.locked) == (False, None, False), (point, count)
        assert len(here.records().vault_keys()) == 1
        assert opened_by(here) == dict.fromkeys(SECRETS, 1), (point, count)
        here.close()
    assert reached >= 8


@pytest.mark.parametrize("again", ["key.placed", "key.rewrapped", "key.before_switch", "key.switched", "key.forgotten"])
def test_what_finishes_a_dead_rekey_may_die_too(place: Place, again: str) -> None:
    filled(place, "keyfile").lock()
    place.close()
    assert killed_at("key.rewrapped", 1, lambda: place.vault().rekey("keyfile"))
    assert killed_at(again, 1, lambda: place.vault().unlock())
    assert opened_by(place) == dict.fromkeys(SECRETS, 1)
    vault = reopened(place)
    assert {name: vault.login(name).secret for name in SECRETS} == SECRETS
    assert len(place.records().vault_keys()) == 1


def test_a_place_that_fails_is_taken_back(place: Place, tmp_path: Path) -> None:
    class Full(KeyFile):
        def keep(self, key_id: str, key: bytes) -> None:
            raise KeySourceError("the disk is full")

    vault = filled(place, "keyfile")
    vault._sources["keyfile"] = Full(place.root)  # the same mapping that every part of the vault has
    with pytest.raises(KeySourceError, match="full"):
        vault.rekey("keyfile")
    assert {name: place.vault().login(name).secret for name in SECRETS} == SECRETS
    assert len(place.records().vault_keys()) == 1


def test_a_process_that_holds_the_old_key_follows(place: Place) -> None:
    """As a daemon does while the command line gives the vault another key."""
    daemon = filled(place, "passphrase")
    other = place.vault()
    other.unlock(OLD)
    seen: list[bytes] = []
    other.rekey("passphrase", NEW, announce=lambda: seen.append(daemon.login("one").secret))
    assert seen == [b"1"]
    assert daemon.login("two").secret == b"2"
    assert not daemon.status().locked


def test_one_that_did_not_look_meanwhile_asks_again(place: Place) -> None:
    daemon = filled(place, "passphrase")
    other = place.vault()
    other.unlock(OLD)
    other.rekey("passphrase", NEW)
    with pytest.raises(VaultLocked):
        daemon.login("one")
    daemon.unlock(NEW)
    assert daemon.login("one").secret == b"1"


ROTATIONS: list[tuple[str, Callable[[Vault], object]]] = [
    ("credential.before_replace", lambda vault: vault.replace(given("one"), b"new")),
    ("credential.replaced", lambda vault: vault.replace(given("one"), b"new")),
    ("credential.before_add", lambda vault: vault.add(given("four"), b"new")),
]


@pytest.mark.parametrize(("point", "act"), ROTATIONS)
def test_a_rotation_that_is_killed_left_the_old_secret_or_the_new(
    place: Place, point: str, act: Callable[[Vault], object]
) -> None:
    filled(place, "keyfile").lock()
    place.close()
    assert killed_at(point, 1, lambda: act(place.vault()))
    vault = place.vault()
    found = {each.name: vault.login(each.name).secret for each in vault.credentials()}
    assert found == SECRETS | ({"one": b"new"} if point == "credential.replaced" else {})
    vault.replace(given("one"), b"newer")
    assert vault.login("one").secret == b"newer"


def test_a_rotation_has_no_moment_without_a_secret(place: Place) -> None:
    """Readers in between see the old or the new one, never none."""
    import threading

    vault, reader = filled(place, "keyfile"), place.vault()
    stop, seen, wrong = threading.Event(), set[bytes](), []

    def read() -> None:
        while not stop.is_set():
            try:
                seen.add(reader.login("one").secret)
            except GitferryError as error:
                wrong.append(error)

    reading = threading.Thread(target=read)
    reading.start()
    for number in range(20):
        vault.replace(given("one"), b"new%d" % number)
        if number == 10:
            vault.rekey("keyfile")
    stop.set()
    reading.join(30)
    assert wrong == []
    assert seen <= {b"1", *(b"new%d" % number for number in range(20))}
