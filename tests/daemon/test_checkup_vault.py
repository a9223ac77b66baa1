"""Doctor on the vault: what does not open, what expires, what is missing, and secrets that stand in the settings."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitferry.config.load import parse
from gitferry.config.model import Settings
from gitferry.config.paths import state_dir
from gitferry.daemon import checkup_vault
from gitferry.daemon.ledger import Ledger
from gitferry.daemon.safe import logins, vault_over
from gitferry.security.credential import Given, NoSuchCredential
from gitferry.security.login import Login


def settings_with(auth: str = "") -> Settings:
    line = f"\n    auth: {auth}" if auth else ""
    text = f"version: 1\nrepositories:\n  - name: work\n    url: https://git.example.org/a.git{line}\n"
    return parse(text.encode(), Path("config.yaml"), os.environ)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(settings_with().database.url)


def said(settings: Settings) -> list[tuple[str, str]]:
    return [(each.level, each.what) for each in checkup_vault.vault(settings, os.environ)]


def test_nothing_is_said_where_nobody_needs_a_vault() -> None:
    assert said(settings_with()) == []


def test_a_credential_that_is_named_must_be_there(ledger: Ledger) -> None:
    settings = settings_with("{credential: forge}")
    ((level, what),) = said(settings)
    assert level == "fail" and "forge" in what
    vault = vault_over(ledger.open, os.environ)
    vault.init("keyfile")
    assert [level for level, _ in said(settings)] == ["ok", "fail"]
    vault.add(Given("forge", "token"), b"secret")
    assert said(settings) == [("ok", "1 credential, key from keyfile")]
    assert logins(vault)(settings.repositories[0]) == Login("token", b"secret")
    assert logins(vault)(settings_with().repositories[0]) is None
    vault.remove("forge")
    with pytest.raises(NoSuchCredential):
        logins(vault)(settings.repositories[0])
    ledger.close()


def test_what_expires_and_what_is_damaged_is_named(ledger: Ledger) -> None:
    vault = vault_over(ledger.open, os.environ)
    vault.init("keyfile")
    vault.add(Given("soon", "token", expires=datetime.now(UTC) + timedelta(days=3)), b"secret")
    vault.add(Given("hit", "token"), b"secret")
    ledger.close()
    connection = sqlite3.connect(state_dir(os.environ) / "gitferry.db")
    with connection:
        connection.execute("UPDATE credentials SET sealed = x'00' WHERE name = 'hit'")
    connection.close()
    found = said(settings_with())
    assert [level for level, _ in found] == ["ok", "fail", "warn"]
    assert "'hit'" in found[1][1] and "soon expires" in found[2][1]


def test_a_locked_vault_is_told(ledger: Ledger) -> None:
    vault_over(ledger.open, os.environ).init("passphrase", b"words")
    ledger.close()
    assert [level for level, _ in said(settings_with())] == ["warn"]


@pytest.mark.parametrize(
    ("auth", "advice"),
    [
        ("{type: git_token, token: '${HOME}'}", "credentials add work --type token"),
        ("{type: basic, username: ann, password: secret}", "credentials add work --type basic --username ann"),
        ("{type: ssh_key, path: /k, passphrase: secret}", "credentials add work --type ssh_key"),
        ("{type: ssh_key, path: /k}", None),
        ("{credential: forge}", None),
        ("", None),
    ],
)
def test_secrets_in_the_settings_are_advised_to_move(auth: str, advice: str | None) -> None:
    found = list(checkup_vault.plain_secrets(settings_with(auth)))
    assert len(found) == (0 if advice is None else 1)
    if advice is not None:
        assert advice in found[0].remedy and "secret" not in found[0].what
