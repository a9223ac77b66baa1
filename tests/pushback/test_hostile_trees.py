"""Trees that somebody built at the remote to escape, to hide or to burst, pulled by the real engine."""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.tests.pushback.kit import Side
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]


class Forger:
    """Writes objects straight into the remote, past every check that git makes of what people commit."""

    def __init__(self, remote: Repo) -> None:
        self.remote = remote

    def blob(self, data: bytes) -> str:
        return self.remote.git("hash-object", "-w", "--stdin", stdin=data)

    def tree(self, *entries: tuple[str, str, str]) -> str:
        """A tree of (mode, name, object), in the order that git wants of sound ones."""
        ordered = sorted(entries, key=lambda entry: os.fsencode(entry[1]) + (b"/" if entry[0] == "40000" else b""))
        data = b"".join(
            f"{mode} ".encode() + os.fsencode(name) + b"\0" + bytes.fromhex(oid) for mode, name, oid in ordered
        )
        whole = f"tree {len(data)}".encode() + b"\0" + data
        oid = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        file = self.remote.root / "objects" / oid[:2] / oid[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(whole))
        return oid

    def push(self, tree: str) -> str:
        """Commits `tree` on top of main."""
        commit = self.remote.git("commit-tree", tree, "-p", "main", "-m", "Hostile")
        self.remote.git("update-ref", "refs/heads/main", commit)
        return commit

    def beside(self, *entries: tuple[str, str, str]) -> str:
        """Commits what main has, and these entries at its root."""
        lines = self.remote.git("ls-tree", "main").splitlines()
        kept = [(line.split()[0].lstrip("0"), line.partition("\t")[2], line.split()[2]) for line in lines]
        names = {name for _, name, _ in entries}
        return self.push(self.tree(*(each for each in kept if each[1] not in names), *entries))


@pytest.fixture
def forger(remote: Repo) -> Forger:
    return Forger(remote)


@pytest.fixture
def here(clone: Clone) -> Side:
    return Side(clone("here"), pushback={"conflict_strategy": "merge"})


def outside(here: Side) -> dict[str, bytes]:
    """What a pull must leave as it is: git's own files that programs are named in, and all beside the tree."""
    top = here.repo.root
    found = {str(path): path.read_bytes() for path in (top / ".git" / "hooks").glob("*") if path.is_file()}
    found[".git/config"] = (top / ".git" / "config").read_bytes()
    for path in top.parent.iterdir():
        if path.name not in (top.name, "remote.git", "home", "other"):
            found[str(path)] = path.read_bytes() if path.is_file() else b"directory"
    return found


@pytest.mark.parametrize(
    "name",
    [".git", ".GIT", ".git ", ".git.", "git~1", ".g\u200cit", ".gi\u200dt", ".git::$INDEX_ALLOCATION", "..", ".", ""],
)
def test_names_that_lead_into_git_or_out_are_not_written(here: Side, forger: Forger, name: str) -> None:
    evil = forger.blob(b"#!/bin/sh\ntouch /tmp/gitferry-was-here\n")
    hooks = forger.tree(("40000", "hooks", forger.tree(("100755", "post-checkout", evil))), ("100644", "config", evil))
    before = outside(here)
    forger.beside(("40000", name, hooks))
    outcome = here.sync()
    assert outside(here) == before
    assert outcome.state in ("failing", "conflict", "waiting"), outcome
    assert outcome.error or outcome.waiting_for
    assert not here.repo.exists("hooks/post-checkout")


@pytest.mark.parametrize("name", ["a/b", "../escaped", "/tmp/gitferry-escaped", "tasks/../../escaped"])
def test_names_with_slashes_are_not_written(here: Side, forger: Forger, tmp_path: Path, name: str) -> None:
    before = outside(here)
    forger.beside(("100644", name, forger.blob(b"escaped")))
    outcome = here.sync()
    assert outcome.state in ("failing", "conflict", "waiting")
    assert outside(here) == before
    assert not (tmp_path / "escaped").exists()
    assert not Path("/tmp/gitferry-escaped").exists()


