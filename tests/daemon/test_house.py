"""A save of the last moment travels once it has rested, and what is to be cloned waits for its host as others do."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitferry.daemon.house import House
from gitferry.daemon.scheduler import PullScheduler
from gitferry.daemon.watching import Watching
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


def test_what_is_saved_while_a_wish_of_the_watcher_waits_for_its_turn_must_rest_too(
    clone: Callable[..., Repo], remote: Repo
) -> None:
    work = clone()
    path = settings(entry(work, watch={"quiet": "1h", "max_wait": "1h"}))
    house = House(path, dict(os.environ))
    house.remember()
    (repository,) = house.roster.settings.repositories
    watching = Watching(lambda name, request: None, os.environ)
    try:
        house.attend(watching, PullScheduler(lambda name, request: None, watching.reconcile))
        house._cross(repository, Request("request", fetch=True, by_hand=True), None)
        until(lambda: watching.state("work") == "all")
        work.write("notes.txt", "half of it\n")
        until(lambda: bool(watching.busy("work", Request("schedule"))))
        wish = Request("watch", paths=frozenset({"notes.txt"}))  # made when the save before that had rested
        outcome = house._cross(repository, wish, None)
        assert outcome.pending == 1
        assert "notes.txt" not in remote.tree("main")
        watching._settled("work", wish.paths)  # it is still being saved when it has waited for as long as it may
        house.heard(repository, wish, outcome)
        watching._settled("work", wish.paths)  # and when it has once more: one crossing serves both
        house._cross(repository, wish, None)
        assert "notes.txt" in remote.tree("main"), "it is kept waiting once"
    finally:
        watching.close()
        assert house.close()


def test_what_is_fresh_stays_out_where_the_watcher_lost_sight(clone: Callable[..., Repo], remote: Repo) -> None:
    work = clone()
    house = House(settings(entry(work, watch={"quiet": "1h", "max_wait": "1h"})), dict(os.environ))
    house.remember()
    (repository,) = house.roster.settings.repositories
    watching = Watching(lambda name, request: None, os.environ)
    try:
        house.attend(watching, PullScheduler(lambda name, request: None, watching.reconcile))
        house._cross(repository, Request("request", fetch=True, by_hand=True), None)
        until(lambda: watching.state("work") == "all")
        work.write("notes.txt", "half of it\n")
        watching._settler.changed("work", None)  # the kernel lost events
        assert house._cross(repository, Request("watch"), None).pending == 1
        assert "notes.txt" not in remote.tree("main")
    finally:
        watching.close()
        assert house.close()


def test_a_pause_that_is_over_is_waited_for_no_more_where_no_remote_is_known(
    clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, waited = clone(), list[str]()
    house = House(settings(entry(work)), dict(os.environ))
    house.remember()
    monkeypatch.setattr(house.roster.lanes, "later", lambda name, seconds, request: waited.append(name))
    (repository,) = house.roster.settings.repositories
    house._cross(repository, Request("start", fetch=True), None)
    for ends, times in ((timedelta(hours=1), 1), (timedelta(hours=-1), 0)):
        house.ferry.pause(repository, datetime.now(UTC) + ends)
        waited.clear()
        work.git("checkout", "-q", "-B", "other")  # which has no upstream
        house.heard(repository, Request("schedule"), house._cross(repository, Request("schedule"), None))
        work.git("checkout", "-q", "main")
        assert waited == ["work"] * times
    assert house.close()


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
