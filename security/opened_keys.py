"""The vault's keys in the memory of one process: fetched from their place, from a passphrase, or from each other."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from gitferry.config.errors import GitferryError
from gitferry.security import envelope, passphrase, vault_key
from gitferry.security.key_sources import BY_PASSPHRASE, KeySource
from gitferry.security.vault_faults import DamagedVault, VaultLocked, WrongKey
from gitferry.security.vault_records import KeyRecord, VaultRecords


class OpenedKeys:
    """Keys by their id. Usable from any thread; nothing is fetched before it is needed."""

    def __init__(self, records: VaultRecords, sources: Mapping[str, KeySource]) -> None:
        self._records = records
        self._sources = sources
        self._keys: dict[str, bytes] = {}
        self._fetching = threading.RLock()

    def __repr__(self) -> str:
        return f"OpenedKeys({len(self._keys)} opened)"

    def standing(self) -> vault_key.Standing:
        """Return how the keys stand. Raises NoVault, DamagedVault."""
        return vault_key.standing(self._records.vault_keys())

    def lock(self) -> None:
        """Forget every key."""
        with self._fetching:
            self._keys.clear()

    def hold(self, key_id: str, key: bytes) -> None:
        """Know a key that was just made."""
        with self._fetching:
            self._keys[key_id] = key

    def known(self, key_id: str) -> bytes | None:
        """Return a key that is known already; nothing is fetched."""
        return self._keys.get(key_id)

    def open(self, given: bytes | None = None) -> vault_key.Standing:
        """Know every key that a credential may be under; `given` is the passphrase where there is one.

        A passphrase that is given is tried even where the key is known already. Raises NoVault, DamagedVault,
        VaultLocked, WrongKey, KeySourceError.
        """
        with self._fetching:
            found = self.standing()
            alive = {each.id for each in found.alive}
            for gone in self._keys.keys() - alive:
                del self._keys[gone]
            if given is not None or not self._keys:
                self._fetch(found, given)
            self._lead(found)
            return found

    def key(self, key_id: str) -> bytes | None:
        """Return the key of that id, None where the vault has no such key. Raises as `open` does."""
        found = self._keys.get(key_id)
        if found is None:
            self.open()
            found = self._keys.get(key_id)
        return found

    def current(self) -> tuple[str, bytes]:
        """Return the id of the key in force, and the key. Raises as `open` does."""
        record = self.open().current
        return record.id, self._keys[record.id]

    def _fetch(self, found: vault_key.Standing, given: bytes | None) -> None:
        """Know one of the keys, the one in force where that can be."""
        failure: GitferryError | None = None
        for record in found.alive:
            try:
                self._keys[record.id] = self._fetched(record, given)
            except GitferryError as error:
                failure = failure or error
            else:
                return
        if failure is not None:
            raise failure

    def _fetched(self, record: KeyRecord, given: bytes | None) -> bytes:
        if record.source == BY_PASSPHRASE:
            return _derived(record, given)
        source = self._sources.get(record.source)
        if source is None:
            raise DamagedVault(f"its key comes from {record.source!r}, which is no place for keys")
        for key in source.load(record.id):
            if vault_key.proves(key, record):
                return key
        raise WrongKey(
            f"what the {record.source} has is not the key of this vault, or the key's record was changed",
            "bring the key, or the database, back from a backup; `gitferry vault import` brings what an export has",
        )

    def _lead(self, found: vault_key.Standing) -> None:
        """During a rekey, know the other of the two keys too."""
        current, following = found.current, found.next
        if following is None:
            return
        try:
            if following.id not in self._keys:
                key = vault_key.following(current, self._keys[current.id], following)
                self._require(key, following)
            elif current.id not in self._keys:
                key = vault_key.followed(following, self._keys[following.id], current)
                self._require(key, current)
        except envelope.Unopened as error:
            raise DamagedVault(error.title) from None

    def _require(self, key: bytes, record: KeyRecord) -> None:
        if not vault_key.proves(key, record):
            raise DamagedVault(f"the record of the {record.state} key was changed")
        self._keys[record.id] = key


def _derived(record: KeyRecord, given: bytes | None) -> bytes:
    if given is None:
        raise VaultLocked
    try:
        derivation = passphrase.load(record.parameters)
    except ValueError as error:
        raise DamagedVault(str(error)) from None
    key = derivation.key(given)
    if not vault_key.proves(key, record):
        raise WrongKey(
            "that is not the passphrase of this vault, or the record of its key was changed", "type it again"
        )
    return key
