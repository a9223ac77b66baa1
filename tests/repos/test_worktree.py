"""A user's files are replaced whole, only when unchanged, and no saved version is ever lost."""

from __future__ import annotations

import errno
import os
import resource
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, File
from gitferry.repos.disk_errors import from_os
from gitferry.repos.worktree import (
    DiskFailure,
    DiskFull,
    EscapesTree,
    IsDirectory,
    NotAFile,
    NotWritable,
    Obstructed,
    Raced,
    Replaced,
    TreeError,
    TreeMissing,
    Unreadable,
    UnsafeName,
    Worktree,
)
from gitferry.tests.repos.trees import ONE, TWO, expecting, names


def _permissions_bind() -> bool:
    """Whether this user is one that permissions keep out: root usually is not."""
    with tempfile.NamedTemporaryFile() as probe:
        Path(probe.name).chmod(0)
        return not os.access(probe.name, os.R_OK)


NEVER_ROOT = pytest.mark.skipif(not _permissions_bind(), reason="this user may read and write everything")


# --- reading ---


def test_reads_files_modes_links_and_absence(native: Worktree, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d/plain").write_bytes(b"x")
    (root / "d/run").write_bytes(b"#!")
    (root / "d/run").chmod(0o755)
    (root / "d/link").symlink_to("../nowhere")
    (root / "empty").touch()
    assert native.read("d/plain") == File(FILE, b"x")
    assert native.read("d/run") == File(EXECUTABLE, b"#!")
    assert native.read("d/link") == File(SYMLINK, b"../nowhere")
    assert native.read("empty") == File(FILE, b"")
    assert native.read("absent") is None
    assert native.read("no/such/dir") is None
    assert native.read("d/plain/below") is None


@pytest.mark.parametrize("name", ["new\nline", "späße 🚢", "raw-\udcff\udcfe", "a b\\c", " lead", "trail ", ".gitx"])
def test_any_name_that_git_takes_travels(tree: Worktree, root: Path, name: str) -> None:
    path = f"dir {name}/{name}"
    assert tree.replace(path, ONE, expecting(None)) == Replaced()
    assert tree.read(path) == ONE
    assert tree.replace(path, TWO, expecting(ONE)) == Replaced()
    assert tree.replace(path, None, expecting(TWO)) == Replaced()
    assert names(root) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "./a",
        "a//b",
        "a/",
        "nul\0",
        ".git/config",
        "sub/.GIT/hooks/x",
        "git~1",
        "GIT~1/x",
        ".git.",
        ".git ",
        ".git. . /x",
        ".git::$INDEX_ALLOCATION/x",
        ".git:stream",
        ".g\u200cit/x",
        "\ufeff.git",
        "a\\.git\\config",
        ".git\\x",
    ],
)
def test_names_that_escape_or_reach_git_are_refused(native: Worktree, name: str) -> None:
    with pytest.raises(UnsafeName) as caught:
        native.read(name)
    assert caught.value.hint
    with pytest.raises(UnsafeName):
        native.replace(name, ONE, expecting(None))


def test_gitmodules_may_be_a_file_and_never_a_link(native: Worktree) -> None:
    assert native.replace(".gitmodules", ONE, expecting(None)) == Replaced()
    with pytest.raises(UnsafeName):
        native.replace(".gitmodules", File(SYMLINK, b"x"), expecting(ONE))


