"""A server that nobody met is shown by its fingerprint, and known once a person accepted it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.repos import host_keys, transport
from gitferry.repos.git import Git
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.signing_in import offered
from gitferry.tests.integration.servers import SshServer, free_port, program
from gitferry.tests.repo import Repo


@pytest.fixture
def unmet(ssh_server: SshServer, home: Path) -> SshServer:
    """A server that lets the user in, whom the user never met."""
    ssh_server.forget(home)
    return ssh_server


def fingerprint(server: SshServer) -> str:
    done = subprocess.run(
        [program("ssh-keygen"), "-lf", str(server.directory / "host.pub")], capture_output=True, text=True, check=True
    )
    return done.stdout.split()[1]


def fetched(repo: Repo) -> str | None:
    git, url = Git(repo.root), repo.git("remote", "get-url", "origin")
    git.access = lambda: offered(None, url, environ=os.environ)
    return transport.fetch(git, "origin", "main")


def test_an_unknown_server_is_shown_and_can_be_accepted(
    unmet: SshServer, remote: Repo, clone: Callable[..., Repo], home: Path
) -> None:
    here, url = clone("here"), unmet.url(remote)
    here.git("remote", "set-url", "origin", url)
    with pytest.raises(RemoteError) as caught:
        fetched(here)
    assert caught.value.kind == "host_key"
    assert fingerprint(unmet) in caught.value.hint
    assert (home / ".ssh" / "known_hosts").read_text() == "", "looking remembers nothing"
    assert not host_keys.is_known(url, os.environ)
    key = host_keys.shown(url, os.environ)
    assert key is not None
    assert key.fingerprint == fingerprint(unmet)
    (home / ".ssh" / "known_hosts").write_text("other.example.org ssh-ed25519 AAAA")  # no line end
    host_keys.accept(key, url, os.environ)
    assert host_keys.is_known(url, os.environ)
    assert fetched(here) == here.head


def test_it_is_remembered_in_a_file_whose_name_has_blanks_and_tokens(
    unmet: SshServer,
    remote: Repo,
    clone: Callable[..., Repo],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, url, file = clone("here"), unmet.url(remote), home / ".ssh" / "of mine" / "127.0.0.1 at 100%"
    here.git("remote", "set-url", "origin", url)
    config = home / ".ssh" / "config"
    named = f'UserKnownHostsFile "{file.parent}/%h at 100%%" "{home}/.ssh/second of mine"\n'
    config.write_text(named + config.read_text())
    (tmp_path / "tmp of mine").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp of mine"))
    tempfile.tempdir = None  # read anew
    key = host_keys.shown(url, os.environ)
    tempfile.tempdir = None
    assert key is not None
    assert host_keys.accept(key, url, os.environ) == file
    assert list(file.parent.iterdir()) == [file]
    assert host_keys.is_known(url, os.environ)
    assert fetched(here) == here.head


def test_a_changed_key_is_shown_and_not_offered(
    ssh_server: SshServer, remote: Repo, clone: Callable[..., Repo], home: Path
) -> None:
    here, url = clone("here"), ssh_server.url(remote)
    here.git("remote", "set-url", "origin", url)
    ssh_server.impersonate(home)
    with pytest.raises(RemoteError) as caught:
        fetched(here)
    assert fingerprint(ssh_server) in caught.value.hint
    assert host_keys.is_known(url, os.environ)


def test_nobody_there_shows_nothing() -> None:
    assert host_keys.shown(f"ssh://git@127.0.0.1:{free_port()}/r.git", os.environ) is None
    assert host_keys.shown("https://example.org/r.git", os.environ) is None
