"""A stored credential at a real web server and a real sshd: tried, added with, looked at by `doctor`, and crossing."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.tests.daemon.cli.conftest import Gitferry, Said, gitferry, no_repositories, settings, tell
from gitferry.tests.integration.certificates import Authority
from gitferry.tests.integration.servers import HttpServer, SshServer, program
from gitferry.tests.repo import Repo

__all__ = ["gitferry", "no_repositories", "settings", "tell"]  # fixtures


@pytest.fixture
def keep(gitferry: Gitferry, tell: Callable[..., Said]) -> Callable[..., Said]:
    """`keep("secret\\n", "add", …)` runs a verb of `credentials` with that on standard input, in a vault."""
    gitferry("vault", "init", "--key-source", "keyfile")
    return lambda given, *arguments: tell(given, "credentials", *arguments)


@pytest.fixture
def https(running_https: HttpServer, home: Path, authority_of_tests: Authority) -> HttpServer:
    with (home / ".gitconfig").open("a") as file:
        file.write(f"[http]\n\tsslCAInfo = {authority_of_tests.file}\n")
    return running_https


def test_a_password_is_tried_where_the_settings_name_it(
    gitferry: Gitferry, keep: Callable[..., Said], https: HttpServer, remote: Repo, settings: Path
) -> None:
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        "version: 1\nrepositories:\n  - name: work\n    path: ~/work\n"
        f"    url: {https.url(remote)}\n    auth: {{credential: forge}}\n"
    )
    keep(b"wrong\n", "add", "forge", "--type", "basic", "--username", https.user)
    said = gitferry("credentials", "test", "forge", code=1)
    assert "work (" in said.out and "refused our credentials" in said.out
    keep(https.password.encode() + b"\n", "rotate", "forge")
    for target in ((), ("work",), (https.url(remote),)):
        (row,) = gitferry("credentials", "test", "forge", *target, "--json").json["tests"]
        assert row["accepted"] and row["error"] is None
    assert gitferry("credentials", "list", "--json").json["credentials"][0]["last_used_at"] is not None


@pytest.mark.parametrize("words", ["", "key words"])
def test_a_key_is_tried(
    gitferry: Gitferry,
    keep: Callable[..., Said],
    running_sshd: SshServer,
    remote: Repo,
    home: Path,
    tmp_path: Path,
    words: str,
) -> None:
    running_sshd.admit(home)
    file = tmp_path / "key"
    subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", words, "-f", str(file)], check=True)
    keep(file.read_bytes() + words.encode() + b"\n", "add", "deploy", "--type", "ssh_key")
    url = running_sshd.url(remote)
    assert "refused our credentials" in gitferry("credentials", "test", "deploy", url, code=1).out
    with (running_sshd.directory / "authorized_keys").open("a") as admitted:
        admitted.write("restrict " + file.with_suffix(".pub").read_text())
    assert "accepted" in gitferry("credentials", "test", "deploy", url).out


@pytest.mark.usefixtures("no_repositories")
def test_what_cannot_be_tried_is_explained(gitferry: Gitferry, keep: Callable[..., Said]) -> None:
    keep(b"secret\n", "add", "forge", "--type", "token")
    assert "no repository's settings name" in gitferry("credentials", "test", "forge", code=1).err
    assert "no repository 'work'" in gitferry("credentials", "test", "forge", "work", code=1).err
    assert "no credential 'none'" in gitferry("credentials", "test", "none", "https://127.0.0.1:1/a", code=1).err
    plain = gitferry("credentials", "test", "forge", "http://git.example.org/a.git", code=1)
    assert "it was not sent" in plain.out
    assert "secret" not in plain.out.replace("secrets", "")


def test_a_crossing_signs_in_from_the_vault(
    gitferry: Gitferry,
    keep: Callable[..., Said],
    https: HttpServer,
    remote: Repo,
    clone: Callable[..., Repo],
    settings: Path,
) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", https.url(remote))
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        f"version: 1\nrepositories:\n  - name: work\n    path: {here.root}\n    auth: {{credential: forge}}\n"
    )
    assert "credential 'forge'" in gitferry("sync", "work", code=None).out
    keep(https.password.encode() + b"\n", "add", "forge", "--type", "basic", "--username", https.user)
    here.write("tasks/celsius/main.js", "// signed in\n")
    gitferry("push", "all")
    assert remote.tip("main") == here.head
    keep(b"wrong\n", "rotate", "forge")
    assert "refused our credentials" in gitferry("sync", "work", code=None).out


@pytest.mark.parametrize("settings_before", [False, True])
def test_add_reaches_the_remote_with_the_credential(
    gitferry: Gitferry,
    keep: Callable[..., Said],
    https: HttpServer,
    remote: Repo,
    settings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings_before: bool,
) -> None:
    if settings_before:
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text("version: 1\nrepositories: []\n")
    keep(https.password.encode() + b"\n", "add", "forge", "--type", "basic", "--username", https.user)
    monkeypatch.chdir(tmp_path)
    url = https.url(remote)
    assert "refused our credentials" in gitferry("add", url, "--name", "work", "--yes", code=1).err
    said = gitferry("add", url, "--name", "work", "--credential", "forge", "--yes")
    assert "cannot be used now" not in said.out
    tree = Repo(tmp_path / "work")
    assert tree.tree() == remote.tree("main")
    gitferry("remove", "work")
    assert "refused our credentials" in gitferry("add", str(tree.root), "--yes").out.replace("\n" + " " * 15, " ")
    gitferry("remove", "work")
    assert "cannot be used now" not in gitferry("add", str(tree.root), "--credential", "forge", "--yes").out
    gitferry("remove", "work")
    assert "'none'" in gitferry("add", str(tree.root), "--credential", "none", "--yes").out
    used = gitferry("audit", "list", "--action", "credential.use", "--json").json["records"]
    assert used and {row["subject"] for row in used} == {"forge"}


def test_doctor_signs_in_from_the_vault(
    gitferry: Gitferry,
    keep: Callable[..., Said],
    https: HttpServer,
    remote: Repo,
    clone: Callable[..., Repo],
    settings: Path,
) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", https.url(remote))
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        f"version: 1\nrepositories:\n  - name: work\n    path: {here.root}\n    auth: {{credential: forge}}\n"
    )

    def reached() -> tuple[str, str]:
        (found,) = [row for row in gitferry("doctor", "--json", code=None).json["checks"] if row["name"] == "remote"]
        return found["level"], found["what"]

    assert reached() == ("fail", "the vault has no credential 'forge'")
    keep(https.password.encode() + b"\n", "add", "forge", "--type", "basic", "--username", https.user)
    level, what = reached()
    assert level == "ok" and "answered in" in what


def test_doctor_does_not_call_a_remote_unreachable_for_a_locked_vault(
    gitferry: Gitferry,
    https: HttpServer,
    remote: Repo,
    clone: Callable[..., Repo],
    settings: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", https.url(remote))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"some words\n")))
    gitferry("vault", "init", "--key-source", "passphrase")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        f"version: 1\nrepositories:\n  - name: work\n    path: {here.root}\n    auth: {{credential: forge}}\n"
    )
    (found,) = [row for row in gitferry("doctor", "--json", code=None).json["checks"] if row["name"] == "remote"]
    assert (found["level"], "was not asked" in found["what"]) == ("warn", True)
