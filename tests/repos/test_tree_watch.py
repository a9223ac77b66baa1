from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from gitferry.tests.repos.watching import PATIENCE, reader, repository, until, watching


def test_create_edit_rename_save_mode_and_delete_are_told(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    steps: list[tuple[Callable[[], object], set[str]]] = [
        (lambda: (root / "kept" / "new.txt").write_text("1"), {"kept/new.txt"}),
        (lambda: (root / "kept" / "a.txt").write_text("2"), {"kept/a.txt"}),
        (lambda: (root / "kept" / "a.txt").chmod(0o755), {"kept/a.txt"}),
        (lambda: ((root / "t~").write_text("3"), (root / "t~").replace(root / "kept" / "a.txt")), {"t~", "kept/a.txt"}),
        (lambda: (root / "kept" / "new.txt").unlink(), {"kept/new.txt"}),
        (lambda: (root / "top").symlink_to("kept"), {"top"}),
        (lambda: (root / "empty").touch(), {"empty"}),
    ]
    with watching(root) as (_watcher, heard):
        for act, expected in steps:
            heard.clear()
            act()
            until(partial(heard.has, expected), f"{expected} not told")
            heard.quiet(0.05)
            assert heard.paths() == expected
            assert heard.everything() == 0
        heard.clear()
        (root / "kept" / "a.txt").read_text()
        list(os.walk(root))
        heard.quiet(0.1)
        assert heard.count() == 0, "reading is no change"


def test_names_that_are_no_utf_8_are_told_as_git_reads_them(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    with watching(root) as (_watcher, heard):
        (root / os.fsdecode(b"d\xff")).mkdir()
        (root / os.fsdecode(b"d\xff/f\xfe")).write_text("x")
        until(lambda: "d\udcff/f\udcfe" in heard.paths())


def test_files_created_at_once_in_new_directories_are_all_told(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    expected = set()
    with watching(root) as (watcher, heard):
        nested = ""
        for number in range(200):
            nested += f"d{number % 10}/"
            (root / nested).mkdir()
            (root / nested / "f").write_text("x")
            expected.add(nested + "f")
        for number in range(200):
            (root / f"wide{number}").mkdir()
            (root / f"wide{number}" / "f").write_text("x")
            expected.add(f"wide{number}/f")
        until(lambda: heard.paths() >= expected, "a file was missed")
        heard.clear()
        (root / nested / "later").write_text("x")
        (root / "wide7" / "later").write_text("x")
        until(lambda: heard.paths() >= {nested + "later", "wide7/later"})
        assert watcher.coverage("r").directories == 402


def test_a_directory_copied_in_is_told_whole(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    source = tmp_path / "source"
    for number in range(300):
        (source / f"{number % 7}" / f"{number}").mkdir(parents=True)
        (source / f"{number % 7}" / f"{number}" / "f").write_text("x")
    with watching(root) as (_watcher, heard):
        shutil.copytree(source, root / "copy")
        until(lambda: heard.paths() >= {f"copy/{number % 7}/{number}/f" for number in range(300)})


def test_a_moved_directory_is_told_at_both_places_and_watched_at_the_new_one(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    outside = tmp_path / "outside"
    (root / "kept" / "deep").mkdir()
    (root / "kept" / "deep" / "f").write_text("x")
    with watching(root) as (watcher, heard):
        (root / "kept").rename(root / "moved")
        until(lambda: heard.paths() >= {"kept", "moved/a.txt", "moved/deep/f"})
        heard.clear()
        (root / "moved" / "deep" / "g").write_text("x")
        until(lambda: heard.paths() == {"moved/deep/g"})
        heard.clear()

        (root / "moved").rename(outside)
        until(lambda: heard.paths() == {"moved"})
        heard.clear()
        (outside / "deep" / "g").write_text("changed where it is none of ours")
        heard.quiet(0.1)
        assert heard.count() == 0
        assert watcher.coverage("r").directories == 1

        outside.rename(root / "back")
        until(lambda: heard.paths() >= {"back/deep/g", "back/a.txt"})
        heard.clear()
        (root / "back" / "deep" / "g").write_text("y")
        until(lambda: heard.paths() == {"back/deep/g"})


def test_a_removed_directory_ends_its_watches(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    for number in range(50):
        (root / "kept" / str(number)).mkdir()
    with watching(root) as (watcher, heard):
        assert watcher.coverage("r").directories == 52
        shutil.rmtree(root / "kept")
        until(lambda: {"kept", "kept/a.txt"} <= heard.paths())
        until(lambda: watcher.coverage("r").directories == 1)
        (root / "kept").mkdir()
        (root / "kept" / "again").write_text("x")
        until(lambda: "kept/again" in heard.paths())


def test_an_overflow_asks_for_everything_and_finds_unwatched_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = repository(tmp_path / "one"), repository(tmp_path / "two")
    with watching(one, two) as (watcher, heard):
        with monkeypatch.context() as deaf:
            deaf.setattr(watcher._trees["one"], "on_event", lambda event: None)
            (one / "missed").mkdir()
            (one / "missed" / "f").write_text("x")
            (one / "kept").rename(one / "renamed")
            heard.quiet(0.1)
            assert heard.count() == 0
        # The kernel's own event, fed at the lowest layer: a directory that is lost in a real overflow is chance.
        reader(watcher).handle_event(InotifyEvent(WatchDescriptor(-1), InotifyConstants.IN_Q_OVERFLOW, 0, b""))
        until(lambda: heard.everything("one") >= 1 and heard.everything("two") >= 1)
        until(lambda: watcher.coverage("one").directories == 3)
        assert watcher.coverage("one").overflows == watcher.coverage("two").overflows == 1
        heard.clear()
        (one / "missed" / "g").write_text("x")
        (one / "renamed" / "g").write_text("x")
        until(lambda: heard.paths("one") == {"missed/g", "renamed/g"})


def test_a_real_overflow_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "r")
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 20_000:
        pytest.skip(f"{limit} events fit the queue")
    with watching(root) as (watcher, heard):
        blocked, go_on = threading.Event(), threading.Event()
        tell = heard.change

        def block(name: str, paths: frozenset[str] | None) -> None:
            blocked.set()
            assert go_on.wait(60)
            tell(name, paths)

        monkeypatch.setattr(watcher._trees["r"], "_changed", lambda paths: block("r", paths))
        (root / "kept" / "a.txt").write_text("x")
        assert blocked.wait(PATIENCE)
        descriptors = [os.open(root / "kept" / str(number), os.O_CREAT | os.O_WRONLY) for number in range(2)]
        for _ in range(limit // 2 + 1):
            for descriptor in descriptors:
                os.write(descriptor, b"x")
        for descriptor in descriptors:
            os.close(descriptor)
        go_on.set()
        until(lambda: heard.everything() >= 1)
        assert watcher.coverage("r").overflows >= 1


def test_a_lost_root_is_told_and_found_again(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    away = tmp_path / "away"
    with watching(root, poll=0.15) as (watcher, heard):
        root.rename(away)
        until(lambda: watcher.coverage("r").lost and heard.everything() >= 1)
        assert str(root) in watcher.coverage("r").remedy
        heard.clear()
        (away / "kept" / "a.txt").write_text("not ours now")
        root.mkdir()
        time.sleep(0.4)
        assert watcher.coverage("r").lost, "an empty directory in its place is not the repository"
        assert not heard.paths()
        root.rmdir()
        away.rename(root)
        until(lambda: not watcher.coverage("r").lost)
        until(lambda: heard.everything() >= 1)
        heard.clear()
        (root / "kept" / "a.txt").write_text("ours again")
        until(lambda: heard.paths() == {"kept/a.txt"})


def test_a_root_replaced_through_its_parent_is_noticed(tmp_path: Path) -> None:
    root = repository(tmp_path / "parent" / "r")
    repository(tmp_path / "other" / "r")
    with watching(root, poll=0.15) as (_watcher, heard):
        (tmp_path / "parent").rename(tmp_path / "old")  # no event for the root
        (tmp_path / "other").rename(tmp_path / "parent")
        until(lambda: heard.everything() >= 1)
        heard.quiet(0.4)
        heard.clear()
        (root / "kept" / "a.txt").write_text("x")
        until(lambda: heard.paths() == {"kept/a.txt"})


def test_a_root_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with watching(tmp_path / "r", poll=0.1) as (watcher, heard):
        assert watcher.coverage("r").lost
        repository(tmp_path / "r")
        until(lambda: heard.everything() >= 1 and not watcher.coverage("r").lost)


def test_a_deleted_root_is_lost_until_it_is_cloned_again(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    with watching(root, poll=0.15) as (watcher, heard):
        shutil.rmtree(root)
        until(lambda: watcher.coverage("r").lost)
        repository(root)
        until(lambda: not watcher.coverage("r").lost)
        heard.clear()
        (root / "kept" / "a.txt").write_text("x")
        until(lambda: "kept/a.txt" in heard.paths())
