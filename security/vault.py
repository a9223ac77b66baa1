"""The vault: credentials that are encrypted wherever they lie, and in the clear only for as long as they are used."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.config.instants import instant
from gitferry.security import credential_record, passphrase
from gitferry.security.credential import (
    Credential,
    CredentialExists,
    CredentialRefused,
    DamagedCredential,
    Given,
    NoSuchCredential,
    require_sound,
)
from gitferry.security.credential_record import Secret
from gitferry.security.key_sources import BY_PASSPHRASE, KeySource, first_that_works
from gitferry.security.login import Kind, Login
from gitferry.security.opened_keys import OpenedKeys
from gitferry.security.rekey import NewKeyWish, Rekey
from gitferry.security.vault_faults import NoVault, VaultBusy, VaultExists, VaultLocked
from gitferry.security.vault_lock import VaultLock
from gitferry.security.vault_records import CredentialRecord, NewCredential, VaultRecords

log = logging.getLogger(__name__)

#: Uses closer together than this are noted as one: each note is a write that waits for the disk.
USE_NOTED_AFTER = timedelta(minutes=1)
_LOOKS = 3  # at a record that another process brings under another key meanwhile
_KINDS: dict[str, Kind] = {"token": "token", "basic": "basic", "ssh_key": "ssh_key"}


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """How the vault stands. `source` is None where there is none; `fault` is what a rekey could not finish for."""

    source: str | None
    locked: bool
    credentials: int
    rekeying: bool
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A credential in the clear, for an export."""

    credential: Credential
    secret: Secret


class Note(Protocol):
    """Who keeps the record of what is done with credentials. It must not fail."""

    def __call__(self, action: str, subject: str, result: str, detail: Mapping[str, str]) -> None: ...


def _unnoted(action: str, subject: str, result: str, detail: Mapping[str, str]) -> None:
    """Nobody keeps it."""


