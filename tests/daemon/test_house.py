"""A save of the last moment before the start travels, and what is to be cloned waits for its host as all else does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gitferry.daemon.house import House
from gitferry.pushback.outcome import Request
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


def test_nothing_is_cloned_from_a_host_that_is_lost(tmp_path: Path, remote: Repo) -> None:
    path = settings({"name": "new", "path": str(tmp_path / "new"), "url": str(remote.root)})
    house = House(path, dict(os.environ))
    house.remember()
    (new,) = house.roster.settings.repositories
    outcome = house._cross(new, Request("start", fetch=True), "no route to host")
    assert outcome.offline
    assert outcome.waiting_for == "no route to host"
    assert not new.path.exists()
    assert house._cross(new, Request("start", fetch=True), None).head == remote.head
    assert house.close()
