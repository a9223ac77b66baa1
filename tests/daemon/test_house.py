"""A save of the last moment before the daemon starts: no event tells of it, and it travels all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitferry.tests.daemon.test_process import entry, running, settings, until
from gitferry.tests.repo import Repo


def test_what_was_saved_just_before_it_was_watched_travels_once_it_has_rested(
    tmp_path: Path, clone: Callable[..., Repo], remote: Repo
) -> None:
    work = clone()
    # Longer than a start takes, or the first look finds the save at rest.
    settings(entry(work, watch={"quiet": "4s", "max_wait": "30s"}, pull={"every": "1h"}))
    work.write("notes.txt", "x\n")
    with running(tmp_path) as daemon:
        until(lambda: remote.try_git("show", "main:notes.txt").returncode == 0)
        assert daemon.stop() == 0
