"""`gitferry vault` and `gitferry credentials` as people and scripts run them."""

from __future__ import annotations

import os
import pty
import re
import sqlite3
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitferry.config.paths import socket_to_bind, state_dir
from gitferry.daemon.client import Client
from gitferry.tests.daemon.cli.conftest import COMMAND, Gitferry, Said
from gitferry.tests.integration.servers import HttpServer
from gitferry.tests.repo import Repo
from gitferry.tests.security.test_private_key import ssh_key

TOKEN = "canary-5c81-token"
WORDS = "four canary words 5c81"


def state() -> Path:
    return state_dir(os.environ)


def rows(said: Said) -> list[dict[str, Any]]:
    found = said.json["credentials"]
    assert isinstance(found, list)
    return found


def test_a_token_is_kept_listed_rotated_and_removed(gitferry: Gitferry, tell: Callable[..., Said]) -> None:
    assert "gitferry vault init" in gitferry("vault", "status").out
    assert "key file" in gitferry("vault", "init").out
    assert "already" in gitferry("vault", "init").out
    made = rows(tell(f"{TOKEN}\n", "credentials", "add", "work", "--type", "token", "--json"))[0]
    assert (made["name"], made["type"], made["version"], made["warning"]) == ("work", "token", 1, None)
    tell("new\n", "credentials", "rotate", "work", "--expires", "2020-01-31")
    listed = rows(gitferry("--json", "credentials", "list"))[0]
    assert (listed["id"], listed["version"], listed["expires_at"]) == (made["id"], 2, "2020-01-31T00:00:00.000000Z")
    assert listed["created_at"] == made["created_at"] < listed["rotated_at"]
    assert "expired on 2020-01-31" in gitferry("credentials", "list").out
    gitferry("credentials", "remove", "work")
    assert rows(gitferry("credentials", "list", "--json")) == []
    assert gitferry("vault", "status", "--json").json["vault"]["credentials"] == 0


