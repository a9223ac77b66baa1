"""Crossings that sign in, over real sshd and real TLS: each outcome is a clear state, and no secret is anywhere."""

from __future__ import annotations

import base64
import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import pytest

from gitferry.config.model import BasicAuth, CredentialAuth, SshKeyAuth
from gitferry.pushback.crossing import cross
from gitferry.pushback.outcome import Outcome, Request
from gitferry.repos.ssh_connections import Connections
from gitferry.security.login import Login
from gitferry.tests.canary import Watch, forms, in_files
from gitferry.tests.integration.certificates import Authority
from gitferry.tests.integration.servers import HttpServer, SshServer, program
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

CROSSINGS = int(os.environ.get("CANARY_CROSSINGS", "5"))
PASSPHRASE = "canary-passphrase-8c1f"


def key(path: Path, passphrase: str = "") -> Path:
    command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", passphrase, "-C", "k", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture
def at(clone: Callable[..., Repo], remote: Repo) -> Callable[[HttpServer | SshServer], Repo]:
    """A clone whose origin is the given server."""

    def make(server: HttpServer | SshServer) -> Repo:
        here = clone("here")
        here.git("remote", "set-url", "origin", server.url(remote))
        return here

    return make


@pytest.fixture
def trusting(home: Path, authority_of_tests: Authority) -> None:
    with (home / ".gitconfig").open("a") as file:
        file.write(f"[http]\n\tsslCAInfo = {authority_of_tests.file}\n")


@pytest.fixture
def known_sshd(running_sshd: SshServer, home: Path) -> SshServer:
    """An sshd whose identity is known, to a user who has no key."""
    running_sshd.admit(home)
    (home / ".ssh" / "id_test").unlink()
    return running_sshd


def crossed(here: Repo, auth: object, **host: object) -> Outcome:
    """An edit crosses after a fetch."""
    here.write("tasks/celsius/main.js", f"// {time.monotonic_ns()}\n")
    side = Side(here)
    settings = side.settings.model_copy(update={"auth": auth})
    return cross(settings, Request("request", fetch=True), host=replace(side.host, **host))  # type: ignore[arg-type]


def refused(outcome: Outcome, words: str) -> None:
    assert outcome.state == "failing"
    assert words in (outcome.error or "")
    assert outcome.hint
    assert not outcome.retry


# -- each outcome is a state


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_key_crosses(
    at: Callable[..., Repo], known_sshd: SshServer, remote: Repo, tmp_path: Path, passphrase: str
) -> None:
    here = at(known_sshd)
    file = key(tmp_path / "key", passphrase)
    auth = SshKeyAuth(type="ssh_key", path=file, passphrase=passphrase or None)
    refused(crossed(here, auth), "refused our credentials")
    with (known_sshd.directory / "authorized_keys").open("a") as admitted:
        admitted.write("restrict " + file.with_suffix(".pub").read_text())
    healthy(crossed(here, auth))
    assert remote.tip("main") == here.head
    if passphrase:
        refused(crossed(here, SshKeyAuth(type="ssh_key", path=file)), "no passphrase is stored with it")


def test_a_changed_host_key_stops_it(
    at: Callable[..., Repo], known_sshd: SshServer, home: Path, tmp_path: Path
) -> None:
    here = at(known_sshd)
    known_sshd.impersonate(home)
    refused(crossed(here, SshKeyAuth(type="ssh_key", path=key(tmp_path / "key"))), "could not be verified")


@pytest.mark.usefixtures("trusting")
def test_a_password_crosses_and_a_wrong_one_does_not(
    at: Callable[..., Repo], running_https: HttpServer, remote: Repo
) -> None:
    here = at(running_https)
    refused(crossed(here, BasicAuth(type="basic", username="ferry", password="no")), "refused our credentials")
    healthy(crossed(here, BasicAuth(type="basic", username="ferry", password=running_https.password)))
    assert remote.tip("main") == here.head
    refused(crossed(here, CredentialAuth(credential="work")), "no credential work")


