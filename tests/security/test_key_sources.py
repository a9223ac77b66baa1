"""One suite for every place that the vault's key may come from, and what each refuses."""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitferry.security import envelope
from gitferry.security.key_credential import NAME, NEXT, SystemdCredential
from gitferry.security.key_file import KeyFile
from gitferry.security.key_ring import DesktopKeyring
from gitferry.security.key_sources import BY_ITSELF, KeySource, KeySourceError, first_that_works

ID, OTHER_ID = "a" * 32, "b" * 32


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    directory = tmp_path / "credentials"
    directory.mkdir(mode=0o700)
    (directory / NAME).write_text(base64.b64encode(bytes(range(32))).decode() + "\n")
    (directory / NEXT).write_text(bytes(range(1, 33)).hex())
    return directory


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[str, str], str]]:
    """A keyring in memory, by the library's own interface for backends."""
    import keyring
    from keyring.backend import KeyringBackend

    kept: dict[tuple[str, str], str] = {}

    class Memory(KeyringBackend):
        priority = 5

        def get_password(self, service: str, username: str) -> str | None:
            return kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del kept[service, username]

    monkeypatch.setattr(keyring.core, "_keyring_backend", Memory())  # type: ignore[no-untyped-call]
    yield kept
    KeyringBackend._classes.discard(Memory)  # every subclass enters itself there, and would be the desktop's next


@pytest.fixture(params=BY_ITSELF)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> KeySource:
    if request.param == "keyring":
        request.getfixturevalue("ring")
        return DesktopKeyring()
    if request.param == "systemd":
        return SystemdCredential({"CREDENTIALS_DIRECTORY": str(request.getfixturevalue("credentials"))})
    return KeyFile(tmp_path)


# -- every place


def test_a_key_is_kept_and_given_back(source: KeySource) -> None:
    source.require()
    key = source.make(None)
    assert len(key) == envelope.KEY_BYTES
    source.keep(ID, key)
    source.keep(ID, key)
    assert key in source.load(ID)


def test_during_a_rekey_there_are_two(source: KeySource) -> None:
    first = source.make(None)
    source.keep(ID, first)
    second = source.make(first)
    assert second != first
    source.keep(OTHER_ID, second)
    assert first in source.load(ID) and second in source.load(OTHER_ID)
    source.forget(ID)
    source.forget(ID)
    assert second in source.load(OTHER_ID)


def test_it_says_its_name(source: KeySource) -> None:
    assert source.name in BY_ITSELF
    assert first_that_works([source]) is source


# -- the key file


def test_the_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    KeyFile(tmp_path).keep(ID, bytes(32))
    assert (tmp_path / "vault.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["vault.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700 | 0o001])