@pytest.mark.parametrize(
    ("arguments", "given", "code", "said"),
    [
        (("credentials", "add", "a", "--type", "token"), "", 1, "standard input"),
        (("credentials", "add", "a", "--type", "token"), "\n", 1, "secret is empty"),
        (("credentials", "add", "a", "--type", "github_app"), "", 1, "not kept yet"),
        (("credentials", "add", "a", "--type", "basic"), "x\n", 1, "--username"),
        (("credentials", "add", "a b", "--type", "token"), "x\n", 1, "no name"),
        (("credentials", "add", "a", "--type", "ssh_key"), "ssh-ed25519 AAAA\n", 1, "no private key"),
        (("credentials", "add", "a", "--type", "token", "--expires", "soon"), "x\n", 2, "2027-01-31"),
        (("credentials", "add", "a", "--type", "token", "--expires", "0001-01-01T00:00+10:00"), "x\n", 2, "is no date"),
        (("credentials", "add", "a"), "", 2, "--type"),
        (("credentials", "add", "a", "--type", "token", "secret"), "", 2, "unexpected"),
        (("credentials", "rotate", "none"), "x\n", 1, "no credential 'none'"),
        (("credentials", "remove", "none"), "", 1, "no credential 'none'"),
        (("vault", "init", "--key-source", "moon"), "", 2, "moon"),
        (("vault", "rekey", "--key-source", "systemd"), "", 1, "LoadCredentialEncrypted"),
        (("vault", "import", "missing"), "", 1, "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_explained(
    gitferry: Gitferry, tell: Callable[..., Said], arguments: tuple[str, ...], given: str, code: int, said: str
) -> None:
    gitferry("vault", "init")
    assert said in tell(given, *arguments, code=code).err
    assert rows(gitferry("credentials", "list", "--json")) == []


def test_without_a_vault_the_verb_that_makes_one_is_named(tell: Callable[..., Said]) -> None:
    assert "`gitferry vault init`" in tell("x\n", "credentials", "add", "a", "--type", "token", code=1).err


@pytest.mark.parametrize("words", ["", "key words"])
def test_ssh_keys_are_read_to_their_end(
    gitferry: Gitferry, tell: Callable[..., Said], tmp_path: Path, words: str
) -> None:
    key = ssh_key(tmp_path / "key", words)
    gitferry("vault", "init")
    if words:
        assert "passphrase is missing" in tell(key, "credentials", "add", "deploy", "--type", "ssh_key", code=1).err
    tell(key + words.encode() + b"\n", "credentials", "add", "deploy", "--type", "ssh_key")
    assert rows(gitferry("credentials", "list", "--json"))[0]["type"] == "ssh_key"


def test_a_passphrase_vault_asks_each_time_and_never_for_a_list(gitferry: Gitferry, tell: Callable[..., Said]) -> None:
    tell(f"{WORDS}\n", "vault", "init", "--key-source", "passphrase")
    tell(f"{WORDS}\n{TOKEN}\n", "credentials", "add", "work", "--type", "token")
    assert "locked" in gitferry("credentials", "list").out
    assert gitferry("vault", "status", "--json").json["vault"]["locked"]
    assert "not the passphrase" in tell("wrong\n", "vault", "unlock", code=1).err
    assert "No daemon runs" in tell(f"{WORDS}\n", "vault", "unlock").out
    tell(f"{WORDS}\n", "vault", "rekey", "--key-source", "keyfile")
    status = gitferry("vault", "status", "--json").json["vault"]
    assert (status["key_source"], status["locked"], status["rekeying"]) == ("keyfile", False, False)


def test_an_export_goes_to_another_machine(
    gitferry: Gitferry, tell: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gitferry("vault", "init")
    tell(f"{TOKEN}\n", "credentials", "add", "work", "--type", "token")
    file, key = tmp_path / "export.json", tmp_path / "key.pem"
    tell(f"{WORDS}\n", "vault", "export", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert TOKEN not in file.read_text()
    assert "there already" in tell(f"{WORDS}\n", "vault", "export", str(file), code=1).err
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", f"{key}.pub"], check=True, capture_output=True)
    gitferry("vault", "export", str(tmp_path / "rsa.json"), "--public-key", f"{key}.pub")
    monkeypatch.setenv("GITFERRY_STATE_DIR", str(tmp_path / "other"))
    gitferry("vault", "init")
    assert "passphrase is another one" in tell("no\n", "vault", "import", str(file), code=1).err
    assert tell(f"{WORDS}\n", "vault", "import", str(file), "--json").json == {"imported": ["work"], "kept": []}
    assert "--private-key" in gitferry("vault", "import", str(tmp_path / "rsa.json"), code=1).err
    by_key = ("vault", "import", str(tmp_path / "rsa.json"), "--private-key", str(key), "--json")
    assert gitferry(*by_key, code=4).json == {"imported": [], "kept": ["work"]}
    assert gitferry(*by_key, "--replace").json == {"imported": ["work"], "kept": []}


def test_a_damaged_record_is_named_and_rotating_mends_it(gitferry: Gitferry, tell: Callable[..., Said]) -> None:
    gitferry("vault", "init")
    for name in ("one", "two"):
        tell("x\n", "credentials", "add", name, "--type", "token")
    connection = sqlite3.connect(state() / "gitferry.db")
    with connection:
        connection.execute("UPDATE credentials SET username = 'mallory' WHERE name = 'one'")
    connection.close()
    said = gitferry("credentials", "list", "--json", code=4)
    assert [(row["name"], row["damaged"]) for row in rows(said)] == [("one", True), ("two", False)]
    assert "'one'" in gitferry("vault", "rekey", code=1).err
    assert "--type" in tell("y\n", "credentials", "rotate", "one", code=1).err
    tell("y\n", "credentials", "rotate", "one", "--type", "token")
    assert [(row["damaged"], row["username"]) for row in rows(gitferry("credentials", "list", "--json"))] == [
        (False, None),
        (False, None),
    ]


@pytest.mark.parametrize(("name", "mode"), [("", 0o755), ("gitferry.db", 0o644), ("vault.key", 0o640)])
@pytest.mark.usefixtures("no_repositories")
def test_what_others_can_reach_is_an_error(gitferry: Gitferry, name: str, mode: int) -> None:
    gitferry("vault", "init")
    path = state() / name
    path.chmod(mode)
    said = gitferry("credentials", "list", code=1)
    assert f"chmod {'600' if name else '700'} {path}" in said.err
    done = subprocess.run([*COMMAND, "run"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "chmod" in done.stderr


def test_a_vault_that_was_here_is_not_silently_gone(gitferry: Gitferry, tell: Callable[..., Said]) -> None:
    gitferry("vault", "init")
    tell("x\n", "credentials", "add", "work", "--type", "token")
    file = state() / "gitferry.db"
    file.write_bytes(b"\xa5" * 9000)
    said = gitferry("credentials", "list", "--json")
    assert rows(said) == [] and "are lost" in said.err
    status = gitferry("vault", "status").out
    assert "gitferry.db.broken-" in status and "key of an earlier vault" in status
    assert "that key is kept" in gitferry("vault", "init").out
    assert len(re.findall(r"^[0-9a-f]{32} ", (state() / "vault.key").read_text(), re.MULTILINE)) == 2


def test_a_damaged_index_keeps_its_credentials(gitferry: Gitferry, tell: Callable[..., Said]) -> None:
    """Its tables are not those of this version, and what it has of the vault is."""
    gitferry("vault", "init")
    tell("x\n", "credentials", "add", "work", "--type", "token")
    connection = sqlite3.connect(state() / "gitferry.db")
    connection.execute("ALTER TABLE tasks ADD COLUMN more TEXT")
    connection.close()
    said = gitferry("credentials", "list", "--json")
    assert "were brought over: work" in said.err
    assert [(row["name"], row["damaged"]) for row in rows(said)] == [("work", False)]


def test_a_terminal_is_asked_and_shows_nothing(gitferry: Gitferry) -> None:
    gitferry("vault", "init")
    main, side = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "credentials", "add", "work", "--type", "token"],
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # makes it the controlling terminal
    )
    os.close(side)
    shown = b""
    while b"token: " not in shown:
        shown += os.read(main, 1024)
    os.write(main, f"{TOKEN}\n".encode())
    while True:
        try:
            part = os.read(main, 1024)
        except OSError:  # Linux' way to say that the other side is closed
            break
        if not part:
            break
        shown += part
    assert process.wait(60) == 0, shown
    assert b"work is in the vault" in shown and TOKEN.encode() not in shown
    os.close(main)


@pytest.mark.usefixtures("no_repositories")
def test_a_daemon_starts_locked_is_unlocked_and_follows_a_rekey(
    gitferry: Gitferry, tell: Callable[..., Said], daemon: Callable[[], int], tmp_path: Path
) -> None:
    tell(f"{WORDS}\n", "vault", "init", "--key-source", "passphrase")
    tell(f"{WORDS}\n{TOKEN}\n", "credentials", "add", "work", "--type", "token")
    daemon()
    with Client(socket_to_bind(os.environ)) as client:
        assert client.vault()["vault"]["locked"]
        assert any("locked" in note for note in client.daemon()["notes"])
        assert "not the passphrase" in tell("wrong\n", "vault", "unlock", code=1).err
        assert "is unlocked" in tell(f"{WORDS}\n", "vault", "unlock").out
        assert not client.vault()["vault"]["locked"]
        assert not gitferry("vault", "status", "--json").json["vault"]["locked"]
        tell(f"{WORDS}\nother canary words\n", "vault", "rekey")
        assert not client.vault()["vault"]["locked"]
        gitferry("vault", "lock")
        assert client.vault()["vault"]["locked"]
        assert "not the passphrase" in tell(f"{WORDS}\n", "vault", "unlock", code=1).err
    held = [path.read_bytes() for path in state().rglob("*") if path.is_file()] + [
        (tmp_path / "daemon.log").read_bytes()
    ]
    assert not any(b"canary" in data for data in held)


def test_what_waited_for_the_passphrase_crosses_once_it_is_given(
    tell: Callable[..., Said],
    settings: Path,
    daemon: Callable[[], int],
    remote: Repo,
    clone: Callable[..., Repo],
    http_server: HttpServer,
) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", http_server.url(remote))
    here.write("notes.txt", "mine\n")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f"version: 1\nrepositories:\n- {{path: {here.root}, auth: {{credential: forge}}}}\n")
    tell(f"{WORDS}\n", "vault", "init", "--key-source", "passphrase")
    given = f"{WORDS}\n{http_server.password}\n"
    tell(given, "credentials", "add", "forge", "--type", "basic", "--username", http_server.user)
    daemon()
    end = time.monotonic() + 20

    def error() -> str | None:
        assert time.monotonic() < end
        time.sleep(0.05)
        with Client(socket_to_bind(os.environ)) as client:
            (row,) = client.status()["repositories"]
        found: str | None = row["last_error"]
        return found

    while "the vault is locked" not in (error() or ""):
        pass
    tell(f"{WORDS}\n", "vault", "unlock")
    while error() is not None or "notes.txt" not in remote.tree("main"):
        pass


def test_what_a_remote_refused_crosses_once_the_credential_has_another_secret(
    tell: Callable[..., Said],
    settings: Path,
    daemon: Callable[[], int],
    remote: Repo,
    clone: Callable[..., Repo],
    http_server: HttpServer,
) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", http_server.url(remote))
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        "version: 1\ndefaults: {retry: {initial: 4m}, pull: {enabled: false}, watch: {reconcile: 1h}}\n"
        f"repositories:\n- {{path: {here.root}, auth: {{credential: forge}}}}\n"
    )
    tell("", "vault", "init", "--key-source", "keyfile")
    daemon()
    end = time.monotonic() + 20

    def error() -> str | None:
        assert time.monotonic() < end
        time.sleep(0.05)
        with Client(socket_to_bind(os.environ)) as client:
            (row,) = client.status()["repositories"]
        found: str | None = row["last_error"]
        return found

    while error() is None:
        pass
    said = tell("wrong\n", "credentials", "add", "forge", "--type", "basic", "--username", http_server.user)
    assert "the daemon tries it now: here" in said.out
    while "refuse" not in (error() or ""):
        pass
    assert "here" in tell(f"{http_server.password}\n", "credentials", "rotate", "forge").out
    while error() is not None:
        pass


@pytest.mark.usefixtures("no_repositories")
def test_the_answer_to_a_malformed_unlock_does_not_repeat_it(gitferry: Gitferry, daemon: Callable[[], int]) -> None:
    daemon()
    client = Client(socket_to_bind(os.environ))
    from gitferry.config.errors import GitferryError

    with pytest.raises(GitferryError) as refused:
        client._post("/vault/unlock", {"passphrase": ["canary"], "other": "canary"})
    assert "canary" not in str(refused.value)
    with pytest.raises(GitferryError, match="no vault"):
        client.unlock("canary")


@pytest.mark.usefixtures("no_repositories")
def test_another_state_directory_than_the_daemons_is_told(
    gitferry: Gitferry, daemon: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon()
    theirs = state()
    monkeypatch.setenv("GITFERRY_STATE_DIR", str(tmp_path / "elsewhere"))
    assert f"GITFERRY_STATE_DIR={theirs}" in gitferry("vault", "init", code=1).err
