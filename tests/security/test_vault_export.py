"""An export opens for the one it is for, whole, and for nobody else."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from gitferry.security import vault_export
from gitferry.security.credential import CredentialRefused, Given
from gitferry.security.credential_record import Secret
from gitferry.security.vault_export import ExportUnreadable, NoRsaKey
from gitferry.tests.security.vaults import CHEAP, Place, given

ROWS = [
    (Given("work", "token", None, datetime(2027, 1, 31, tzinfo=UTC)), Secret(b"canary-token")),
    (Given("deploy", "ssh_key", "git"), Secret(b"key \xff\0", b"canary-passphrase")),
]
PEM, SSH = serialization.Encoding.PEM, serialization.Encoding.OpenSSH


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def private(key: rsa.RSAPrivateKey, words: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(words) if words else serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, lock)


def test_it_opens_with_the_passphrase() -> None:
    text = vault_export.to_passphrase(vault_export.dump(ROWS), b"words", CHEAP)
    assert vault_export.addressee(text) == "passphrase"
    assert vault_export.load(vault_export.by_passphrase(text, b"words")) == ROWS
    assert "canary" not in text and "work" not in text
    with pytest.raises(ExportUnreadable, match="passphrase is another one"):
        vault_export.by_passphrase(text, b"other words")


@pytest.mark.parametrize("form", ["pem", "openssh"])
def test_it_opens_with_the_private_key(key: rsa.RSAPrivateKey, form: str) -> None:
    public = {
        "pem": lambda: key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "openssh": lambda: key.public_key().public_bytes(SSH, serialization.PublicFormat.OpenSSH) + b" ann@host\n",
    }[form]()
    text = vault_export.to_public_key(vault_export.dump(ROWS), public)
    assert vault_export.addressee(text) == "rsa"
    assert vault_export.load(vault_export.by_private_key(text, private(key))) == ROWS
    assert vault_export.load(vault_export.by_private_key(text, private(key, b"locked"), b"locked")) == ROWS
    assert "canary" not in text
    with pytest.raises(ExportUnreadable, match="another key"):
        vault_export.by_private_key(text, private(rsa.generate_private_key(65537, 2048)))
    with pytest.raises(NoRsaKey):
        vault_export.by_private_key(text, private(key, b"locked"), b"wrong")


def test_a_key_that_cannot_encrypt_or_is_short_is_refused() -> None:
    small = rsa.generate_private_key(65537, 1024).public_key()
    other = ed25519.Ed25519PrivateKey.generate().public_key()
    for public in (small, other):
        with pytest.raises(NoRsaKey, match="2048 bits"):
            vault_export.to_public_key(b"x", public.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(NoRsaKey):
        vault_export.to_public_key(b"x", b"not a key")


@pytest.mark.parametrize("name", ["format", "version", "to", "kdf", "data"])
def test_every_part_that_is_changed_is_noticed(name: str) -> None:
    whole = json.loads(vault_export.to_passphrase(vault_export.dump(ROWS), b"words", CHEAP))
    values: tuple[object, ...] = (
        "",
        "x",
        7,
        None,
        {},
        whole["data"][:-8],
        whole["data"][4:],
        json.dumps({"kdf": "argon2id"}),
    )
    for value in values:
        with pytest.raises(ExportUnreadable):
            vault_export.by_passphrase(json.dumps(whole | {name: value}), b"words")


def test_a_text_that_is_cut_short_is_noticed() -> None:
    text = vault_export.to_passphrase(vault_export.dump(ROWS), b"words", CHEAP)
    for end in range(0, len(text) - 3, 40):
        with pytest.raises(ExportUnreadable):
            vault_export.by_passphrase(text[:end], b"words")


@pytest.mark.parametrize(
    "changes",
    [
        {"username": 5},
        {"username": {"a": 1}},
        {"expires": "2027-01-01"},
        {"expires": "0001-01-01T00:00:00+10:00"},
        {"expires": 7},
        {"name": None},
        {"secret": 7},
        {"passphrase": "x"},
    ],
)
def test_what_another_program_wrote_is_taken_in_or_told(place: Place, changes: dict[str, object]) -> None:
    """Whoever has the public key can make an export."""
    row = json.loads(vault_export.dump(ROWS))["credentials"][0]
    vault = place.vault()
    vault.init("keyfile")
    try:
        vault.take_in(vault_export.load(json.dumps({"credentials": [row | changes]}).encode()), replace=False)
    except (ExportUnreadable, CredentialRefused):
        assert vault.credentials() == ()
    else:
        assert [each.fault for each in vault.credentials()] == [None]


def test_another_machine_takes_it_in(place: Place) -> None:
    vault = place.vault()
    vault.init("keyfile")
    vault.add(given("work"), b"mine")
    assert vault.take_in(ROWS, replace=False) == (["deploy"], ["work"])
    assert vault.login("work").secret == b"mine"
    assert vault.take_in(ROWS, replace=True) == (["work", "deploy"], [])
    assert vault.login("work").secret == b"canary-token"
    assert vault.login("deploy").passphrase == b"canary-passphrase"
    sound, damaged = vault.everything()
    assert damaged == []
    assert sorted(
        vault_export.load(vault_export.dump((each.credential.given(), each.secret) for each in sound)), key=str
    ) == (sorted(ROWS, key=str))
