"""Private keys as ssh-keygen and openssl write them, told apart before they are kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gitferry.security import private_key
from gitferry.security.credential import CredentialRefused
from gitferry.security.private_key import Lock


def ssh_key(path: Path, words: str = "", kind: str = "ed25519", cipher: str = "aes256-ctr") -> bytes:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-Z", cipher, "-N", words, "-f", path], check=True)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_plain_key_needs_nothing(tmp_path: Path, kind: str) -> None:
    key = private_key.whole(ssh_key(tmp_path / "key", kind=kind))
    assert private_key.lock(key, None) is Lock.NONE
    assert private_key.whole(b"\n" + key.replace(b"\n", b"\r\n") + b"\r\nrest") == key


@pytest.mark.parametrize("cipher", ["aes256-ctr", "aes256-gcm@openssh.com"])
def test_an_encrypted_ssh_key_needs_its_passphrase(tmp_path: Path, cipher: str) -> None:
    key = private_key.whole(ssh_key(tmp_path / "key", "words", cipher=cipher))
    assert private_key.lock(key, None) is Lock.NEEDED
    assert private_key.lock(key, b"words") is Lock.OPENED
    assert private_key.lock(key, b"other") is Lock.WRONG


def test_an_encrypted_pem_key_is_tried() -> None:
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"words"),
    )
    key = private_key.whole(pem)
    assert private_key.lock(key, None) is Lock.NEEDED
    assert private_key.lock(key, b"words") is Lock.OPENED
    assert private_key.lock(key, b"other") is Lock.WRONG


def test_what_is_no_private_key_is_refused(tmp_path: Path) -> None:
    key = ssh_key(tmp_path / "key")
    for text in (b"", b"ssh-ed25519 AAAA ann@host", key[:-40], (tmp_path / "key.pub").read_bytes()):
        with pytest.raises(CredentialRefused, match="no private key"):
            private_key.whole(text)
    lines = key.splitlines()
    for text in (b"", private_key.whole(b"\n".join([*lines[:2], lines[-1]]))):
        with pytest.raises(CredentialRefused, match="damaged"):
            private_key.lock(text, None)