def test_what_is_no_file_is_named(native: Worktree, root: Path) -> None:
    (root / "dir").mkdir()
    (root / "dir/x").touch()
    os.mkfifo(root / "pipe")
    with pytest.raises(IsDirectory):
        native.read("dir")
    with pytest.raises(NotAFile):
        native.read("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(root)  # a socket's address is short
        try:
            server.bind("sock")
        finally:
            os.chdir(here)
        with pytest.raises(NotAFile):
            native.read("sock")
        with pytest.raises(NotAFile):
            native.replace("sock", ONE, expecting(None))
    assert stat.S_ISSOCK((root / "sock").lstat().st_mode)


def test_a_linked_parent_never_leads_out(tree: Worktree, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"s")
    (root / "link").symlink_to(outside)
    for attempt in (
        lambda: tree.read("link/secret"),
        lambda: tree.replace("link/secret", ONE, lambda _: True),
        lambda: tree.replace("link/new", ONE, lambda _: True),
        lambda: tree.replace("link/secret", None, lambda _: True),
    ):
        with pytest.raises(EscapesTree):
            attempt()
    assert names(outside) == ["secret"]
    assert (outside / "secret").read_bytes() == b"s"


@NEVER_ROOT
def test_unreadable_files_are_named(native: Worktree, root: Path) -> None:
    (root / "f").write_bytes(b"x")
    (root / "f").chmod(0)
    with pytest.raises(Unreadable):
        native.read("f")


def test_a_root_that_vanished_is_no_empty_tree(tmp_path: Path) -> None:
    tree = Worktree(tmp_path / "gone", tmp_path / "scratch")
    with pytest.raises(TreeMissing):
        tree.read("x")
    with pytest.raises(TreeMissing):
        tree.replace("x", ONE, expecting(None))
    assert not (tmp_path / "gone").exists()


def test_a_directory_is_no_file_and_neither_is_what_a_link_leads_to(native: Worktree, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d/file").touch()
    (root / "link").symlink_to("d")
    os.mkfifo(root / "pipe")
    assert {path for path in ("d/file", "link", "pipe") if native.has_file(path)} == {"d/file", "link", "pipe"}
    assert not any(native.has_file(path) for path in ("d", "link/file", "d/file/below", "gone", "gone/below"))


# --- replacing ---


def test_adds_edits_and_deletes(tree: Worktree, root: Path) -> None:
    assert tree.replace("a/b/c", ONE, expecting(None)) == Replaced()
    assert (root / "a/b/c").read_bytes() == b"one\n"
    assert tree.replace("a/b/c", TWO, expecting(ONE)) == Replaced()
    assert tree.replace("a/b/c", TWO, expecting(TWO)) == Replaced()  # already so
    assert tree.replace("a/b/c", None, expecting(TWO)) == Replaced()
    assert tree.replace("a/b/c", None, expecting(None)) == Replaced()  # already so
    tree.flush()
    assert names(root) == []


def test_kinds_replace_each_other(tree: Worktree, root: Path) -> None:
    link, run = File(SYMLINK, b"target"), File(EXECUTABLE, b"#!")
    seen: File | None = None
    for new in (ONE, link, run, File(FILE, b""), File(SYMLINK, b"raw-\xff"), None):
        assert tree.replace("f", new, expecting(seen)) == Replaced()
        assert tree.read("f") == new
        seen = new


def test_what_changed_is_left_as_it_is(tree: Worktree, root: Path) -> None:
    (root / "f").write_bytes(b"edit")
    assert tree.replace("f", TWO, expecting(ONE)) == Raced(File(FILE, b"edit"))
    assert tree.replace("f", None, expecting(ONE)) == Raced(File(FILE, b"edit"))
    assert tree.replace("f", TWO, expecting(None)) == Raced(File(FILE, b"edit"))
    assert tree.replace("gone", TWO, expecting(ONE)) == Raced(None)
    assert (root / "f").read_bytes() == b"edit"
    assert names(root) == ["f"]


# --- what is kept beside content ---


@pytest.fixture
def umask_027() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask_027")
def test_new_files_follow_the_umask(tree: Worktree, root: Path) -> None:
    tree.replace("d/plain", ONE, expecting(None))
    tree.replace("d/run", File(EXECUTABLE, b"#!"), expecting(None))
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o750
    assert stat.S_IMODE((root / "d/plain").stat().st_mode) == 0o640
    assert stat.S_IMODE((root / "d/run").stat().st_mode) == 0o750


@pytest.mark.parametrize(
    ("before", "new_mode", "after"),
    [
        (0o600, FILE, 0o600),
        (0o664, EXECUTABLE, 0o775),
        (0o640, EXECUTABLE, 0o750),
        (0o700, EXECUTABLE, 0o700),
        (0o775, FILE, 0o664),
        (0o4755, EXECUTABLE, 0o755),
    ],
)
def test_permissions_stay_and_execute_bits_follow(
    tree: Worktree, root: Path, before: int, new_mode: int, after: int
) -> None:
    (root / "f").write_bytes(b"old")
    (root / "f").chmod(before)
    tree.replace("f", File(new_mode, b"new"), lambda _: True)
    assert stat.S_IMODE((root / "f").stat().st_mode) == after


def test_the_other_name_of_a_hard_linked_file_keeps_its_content(tree: Worktree, root: Path, tmp_path: Path) -> None:
    (root / "f").write_bytes(ONE.data)
    (tmp_path / "other").hardlink_to(root / "f")
    assert tree.replace("f", TWO, expecting(ONE)) == Replaced()
    assert (tmp_path / "other").read_bytes() == ONE.data


def test_scratch_is_private(native: Worktree, tmp_path: Path) -> None:
    native.replace("f", ONE, expecting(None))
    assert stat.S_IMODE((tmp_path / "git/scratch").stat().st_mode) == 0o700


# --- directories ---


def test_emptied_directories_go_and_others_stay(tree: Worktree, root: Path) -> None:
    tree.replace("a/b/c/f", ONE, expecting(None))
    (root / "a/ignored").touch()
    tree.replace("a/b/c/f", None, expecting(ONE))
    assert names(root) == ["a", "a/ignored"]
    tree.flush()


def test_an_empty_directory_gives_way_to_a_file(tree: Worktree, root: Path) -> None:
    (root / "f/deep/er").mkdir(parents=True)
    assert tree.replace("f", ONE, expecting(None)) == Replaced()
    assert tree.read("f") == ONE


def test_a_directory_with_content_is_an_obstacle(tree: Worktree, root: Path) -> None:
    (root / "f/empty").mkdir(parents=True)
    (root / "f/ignored").touch()
    with pytest.raises(Obstructed) as caught:
        tree.replace("f", ONE, expecting(None))
    assert caught.value.path == "f"
    assert names(root) == ["f", "f/empty", "f/ignored"]
    assert tree.replace("f", None, expecting(None)) == Replaced()  # no file there: nothing to delete
    assert names(root) == ["f", "f/empty", "f/ignored"]


def test_a_file_for_a_parent_is_an_obstacle_and_nothing_is_left(tree: Worktree, root: Path) -> None:
    (root / "a").mkdir()
    (root / "a/file").write_bytes(b"mine")
    with pytest.raises(Obstructed):
        tree.replace("a/file/below/x", ONE, expecting(None))
    assert names(root) == ["a", "a/file"]
    assert (root / "a/file").read_bytes() == b"mine"


# --- a disk that says no ---


def test_a_write_that_fails_leaves_everything(tree: Worktree, root: Path) -> None:
    (root / "f").write_bytes(ONE.data)
    large = File(FILE, b"x" * 100_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(DiskFailure) as caught:
            tree.replace("f", large, expecting(ONE))
        with pytest.raises(DiskFailure):
            tree.replace("new/dir/f", large, expecting(None))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.hint
    assert (root / "f").read_bytes() == ONE.data
    assert names(root) == ["f"]


@pytest.mark.parametrize(
    ("code", "kind_of_error"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, NotWritable),
        (errno.EACCES, NotWritable),
        (errno.EIO, DiskFailure),
    ],
)
def test_every_failure_names_the_path_and_a_remedy(code: int, kind_of_error: type[TreeError]) -> None:
    error = from_os(OSError(code, os.strerror(code)), "a\nb")
    assert type(error) is kind_of_error
    assert "a\\nb" in error.title
    assert error.hint


@NEVER_ROOT
def test_a_directory_that_may_not_be_written(native: Worktree, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d/f").write_bytes(ONE.data)
    (root / "d").chmod(0o555)
    try:
        for new in (TWO, None):
            with pytest.raises(NotWritable):
                native.replace("d/f", new, expecting(ONE))
        with pytest.raises(NotWritable):
            native.replace("d/new", ONE, expecting(None))
    finally:
        (root / "d").chmod(0o755)
    assert (root / "d/f").read_bytes() == ONE.data