@pytest.mark.usefixtures("trusting")
def test_an_expired_certificate_stops_it(at: Callable[..., Repo], running_expired: HttpServer) -> None:
    auth = BasicAuth(type="basic", username="ferry", password=running_expired.password)
    refused(crossed(at(running_expired), auth), "expired")


# -- no secret is anywhere


@pytest.fixture
def ssh_login(known_sshd: SshServer, tmp_path: Path) -> Callable[[str], Login]:
    def make(passphrase: str) -> Login:
        file = key(tmp_path / "canary", passphrase)
        with (known_sshd.directory / "authorized_keys").open("a") as admitted:
            admitted.write("restrict " + file.with_suffix(".pub").read_text())
        login = Login("ssh_key", file.read_bytes(), passphrase=passphrase.encode() or None)
        file.unlink()
        return login

    return make


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("kind", ["token", "basic", "ssh_key", "encrypted"])
def test_no_secret_is_left_or_shown(
    request: pytest.FixtureRequest, at: Callable[..., Repo], runtime_directory: Path, tmp_path: Path, kind: str
) -> None:
    if kind in ("token", "basic"):
        server: HttpServer | SshServer = request.getfixturevalue("running_https")
        assert isinstance(server, HttpServer)
        login = Login("token" if kind == "token" else "basic", server.password.encode(), server.user)
    else:
        server = request.getfixturevalue("known_sshd")
        # Of its own: other tests' processes are looked at too.
        login = request.getfixturevalue("ssh_login")(f"{PASSPHRASE} {token_hex(8)}" if kind == "encrypted" else "")
    here, connections = at(server), Connections(os.environ)
    secrets = forms(login)
    with Watch(secrets, runtime_directory, server=server.pid).on() as watch:
        for _ in range(CROSSINGS):
            auth = CredentialAuth(credential="work")
            healthy(crossed(here, auth, logins=lambda _: login, connections=connections))
            if kind == "encrypted":
                connections.close()  # the key is used each time
    connections.close()
    assert watch.hits == set()
    assert len(watch.processes) >= CROSSINGS, "too few processes were seen for the search to mean anything"
    assert in_files(tmp_path, secrets) == []
    assert in_files(runtime_directory, secrets) == []
    if isinstance(server, HttpServer):
        assert in_files(server.directory, secrets) == [str(server.directory / "users")], "the server knows it"


@pytest.fixture
def sleeping() -> Iterator[Callable[..., None]]:
    """Starts a process with the given arguments and environment."""
    started = []

    def start(*words: str, **environ: str) -> None:
        process = subprocess.Popen(["sh", "-c", "sleep 20; :", *words], env={**os.environ, **environ})
        started.append(process)

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_search_finds_what_is_planted(
    sleeping: Callable[..., None], clone: Callable[..., Repo], runtime_directory: Path
) -> None:
    login = Login("basic", b"planted-canary-77", "me")
    encoded, here = base64.b64encode(b"me:planted-canary-77").decode(), clone("here")
    with Watch(forms(login), runtime_directory).on() as watch:
        sleeping("planted-canary-77")
        sleeping(PLANTED=encoded)
        (runtime_directory / "file").write_text(f"header: {encoded}")
        logging.getLogger("gitferry").debug("%s", "planted-canary-77")
        until = time.monotonic() + 10
        while len(watch.hits) < 4 and time.monotonic() < until:
            time.sleep(0.02)
    assert watch.hits == {"cmdline", "environ", str(runtime_directory / "file"), "log"}
    here.git("config", "http.extraHeader", f"Authorization: Basic {encoded}")
    here.write("tasks/planted", "planted-canary-77")
    here.commit("Planted")
    found = {Path(hit).relative_to(here.root).parts[0] for hit in in_files(here.root, forms(login))}
    assert found == {".git", "tasks"}
    assert any("/objects/" in hit for hit in in_files(here.root, forms(login)))
