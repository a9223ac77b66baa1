from __future__ import annotations

import time
from pathlib import Path

from gitferry.tests.repos.watching import git, repository, until, watching


def test_an_ignored_file_that_is_written_all_the_time_falls_silent(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / ".gitignore").write_text("*.log\n")
    with watching(root) as (_watcher, heard), (root / "run.log").open("w") as running:

        def writes() -> None:
            for number in range(30):
                running.write(f"{number}\n")
                running.flush()
                (root / "kept" / "a.txt").write_text(str(number))
                time.sleep(0.005)

        writes()
        heard.clear()
        writes()
        heard.quiet()
        assert heard.paths() == {"kept/a.txt"}
        (root / ".gitignore").write_text("")
        heard.clear()
        writes()
        until(lambda: heard.paths() == {"kept/a.txt", "run.log"})


def test_an_ignored_file_that_becomes_tracked_is_heard_again(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / ".gitignore").write_text("*.log\n")
    with watching(root, poll=0.1) as (watcher, heard):
        for number in range(30):
            (root / "run.log").write_text(str(number))
        until(lambda: "run.log" in watcher._trees["r"]._noise.ignored)
        git(root, "add", "-f", "run.log")
        until(lambda: not watcher._trees["r"]._noise.ignored)
        heard.clear()
        for number in range(60):
            (root / "run.log").write_text(str(number))
            time.sleep(0.001)
        heard.clear()
        (root / "run.log").write_text("last")
        until(lambda: heard.paths() == {"run.log"})


def test_an_ignored_file_that_was_made_tracked_before_it_was_written_often_is_heard(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / ".gitignore").write_text("*.log\n")
    (root / "run.log").write_text("first")
    with watching(root, poll=0.1) as (watcher, heard):
        git(root, "add", "-f", "run.log")
        until(lambda: bool(heard.hints) and not watcher._trees["r"]._index_moved)
        for number in range(60):
            (root / "run.log").write_text(str(number))
            time.sleep(0.001)
        until(lambda: not watcher._trees["r"]._noise.asking)
        heard.quiet()
        heard.clear()
        (root / "run.log").write_text("last")
        until(lambda: heard.paths() == {"run.log"})
