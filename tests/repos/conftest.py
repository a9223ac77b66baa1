"""Working trees swapped in each of the ways a machine may allow, and users who sign in each of the ways of git."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitferry.repos import signing
from gitferry.repos.worktree import (
    Renames,
    Worktree,
)
from gitferry.tests import signers
from gitferry.tests.repo import Repo
from gitferry.tests.repos.signing_desk import Desk
from gitferry.tests.signers import PLAIN, Keyring

_USUAL = (Path("/dev/shm"), Path("/var/tmp"), Path("/tmp"))  # two file systems on a Linux machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture(params=["native", "plain", "elsewhere"])
def kind(request: pytest.FixtureRequest) -> str:
    """How files are swapped: by renameat2, without it, and with the scratch directory on another file system."""
    return str(request.param)


@pytest.fixture
def scratch(tmp_path: Path, kind: str) -> Iterator[Path]:
    path = tmp_path / "git" / "scratch"
    if kind == "elsewhere":
        other = [place for place in _USUAL if place.stat().st_dev != tmp_path.stat().st_dev]
        assert other, "there is no second file system"
        path = other[0] / f"gitferry-test-{os.getpid()}-{time.monotonic_ns()}"
    yield path
    if path.exists():
        assert list(path.iterdir()) == []
        path.rmdir()


@pytest.fixture
def tree(root: Path, scratch: Path, kind: str) -> Worktree:
    return Worktree(root, scratch, renames=Renames(native=kind != "plain"))


@pytest.fixture
def native(tmp_path: Path, root: Path) -> Worktree:
    return Worktree(root, tmp_path / "git" / "scratch")


@pytest.fixture(scope="session")
def running_keyring() -> Iterator[Keyring]:
    """One for all tests: making its keys takes a second."""
    with signers.keyring() as ring:
        signers.certificates(ring)
        yield ring


@pytest.fixture
def keyring(running_keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """The key ring, locked, as the one of this test's user."""
    monkeypatch.setenv("GNUPGHOME", str(running_keyring.home))
    running_keyring.lock()
    return running_keyring


@pytest.fixture
def ssh_agent(runtime_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The socket of an agent without a key, which this test's programs ask."""
    with signers.ssh_agent(runtime_directory) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield socket


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A new repository of a user who signs, in a process that has asked nobody yet."""
    monkeypatch.setattr(signing, "_unanswered", signing._Unanswered())
    desk = Desk(Repo.init(tmp_path / "repo", "--template="))
    desk.set(commit__gpgSign="true")
    yield desk
    desk.objects.close()


@pytest.fixture
def ssh(desk: Desk, home: Path) -> Callable[..., Path]:
    """`ssh("name", "passphrase")` makes a key, has git sign with it, and has git trust it."""

    def make(name: str = "plain", passphrase: str = "") -> Path:
        path = home / "keys" / name
        public = signers.ssh_key(path, passphrase)
        allowed = home / "allowed"
        allowed.write_text(f"{PLAIN} {public}\n")
        desk.set(gpg__format="ssh", user__signingKey=str(path), gpg__ssh__allowedSignersFile=str(allowed))
        return path

    return make
