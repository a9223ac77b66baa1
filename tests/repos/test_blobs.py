"""Files as the entries that `git add` would make of them, and what is no edit although git would take it for one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gitferry.repos.blobs import Blobs
from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, Entry, File
from gitferry.repos.disk_errors import IsDirectory
from gitferry.repos.git import Git
from gitferry.repos.governing import BEING_WRITTEN
from gitferry.repos.objects import Objects
from gitferry.repos.opened import Opened
from gitferry.repos.state import locate, working_state
from gitferry.repos.worktree import Worktree
from gitferry.tests.repo import Repo
from gitferry.tests.repos.converting import rot

UNNORMALISED = b"$Id: theirs $\r\n1\r\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo", "--template=")
    made.write_all({"a.txt": UNNORMALISED, "b.txt": "1\n"})
    made.commit("as it stands")
    return made


@pytest.fixture
def opened(repo: Repo) -> Iterator[list[Objects]]:
    found: list[Objects] = []
    yield found
    for objects in found:
        objects.close()


def blobs(repo: Repo, opened: list[Objects], *, trusted: bool = False) -> tuple[Blobs, Worktree]:
    place = locate(repo.root, os.environ)
    git = Git(place.root, git_dir=place.git_dir)
    opened.append(Objects(place.git_dir))
    worktree = Worktree(place.root, place.git_dir / "gitferry" / "scratch")
    return Blobs(Opened(place, git, opened[-1], worktree, working_state(git, place), trusted)), worktree


def entries(repo: Repo) -> dict[str, Entry]:
    """What HEAD has."""
    return {path: Entry(int(mode, 8), oid) for path, (mode, oid) in repo.entries().items()}


def written(
    repo: Repo, opened: list[Objects], *paths: str, attributed: tuple[str, ...] = (), trusted: bool = False
) -> tuple[dict[str, Entry], dict[str, str]]:
    made, worktree = blobs(repo, opened, trusted=trusted)
    made.attributed_here(attributed)
    files = {path: worktree.read(path) for path in paths}
    return made.write({path: file for path, file in files.items() if file is not None}, entries(repo))


def age(repo: Repo) -> None:
    """Let the index be younger than all files, by more than the second that git counts in."""
    then = time.time() - 100
    for name in repo.worktree():
        os.utime(repo.path(name), (then, then), follow_symlinks=False)
    repo.git("update-index", "-q", "--refresh")


# -- modes


@pytest.mark.parametrize(
    ("settings", "known", "file", "mode"),
    [
        ({}, None, File(EXECUTABLE, b"1"), EXECUTABLE),
        ({}, FILE, File(EXECUTABLE, b"1"), EXECUTABLE),
        ({"core.fileMode": "false"}, None, File(EXECUTABLE, b"1"), FILE),
        ({"core.fileMode": "false"}, EXECUTABLE, File(FILE, b"1"), EXECUTABLE),
        ({"core.fileMode": "false"}, FILE, File(EXECUTABLE, b"1"), FILE),
        ({"core.fileMode": "false"}, SYMLINK, File(EXECUTABLE, b"1"), FILE),
        ({"core.fileMode": "false"}, FILE, File(SYMLINK, b"1"), SYMLINK),
        ({}, SYMLINK, File(FILE, b"1"), FILE),
        ({"core.symlinks": "false"}, SYMLINK, File(FILE, b"1"), SYMLINK),
        ({"core.symlinks": "false"}, SYMLINK, File(EXECUTABLE, b"1"), SYMLINK),
        ({"core.symlinks": "false"}, FILE, File(FILE, b"1"), FILE),
        ({"core.symlinks": "false"}, None, File(SYMLINK, b"1"), SYMLINK),
    ],
)
def test_the_mode_is_the_one_that_git_add_records(
    repo: Repo, opened: list[Objects], settings: Mapping[str, str], known: int | None, file: File, mode: int
) -> None:
    if known is not None:
        oid = repo.git("hash-object", "-w", "--stdin", stdin="0")
        repo.git("update-index", "--add", "--cacheinfo", f"{known:o},{oid},x")
        repo.git("commit", "-qm", "x")
    for key, value in settings.items():
        repo.git("config", key, value)
    if file.mode == SYMLINK:
        repo.link("x", os.fsdecode(file.data))
    else:
        repo.write("x", file.data, executable=file.mode == EXECUTABLE)
    made, _ = blobs(repo, opened)
    found, _ = made.write({"x": file}, entries(repo))
    repo.git("add", "x")
    git_mode, git_oid, *_ = repo.git("ls-files", "-s", "x").split()
    assert found["x"] == Entry(mode, git_oid)
    assert f"{mode:o}" == git_mode


# -- what is no edit


@pytest.mark.parametrize(
    "attributes", ["*.txt text\n", "*.txt eol=crlf\n", "*.txt ident\n", "*.txt text eol=lf ident\n"]
)
def test_what_a_checkout_would_write_is_no_edit(repo: Repo, opened: list[Objects], attributes: str) -> None:
    repo.write(".gitattributes", attributes)
    repo.git("checkout-index", "-f", "a.txt")
    before = entries(repo)["a.txt"]
    assert written(repo, opened, "a.txt") == ({"a.txt": before}, {})
    assert written(repo, opened, "a.txt", attributed=(".gitattributes",))[0]["a.txt"] != before, "who changed them here"
    assert written(repo, opened, "a.txt", attributed=("d/.gitattributes",))[0]["a.txt"] == before
    repo.write("a.txt", UNNORMALISED + b"2\r\n")
    assert written(repo, opened, "a.txt")[0]["a.txt"] != before, "an edit is one"


def test_what_nobody_wrote_to_is_no_edit_by_whatever_attributes(repo: Repo, opened: list[Objects]) -> None:
    repo.write(".gitattributes", "b.txt eol=crlf\n")
    repo.delete("b.txt")
    repo.git("checkout", "--", "b.txt")
    assert repo.read_bytes("b.txt") == b"1\r\n"
    repo.delete(".gitattributes")
    before = entries(repo)["b.txt"]
    assert written(repo, opened, "b.txt") == ({"b.txt": before}, {})
    repo.write("b.txt", b"1\r\n")
    assert written(repo, opened, "b.txt")[0]["b.txt"] != before


def test_an_edit_that_is_as_old_as_the_index_is_one(repo: Repo, opened: list[Objects]) -> None:
    age(repo)
    before = repo.path("b.txt").stat()
    repo.write("b.txt", "2\n")
    os.utime(repo.path("b.txt"), ns=(before.st_atime_ns, before.st_mtime_ns))
    assert written(repo, opened, "b.txt")[0]["b.txt"] != entries(repo)["b.txt"]


def test_a_refused_file_that_nobody_wrote_to_is_not_refused(repo: Repo, opened: list[Objects]) -> None:
    repo.write(".gitattributes", "*.txt filter=evil\n")
    before = entries(repo)
    assert written(repo, opened, "a.txt", "b.txt") == ({path: before[path] for path in ("a.txt", "b.txt")}, {})
    repo.write("b.txt", "2\n")
    found, refused = written(repo, opened, "a.txt", "b.txt")
    assert found == {"a.txt": before["a.txt"]}
    assert "'evil'" in refused["b.txt"]


def test_what_a_filter_makes_of_the_old_blob_is_no_edit_either(repo: Repo, opened: list[Objects]) -> None:
    # As one that enciphers with another nonce each time.
    rot(repo)
    repo.git("config", "filter.rot.clean", "tr a-y b-z; date +%N")
    repo.git("config", "filter.rot.smudge", "head -n 1 | tr b-z a-y")
    repo.write(".gitattributes", "*.r filter=rot\n")
    repo.write("a.r", "abc\n")
    repo.commit()
    repo.write("a.r", "abc\n")
    assert written(repo, opened, "a.r", trusted=True)[0]["a.r"] == entries(repo)["a.r"]
    repo.write("a.r", "abd\n")
    assert written(repo, opened, "a.r", trusted=True)[0]["a.r"] != entries(repo)["a.r"]


# -- what is written meanwhile


def test_a_file_that_is_no_longer_what_was_read_is_refused(repo: Repo, opened: list[Objects]) -> None:
    repo.write(".gitattributes", "*.txt ident\n")
    made, _ = blobs(repo, opened)
    repo.write("b.txt", "3\n")
    assert made.write({"b.txt": File(FILE, b"2\n")}, entries(repo)) == ({}, {"b.txt": BEING_WRITTEN})
    repo.delete("b.txt")
    repo.write("b.txt/inside", "1\n")
    with pytest.raises(IsDirectory):
        blobs(repo, opened)[1].read("b.txt")
    assert made.write({"b.txt": File(FILE, b"2\n")}, entries(repo)) == ({}, {"b.txt": BEING_WRITTEN})
