from __future__ import annotations

import shutil
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from gitferry.repos.settle import Patience, Settler
from gitferry.repos.watch import Watcher
from gitferry.tests.repos.watching import Heard, git, reader, repository, until, watching


def test_a_listener_in_trouble_ends_no_watching(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one, two = repository(tmp_path / "one"), repository(tmp_path / "two")
    heard = Heard()

    def change(name: str, paths: frozenset[str] | None) -> None:
        if name == "one":
            raise RuntimeError("no room")
        heard.change(name, paths)

    watcher = Watcher(change, heard.refs)
    try:
        for root in (one, two):
            watcher.add(root.name, root, root / ".git", root / ".git")
        for root in (one, two):
            (root / "f").write_text("x")
            (root / "new").mkdir()
            (root / "new" / "f").write_text("x")
        until(partial(heard.has, {"f", "new/f"}, "two"))
        assert reader(watcher).is_alive()
        assert "no room" in caplog.text
    finally:
        watcher.close()


def test_after_its_end_a_watcher_takes_no_repository(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    heard = Heard()
    watcher = Watcher(heard.change, heard.refs)
    watcher.close()
    watcher.add("r", root, root / ".git", root / ".git")
    with pytest.raises(KeyError):
        watcher.coverage("r")


def test_one_that_is_added_by_several_at_once_is_watched_once(tmp_path: Path) -> None:
    root, heard, start = repository(tmp_path / "r"), Heard(), threading.Barrier(6)
    watcher = Watcher(heard.change, heard.refs)

    def add() -> None:
        for _ in range(5):
            start.wait(20)
            watcher.add("r", root, root / ".git", root / ".git")

    threads = [threading.Thread(target=add) for _ in range(6)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        watcher.remove("r")
        assert watcher._inotify is not None and not watcher._inotify._held
    finally:
        watcher.close()


def test_fifty_repositories_need_no_more_threads_than_one(tmp_path: Path) -> None:
    roots = [repository(tmp_path / "0")]
    roots += [Path(shutil.copytree(roots[0], tmp_path / str(number))) for number in range(1, 50)]
    before = threading.active_count()
    with watching(*roots) as (watcher, heard):
        assert threading.active_count() == before + 2
        for root in roots:
            (root / "kept" / "a.txt").write_text("x")
        until(lambda: all(heard.paths(root.name) == {"kept/a.txt"} for root in roots))
        watcher.remove("7")
        heard.clear()
        (roots[7] / "kept" / "a.txt").write_text("y")
        used = time.process_time()
        heard.quiet(1.0)
        assert heard.count() == 0, "a removed repository is silent"
        assert time.process_time() - used < 0.2, "watching costs nothing while nothing happens"
        with pytest.raises(KeyError):
            watcher.coverage("7")
    assert threading.active_count() == before


def test_saves_are_crossed_and_what_the_crossing_writes_makes_no_loop(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    crossings: list[frozenset[str] | None] = []

    def cross(name: str, paths: frozenset[str] | None) -> None:
        crossings.append(paths)
        # Like a crossing: it writes refs and the index only if there is something, and status may not write at all.
        if git(root, "--no-optional-locks", "status", "--porcelain"):
            git(root, "add", "-A")
            git(root, "commit", "-qm", "carried")
            git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
            git(root, "update-ref", "refs/gitferry/base/main", "HEAD")

    settler = Settler(cross)
    settler.set("r", Patience(quiet=0.1, max_wait=2.0))
    watcher = Watcher(settler.changed, lambda name: settler.changed(name, frozenset()))
    settler.start()
    try:
        watcher.add("r", root, root / ".git", root / ".git")
        for number in range(5):
            (root / f"task{number}").mkdir()
            (root / f"task{number}" / "metadata.json").write_text("{}")
        until(lambda: len(crossings) >= 2)
        time.sleep(1.0)
        assert len(crossings) <= 3
        assert crossings[0] == frozenset(f"task{number}/metadata.json" for number in range(5))
        assert set(crossings[1:]) == {frozenset()}, "our own commit comes back as news of refs alone"
        assert git(root, "status", "--porcelain") == ""
    finally:
        watcher.close()
        settler.close()


def test_it_says_whether_trees_are_tended(tmp_path: Path) -> None:
    heard = Heard()
    watcher = Watcher(heard.change, heard.refs)
    assert watcher.alive and watcher.steps() == ()
    watcher.close()
    assert not watcher.alive
