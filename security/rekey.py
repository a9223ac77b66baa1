"""Another key for the vault, in two phases: both keys lead to each other until every credential is under the new one.

Whatever instruction a crash hits, each credential is under exactly one key that is known, and whoever opens the vault
next goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.security import credential_record, passphrase, vault_key
from gitferry.security.credential import DamagedCredential
from gitferry.security.key_sources import BY_PASSPHRASE, KeySource
from gitferry.security.opened_keys import OpenedKeys
from gitferry.security.vault_faults import DamagedVault
from gitferry.security.vault_records import KeyRecord, NewKey, VaultRecords


class RekeyUnfinished(GitferryError):
    """A credential is under neither of the two keys' records."""


@dataclass(frozen=True, slots=True)
class NewKeyWish:
    """Where the next key comes from; with a passphrase, how dear its guesses are."""

    source: str
    cost: passphrase.Cost
    passphrase: bytes | None = field(default=None, repr=False)


class Rekey:
    """The steps; whoever calls them holds the vault's lock."""

    def __init__(self, records: VaultRecords, keys: OpenedKeys, sources: Mapping[str, KeySource]) -> None:
        self._records = records
        self._keys = keys
        self._sources = sources

    def begin(self, wish: NewKeyWish, now: str) -> None:
        """Enter the next key beside the current one. Raises DamagedCredential, KeySourceError: nothing was done."""
        current = self._keys.open().current
        current_key = self._held(current)
        for each in self._records.credentials():
            if each.key_id != current.id:
                raise DamagedCredential(each.name, "it names a key that the vault does not have")
            credential_record.opened(each, current_key)
        key, record = self.made(wish, now, unlike=current_key)
        self._records.add_key(vault_key.to_follow(record, key, current, current_key))
        self._keys.hold(record.id, key)
        fp("key.begun")

    def made(self, wish: NewKeyWish, now: str, unlike: bytes | None = None) -> tuple[bytes, NewKey]:
        """Return a key as wished, and its record. Raises KeySourceError, EmptyPassphrase."""
        if wish.source == BY_PASSPHRASE:
            derivation = passphrase.new(wish.cost)
            key = derivation.key(wish.passphrase or b"")
            return key, vault_key.record_of(key, wish.source, derivation.dump(), now)
        source = self._source(wish.source)
        source.require()
        key = source.make(unlike)
        return key, vault_key.record_of(key, wish.source, "", now)

    def place(self, record: KeyRecord, key: bytes) -> None:
        """Have the key's place keep it; a passphrase is kept by a person. Raises KeySourceError."""
        if record.source != BY_PASSPHRASE:
            self._source(record.source).keep(record.id, key)

    def finish(self, announce: Callable[[], None]) -> None:
        """Bring every credential under the next key and put that in force; `announce` is called before it is.

        Raises KeySourceError, DamagedCredential: go on later, or take back.
        """
        found = self._keys.open()
        following = found.next
        if following is not None:
            key = self._held(following)
            self.place(following, key)
            fp("key.placed")
            self._rewrap(found.current, following)
            announce()
            fp("key.before_switch")
            if not self._records.switch(following.id):
                raise RekeyUnfinished(
                    "a credential is under neither the old nor the new key of the vault",
                    "`gitferry credentials list` names it; rotate or remove it",
                )
            fp("key.switched")
        self._tidy()

    def take_back(self) -> None:
        """Bring every credential under the current key again and drop the next. Raises as `finish` does."""
        found = self._keys.open()
        if found.next is None:
            return
        self._rewrap(found.next, found.current)
        self._forget(found.next)

    def _tidy(self) -> None:
        """Drop the keys that are no longer in force from their places."""
        for record in self._keys.open().retired:
            self._forget(record)

    def _rewrap(self, old: KeyRecord, new: KeyRecord) -> None:
        old_key, new_key = self._held(old), self._held(new)
        for record in self._records.credentials():
            if record.key_id == old.id:
                wrapped = credential_record.rewrapped(record, old_key, (new.id, new_key))
                self._records.rewrap(record, new.id, wrapped)
                fp("key.rewrapped")

    def _forget(self, record: KeyRecord) -> None:
        if record.source != BY_PASSPHRASE:
            self._source(record.source).forget(record.id)
        fp("key.forgotten")
        self._records.drop_key(record.id)
        fp("key.dropped")

    def _held(self, record: KeyRecord) -> bytes:
        key = self._keys.key(record.id)
        if key is None:
            raise DamagedVault(f"the {record.state} key cannot be had")
        return key

    def _source(self, name: str) -> KeySource:
        source = self._sources.get(name)
        if source is None:
            raise DamagedVault(f"a key comes from {name!r}, which is no place for keys")
        return source