def test_a_key_file_that_others_reach_is_refused(tmp_path: Path, mode: int) -> None:
    KeyFile(tmp_path).keep(ID, bytes(32))
    (tmp_path / "vault.key").chmod(mode)
    with pytest.raises(KeySourceError, match="others can reach it") as refused:
        KeyFile(tmp_path).load(ID)
    assert "chmod 600" in refused.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_key_file_of_another_user_is_refused(tmp_path: Path) -> None:
    KeyFile(tmp_path).keep(ID, bytes(32))
    os.chown(tmp_path / "vault.key", 65534, 65534)
    with pytest.raises(KeySourceError, match="belongs to user 65534"):
        KeyFile(tmp_path).load(ID)


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    "spoil",
    [_link, _directory, _fifo, lambda path: path.write_text("nonsense\n"), lambda path: path.write_bytes(b"\xff" * 99)],
)
def test_what_is_no_key_file_is_refused_by_name(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    KeyFile(tmp_path).keep(ID, bytes(32))
    spoil(tmp_path / "vault.key")
    for act in (lambda: KeyFile(tmp_path).load(ID), KeyFile(tmp_path).require):
        with pytest.raises(KeySourceError, match=r"vault\.key"):
            act()


def test_keys_of_earlier_vaults_stay(tmp_path: Path) -> None:
    KeyFile(tmp_path).keep(OTHER_ID, bytes(32))
    KeyFile(tmp_path).keep(ID, bytes(range(32)))
    KeyFile(tmp_path).forget(ID)
    assert KeyFile(tmp_path).load(OTHER_ID) == (bytes(32),)


# -- systemd


@pytest.mark.parametrize("text", [b"\0" * 32, b"00" * 32 + b"\n", base64.b64encode(bytes(32))])
def test_a_credential_is_a_key_in_three_forms(credentials: Path, text: bytes) -> None:
    (credentials / NAME).write_bytes(text)
    assert SystemdCredential({"CREDENTIALS_DIRECTORY": str(credentials)}).make(None) == bytes(32)


@pytest.mark.parametrize("text", [b"", b"too short", b"0" * 63, base64.b64encode(bytes(31)), b"\xff" * 33])
def test_anything_else_is_no_key(credentials: Path, text: bytes) -> None:
    (credentials / NAME).write_bytes(text)
    with pytest.raises(KeySourceError, match="is no key"):
        SystemdCredential({"CREDENTIALS_DIRECTORY": str(credentials)}).require()


def test_without_systemd_it_says_how_to_get_there(tmp_path: Path) -> None:
    for environ in ({}, {"CREDENTIALS_DIRECTORY": str(tmp_path)}):
        with pytest.raises(KeySourceError, match="systemd gave this process no credential") as refused:
            SystemdCredential(environ).require()
        assert "LoadCredentialEncrypted=gitferry-vault-key" in refused.value.hint


def test_a_rekey_from_systemd_needs_the_next_credential(credentials: Path) -> None:
    source = SystemdCredential({"CREDENTIALS_DIRECTORY": str(credentials)})
    (credentials / NEXT).unlink()
    with pytest.raises(KeySourceError, match=NEXT):
        source.make(source.make(None))


# -- the keyring


def test_a_desktop_without_a_keyring_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backends.fail import Keyring

    monkeypatch.setattr(keyring.core, "_keyring_backend", Keyring())  # type: ignore[no-untyped-call]
    with pytest.raises(KeySourceError, match="no desktop keyring here"):
        DesktopKeyring().require()


def test_without_the_library_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    with pytest.raises(KeySourceError, match="Python package keyring"):
        DesktopKeyring().require()


def test_what_the_keyring_raises_is_told(ring: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    def locked(*_: str) -> None:
        raise RuntimeError("the collection is locked")

    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(keyring.get_keyring(), name, locked)
    source = DesktopKeyring()
    for act in (lambda: source.load(ID), lambda: source.keep(ID, bytes(32)), lambda: source.forget(ID)):
        with pytest.raises(KeySourceError, match="collection is locked"):
            act()


def test_a_keyring_that_waits_for_a_person_holds_up_nobody(
    ring: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import keyring

    source, opened = DesktopKeyring(), threading.Event()
    source.keep(ID, bytes(32))
    backend = keyring.get_keyring()
    real = backend.get_password

    def prompting(service: str, username: str) -> str | None:
        opened.wait(30)
        return real(service, username)

    monkeypatch.setattr(backend, "get_password", prompting)
    monkeypatch.setattr("gitferry.security.key_ring._ANSWER", 0.2)
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(KeySourceError, match="does not answer"):
            source.load(ID)
    assert time.monotonic() - began < 2
    opened.set()
    assert source._asking is not None
    source._asking.join(5)
    assert source.load(ID) == (bytes(32),)


def test_where_nothing_works_every_reason_is_given(tmp_path: Path) -> None:
    KeyFile(tmp_path).keep(ID, bytes(32))
    (tmp_path / "vault.key").chmod(0o644)
    with pytest.raises(KeySourceError) as refused:
        first_that_works([SystemdCredential({}), KeyFile(tmp_path)])
    assert "systemd: " in refused.value.title and "keyfile: " in refused.value.title
    assert "--key-source passphrase" in refused.value.hint
