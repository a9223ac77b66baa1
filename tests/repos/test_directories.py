from __future__ import annotations

import ctypes
import errno
import os
import shutil
from functools import partial
from pathlib import Path

import pytest
from watchdog.observers import inotify_c
from watchdog.observers.inotify_c import InotifyFD, Mask

from gitferry.tests.repos.watching import git, reader, repository, until, watching


def test_exhausted_watches_are_answered_by_looking(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    for number in range(20):
        (root / f"d{number:02}" / "sub").mkdir(parents=True)
        (root / f"d{number:02}" / "f").write_text("x")
    with watching(root, poll=0.15, max_watches=15) as (watcher, heard):
        coverage = watcher.coverage("r")
        assert 0 < coverage.directories < 15
        assert coverage.polled
        assert "sudo sysctl fs.inotify.max_user_watches=" in coverage.remedy
        (root / "d19" / "f").write_text("other")
        (root / "d19" / "sub" / "new").write_text("x")
        (root / "d18" / "f").unlink()
        (root / "d17" / "f").chmod(0o755)
        (root / "d16" / "more" / "deep").mkdir(parents=True)
        (root / "d16" / "more" / "deep" / "g").write_text("x")
        shutil.rmtree(root / "d15")
        expected = {"d19/f", "d19/sub/new", "d18/f", "d17/f", "d16/more/deep/g", "d15"}
        until(lambda: heard.paths() >= expected, "looking missed something")
        heard.quiet(0.5)
        heard.clear()
        for number in (*range(15), 17, 18):
            shutil.rmtree(root / f"d{number:02}")
        until(lambda: not watcher.coverage("r").polled)
        assert watcher.coverage("r").remedy == ""
        (root / "d19" / "f").write_text("by event again")
        until(lambda: "d19/f" in heard.paths())


def test_a_directory_that_may_not_be_read_is_tried_again(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    root = repository(tmp_path / "r")
    (root / "closed").mkdir(mode=0o000)
    with watching(root, poll=0.1) as (_watcher, heard):
        (root / "closed").chmod(0o755)
        (root / "closed" / "f").write_text("x")
        until(lambda: "closed/f" in heard.paths())


def test_a_directory_that_the_kernel_refuses_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "r")
    real = inotify_c.inotify_add_watch

    def refuse(fd: int, path: bytes, mask: int) -> int:
        if path.endswith(b"/kept"):
            ctypes.set_errno(errno.EACCES)
            return -1
        return real(fd, path, Mask(mask))

    monkeypatch.setattr(inotify_c, "inotify_add_watch", refuse)
    (root / "other").mkdir()
    with watching(root, poll=0.15) as (watcher, heard):
        coverage = watcher.coverage("r")
        assert (coverage.directories, coverage.polled, coverage.remedy) == (2, (), "")
        (root / "kept" / "a.txt").write_text("other")
        until(lambda: "kept/a.txt" in heard.paths())
        monkeypatch.setattr(inotify_c, "inotify_add_watch", real)
        until(lambda: watcher.coverage("r").directories == 3)


def test_without_an_inotify_instance_everything_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "r")

    def none_left() -> int:
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr(InotifyFD, "_create_inotify_fd", staticmethod(none_left))
    with watching(root, poll=0.1) as (watcher, heard):
        assert watcher.coverage("r").polled == ("",)
        assert "max_user_instances" in watcher.coverage("r").remedy
        (root / "kept" / "a.txt").write_text("other")
        until(lambda: "kept/a.txt" in heard.paths())
        (root / "n" / "m").mkdir(parents=True)
        (root / "n" / "m" / "f").write_text("x")
        until(lambda: "n/m/f" in heard.paths())
        git(root, "commit", "-q", "--allow-empty", "-m", "x")
        until(lambda: bool(heard.hints))
        heard.clear()
        (root / ".git").rename(root / "elsewhere")
        (root / "elsewhere").rename(root / ".git")
        (root / "kept").rename(root / "moved")
        (root / "moved" / "a.txt").chmod(0o755)
        until(partial(heard.has, {"kept", "moved/a.txt"}))
        heard.quiet(0.4)
        assert not any(path.startswith(".git/") for path in heard.paths())


def test_a_dead_reader_is_answered_by_looking(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    with watching(root, poll=0.15) as (watcher, heard):
        reader(watcher).stop()
        until(lambda: watcher.coverage("r").polled == ("",))
        heard.quiet(0.4)
        heard.clear()
        (root / "kept" / "a.txt").write_text("other")
        until(lambda: "kept/a.txt" in heard.paths())
