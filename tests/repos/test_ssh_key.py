"""A stored SSH key is read with its passphrase, or it is told why it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.repos.ssh_key import UnusableKey, read_key
from gitferry.tests.security.test_private_key import ssh_key


@pytest.mark.parametrize("cipher", ["aes256-ctr", "aes256-gcm@openssh.com"])
def test_an_encrypted_key_is_opened_by_its_passphrase_alone(tmp_path: Path, cipher: str) -> None:
    text = ssh_key(tmp_path / "key", "words", cipher=cipher)
    assert b"ssh-ed25519" in read_key(text, b"words").public
    with pytest.raises(UnusableKey, match="its passphrase does not open it"):
        read_key(text, b"other")
    with pytest.raises(UnusableKey, match="no passphrase is stored"):
        read_key(text, None)


def test_a_passphrase_for_a_key_that_has_none_is_left_out(tmp_path: Path) -> None:
    assert read_key(ssh_key(tmp_path / "key"), b"words").public


def test_what_is_no_key_is_told_without_its_text() -> None:
    with pytest.raises(UnusableKey) as refused:
        read_key(b"canary", None)
    assert "canary" not in str(refused.value)