class Vault:
    """One vault, usable from any thread. Every method may raise GitferryError, which never holds a secret.

    `sources` are the places that its key may come from; a passphrase is none of them.
    """

    def __init__(
        self,
        records: VaultRecords,
        sources: Mapping[str, KeySource],
        lock: VaultLock,
        *,
        clock: Callable[[], datetime],
        cost: passphrase.Cost | None = None,
        note: Note = _unnoted,
    ) -> None:
        """`note` is told what was done with the vault: the action, to what, with what result, and details."""
        self._records = records
        self._sources = dict(sources)
        self._lock = lock
        self._clock = clock
        self._cost = cost or passphrase.Cost()
        self._keys = OpenedKeys(records, self._sources)
        self._rekey = Rekey(records, self._keys, self._sources)
        self._fault: str | None = None
        self._note = note
        self._uses: dict[tuple[str, str], datetime] = {}

    # The vault as a whole

    def status(self) -> VaultStatus:
        """Return how it stands, without asking for a passphrase; a key that can be had is fetched."""
        count = len(self._records.credentials())
        try:
            found = self._keys.standing()
        except NoVault:
            return VaultStatus(None, False, count, False)
        locked = False
        try:
            self._open()
        except VaultLocked:
            locked = True
        rekeying = found.next is not None and self._keys.standing().next is not None
        return VaultStatus(found.current.source, locked, count, rekeying, self._fault)

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know, a sentence each, from what is at hand: no key is fetched for it."""
        records = self._records.credentials()
        if not records:
            return (self._fault,) if self._fault else ()
        current = self._keys.standing().current
        said = [self._fault] if self._fault else []
        if current.source == BY_PASSPHRASE and self._keys.known(current.id) is None:
            said.append("the vault is locked, and no credential can be used: `gitferry vault unlock`")
        for record in records:
            key = self._keys.known(record.key_id)
            found = _examined(record, None if key is None else partial(credential_record.opened, record, key))
            warning = found.warning(self._clock())
            if warning is not None:
                said.append(warning if found.fault else f"the credential {found.name!r} {warning}")
        return tuple(said)

    def init(self, source: str | None, given: bytes | None = None) -> str:
        """Make the vault and return where its key is kept; without a `source`, the first that works.

        Raises VaultExists, KeySourceError, EmptyPassphrase.
        """
        with self._lock.held():
            try:
                raise VaultExists(self._keys.standing().current.source)
            except NoVault:
                pass
            chosen = source or first_that_works(self._sources.values()).name
            key, record = self._rekey.made(NewKeyWish(chosen, self._cost, given), self._now())
            self._rekey.place(record, key)
            fp("key.placed")
            self._records.add_key(record)
            self._keys.hold(record.id, key)
            self._note("vault.init", "vault", "done", {"key_source": chosen})
            return chosen

    def unlock(self, given: bytes | None = None) -> None:
        """Open the vault for this process, and finish what a dead rekey left. Raises VaultLocked, WrongKey, …"""
        self._keys.open(given)
        self._settle()

    def lock(self) -> None:
        """Forget the key. One that does not come from a passphrase is fetched again when it is needed."""
        self._keys.lock()

    def rekey(
        self, source: str | None = None, given: bytes | None = None, announce: Callable[[], None] = lambda: None
    ) -> str:
        """Give the vault another key, from the same place or another, and return which place that is.

        `given` is the new passphrase where the place is that. `announce` is called once both keys open everything,
        before the new one alone does: a running daemon is told there. What cannot be finished is taken back.
        Raises DamagedCredential, KeySourceError.
        """
        self._open()
        with self._lock.held():
            if self._keys.standing().next is not None:
                self._rekey.finish(lambda: None)
            chosen = source or self._keys.standing().current.source
            self._rekey.begin(NewKeyWish(chosen, self._cost, given), self._now())
            try:
                self._rekey.finish(announce)
            except GitferryError:
                self._rekey.take_back()
                self._note("vault.rekey", "vault", "failed", {"key_source": chosen})
                raise
            self._fault = None
            self._note("vault.rekey", "vault", "done", {"key_source": chosen})
            return chosen

    # Credentials

    def credentials(self) -> tuple[Credential, ...]:
        """Return every credential without its secrets, by name. Each is tried where the vault is open."""
        try:
            self._open()
        except (VaultLocked, NoVault):
            return tuple(credential_record.described(each) for each in self._records.credentials())
        return tuple(self._examined(each) for each in self._records.credentials())

    def listed(self) -> tuple[Credential, ...]:
        """Return what stands in the clear of every credential, by name; no key is fetched for it."""
        return tuple(credential_record.described(each) for each in self._records.credentials())

    def describe(self, name: str) -> Credential:
        """Return one credential without its secrets. Raises NoSuchCredential."""
        found = next((each for each in self.credentials() if each.name == name), None)
        if found is None:
            raise NoSuchCredential(name)
        return found

    def login(self, name: str, purpose: str = "") -> Login:
        """Return a credential in the clear and note its use; `purpose` tells what for, a repository as a rule.

        Raises NoSuchCredential, DamagedCredential, VaultLocked and what the key's place says.
        """
        self._open()
        found = self._records.credential(name)
        if found is None:
            raise NoSuchCredential(name)
        try:
            record, secret = self._opened(found)
        except DamagedCredential:
            self._note("credential.use", name, "failed", {"for": purpose})
            raise
        kind = _KINDS.get(record.kind)
        if kind is None:
            raise CredentialRefused(f"the credential {name!r} is of the type {record.kind}", "it signs in nowhere yet")
        self._note_use(record, purpose)
        return Login(kind, secret.secret, record.username, secret.passphrase)

    def add(self, given: Given, secret: bytes, key_passphrase: bytes | None = None) -> Credential:
        """Keep a new credential. Raises CredentialExists, CredentialRefused."""
        require_sound(given, secret, key_passphrase)
        self._open()
        with self._lock.held():
            record = self._sealed(given, Secret(secret, key_passphrase), None)
            fp("credential.before_add")
            if not self._records.add(record):
                raise CredentialExists(given.name)
            self._note("credential.add", given.name, "done", {"type": given.kind})
            return credential_record.described(record)

    def replace(self, given: Given, secret: bytes, key_passphrase: bytes | None = None) -> Credential:
        """Put another secret in the place of a credential's, in one transaction. Raises NoSuchCredential."""
        require_sound(given, secret, key_passphrase)
        self._open()
        with self._lock.held():
            before = self._records.credential(given.name)
            if before is None:
                raise NoSuchCredential(given.name)
            sound = self._examined(before).fault is None
            record = self._sealed(given, Secret(secret, key_passphrase), before if sound else None)
            fp("credential.before_replace")
            self._records.replace(record)
            fp("credential.replaced")
            self._note("credential.rotate", given.name, "done", {"type": given.kind})
            return credential_record.described(record)

    def remove(self, name: str) -> None:
        """Drop a credential, by its name or id. The vault need not be open. Raises NoSuchCredential."""
        with self._lock.held():
            # By what the list shows: a damaged name is not found by asking for it.
            found = [each for each in self._records.credentials() if name in (each.name, each.id)]
            if not found:
                raise NoSuchCredential(name)
            for each in found:
                self._records.remove(each)
                self._note("credential.remove", each.name, "done", {"type": each.kind})

    def everything(self) -> tuple[list[Opened], list[Credential]]:
        """Return what every credential holds, for an export, and apart from it those that do not open."""
        self._open()
        sound: list[Opened] = []
        damaged: list[Credential] = []
        for record in self._records.credentials():
            credential = self._examined(record)
            if credential.fault is None:
                sound.append(Opened(credential, self._opened(record)[1]))
            else:
                damaged.append(credential)
        names = ", ".join(each.credential.name for each in sound)
        self._note("vault.export", "vault", "done", {"credentials": names})
        return sound, damaged

    def take_in(self, exported: Iterable[tuple[Given, Secret]], *, replace: bool) -> tuple[list[str], list[str]]:
        """Keep what an export had; return the names that were taken in, and those that stay as they are here."""
        taken: list[str] = []
        kept: list[str] = []
        for given, secret in exported:
            try:
                self.add(given, secret.secret, secret.passphrase)
            except CredentialExists:
                if not replace:
                    kept.append(given.name)
                    continue
                self.replace(given, secret.secret, secret.passphrase)
            taken.append(given.name)
        return taken, kept

    # Within

    def _open(self) -> None:
        found = self._keys.open()
        if found.next is not None or found.retired:
            self._settle()

    def _settle(self) -> None:
        """Finish a rekey that died, or take it back where that cannot be; leave one alone that is under way."""
        found = self._keys.open()
        if found.next is None and not found.retired:
            self._fault = None
            return
        try:
            with self._lock.held(wait=False):
                try:
                    self._rekey.finish(lambda: None)
                except GitferryError as error:
                    log.warning("a rekey of the vault is taken back: %s", error.title, extra={"action": "rekey"})
                    self._rekey.take_back()
            self._fault = None
        except VaultBusy:
            return
        except GitferryError as error:
            # Either key opens what it is of, so nothing stands in the way of the credentials; status tells.
            if self._fault != error.title:
                log.error("a rekey of the vault stays unfinished: %s", error.title, extra={"action": "rekey"})
            self._fault = error.title

    def _opened(self, record: CredentialRecord) -> tuple[CredentialRecord, Secret]:
        """Return a record and its secret; another process may have brought it under another key meanwhile."""
        for _ in range(_LOOKS):
            key = self._keys.key(record.key_id)
            if key is not None:
                return record, credential_record.opened(record, key)
            again = self._records.credential(record.name)
            if again is None:
                break
            record = again
        raise DamagedCredential(record.name, "it names a key that the vault does not have")

    def _examined(self, record: CredentialRecord) -> Credential:
        return _examined(record, partial(self._opened, record))

    def _sealed(self, given: Given, secret: Secret, before: CredentialRecord | None) -> NewCredential:
        return credential_record.sealed(given, secret, self._keys.current(), self._clock(), before)

    def _note_use(self, record: CredentialRecord, purpose: str) -> None:
        now = self._clock()
        before = self._uses.get((record.name, purpose))
        if before is not None and abs(now - before) < USE_NOTED_AFTER:
            return
        self._uses[record.name, purpose] = now
        self._note("credential.use", record.name, "done", {"for": purpose})
        last = credential_record.described(record).last_used
        if last is None or abs(now - last) >= USE_NOTED_AFTER:
            try:
                self._records.used(record.name, instant(now))
            except GitferryError as error:  # a full disk, or one that waits for another process, stops no crossing
                log.warning("the use of %s could not be noted: %s", record.name, error.title, extra={"action": "vault"})

    def _now(self) -> str:
        return instant(self._clock())


def _examined(record: CredentialRecord, opens: Callable[[], object] | None) -> Credential:
    """Return what a record says, and why `opens` does not open it where it does not."""
    fault = None
    if opens is not None:
        try:
            opens()
        except DamagedCredential as error:
            fault = error.title
    return credential_record.described(record, fault)