def test_a_link_and_a_directory_of_one_name_lead_nowhere(here: Side, forger: Forger, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    before = outside(here)
    link = forger.blob(str(target).encode())
    inner = forger.tree(("100644", "file", forger.blob(b"escaped")))
    forger.beside(("120000", "way", link), ("40000", "way", inner))
    here.sync()
    assert list(target.iterdir()) == []
    assert outside(here) == before


def test_a_link_that_becomes_a_directory_leads_nowhere(here: Side, forger: Forger, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    forger.beside(("120000", "way", forger.blob(str(target).encode())))
    assert here.sync().state == "healthy"
    assert (here.repo.root / "way").is_symlink()
    forger.beside(("40000", "way", forger.tree(("100644", "file", forger.blob(b"inside")))))
    assert here.sync().state == "healthy"
    assert list(target.iterdir()) == []
    assert here.repo.read("way/file") == "inside"


def test_a_link_of_the_users_own_is_not_written_through(here: Side, forger: Forger, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    here.repo.link("way", str(target))
    forger.beside(("40000", "way", forger.tree(("100644", "file", forger.blob(b"theirs")))))
    here.sync()
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("name", [".gitmodules", ".gitattributes", ".gitignore"])
def test_git_s_own_files_as_links(here: Side, forger: Forger, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("[submodule]\n")
    before = outside(here)
    forger.beside(("120000", name, forger.blob(str(secret).encode())))
    here.sync()
    assert outside(here) == before


@pytest.mark.parametrize(
    "url",
    ["-oProxyCommand=touch {mark}", "ext::touch {mark}", "file:///etc", "--upload-pack=touch {mark}", "../../etc"],
)
def test_submodules_are_never_fetched(here: Side, forger: Forger, tmp_path: Path, url: str) -> None:
    mark = tmp_path / "mark"
    text = f'[submodule "x"]\n\tpath = sub\n\turl = {url.format(mark=mark)}\n\tupdate = !touch {mark}\n'
    here.repo.git("config", "submodule.recurse", "true")
    forger.beside(("100644", ".gitmodules", forger.blob(text.encode())), ("160000", "sub", "1" * 40))
    here.sync()
    assert not mark.exists()
    assert not (here.repo.root / ".git" / "modules").exists()


# -- what would burst


def _bounded(here: Side) -> str:
    """The state after a pull that has to end."""
    started = time.monotonic()
    outcome = here.sync()
    assert time.monotonic() - started < 60
    assert outcome.state == "healthy" or outcome.error or outcome.waiting_for
    return str(outcome.state)


def test_a_few_objects_that_are_billions_of_files(here: Side, forger: Forger) -> None:
    one = forger.blob(b"x")
    inner = forger.tree(*(("100644", f"f{n}", one) for n in range(10)))
    for _ in range(9):
        inner = forger.tree(*(("40000", f"d{n}", inner) for n in range(10)))
    refused(here, forger, inner, "files")


@pytest.mark.parametrize("leaf", [(), (("160000", "s", "1" * 40),)])
def test_a_few_objects_that_are_billions_of_directories(
    here: Side, forger: Forger, leaf: tuple[tuple[str, str, str], ...]
) -> None:
    inner = forger.tree(*leaf)
    for _ in range(10):
        inner = forger.tree(*(("40000", f"d{n}", inner) for n in range(10)))
    refused(here, forger, inner, "directories")


def test_one_file_under_many_names(here: Side, forger: Forger) -> None:
    one = forger.blob(bytes(32 * 1024 * 1024))
    refused(here, forger, forger.tree(*(("100644", f"f{n}", one) for n in range(200))), "GiB")


def refused(here: Side, forger: Forger, bomb: str, words: str) -> None:
    """Pulled beside an edit of ours, it stops there, looked at as well as crossed, and is gone when it is reverted."""
    before, sound = here.repo.head, forger.remote.tip("main")
    forger.beside(("40000", "bomb", bomb))
    for _ in range(2):
        assert _bounded(here) == "failing"
        outcome = here.save()
        assert outcome.state == "failing"
        assert words in (outcome.error or "")
    assert here.repo.head == before
    assert not here.repo.exists("bomb")
    forger.push(forger.remote.git("rev-parse", f"{sound}^{{tree}}"))
    assert _bounded(here) == "healthy"


def test_directories_deeper_than_a_path_may_be(here: Side, forger: Forger) -> None:
    inner = forger.tree(("100644", "file", forger.blob(b"x")))
    for _ in range(3000):
        inner = forger.tree(("40000", "d", inner))
    forger.beside(("40000", "deep", inner))
    _bounded(here)
    assert not here.repo.exists("deep/file")


def test_a_name_longer_than_a_name_may_be(here: Side, forger: Forger) -> None:
    forger.beside(("100644", "n" * 5000, forger.blob(b"x")))
    _bounded(here)
