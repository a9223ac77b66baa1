"""A look at a whole tree is wished for where something may have changed since the last one that found all in order."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitferry.config.errors import GitferryError
from gitferry.config.model import Repository
from gitferry.daemon.watching import Watching
from gitferry.pushback.outcome import Outcome, Request, State
from gitferry.repos import stillness
from gitferry.repos.state import Place, locate
from gitferry.tests.repo import Repo

FINE = Outcome("work", State.HEALTHY, datetime(2026, 1, 1, tzinfo=UTC), branch="main")
WAITS = Outcome("work", State.WAITING, FINE.at, waiting_for="branch other is checked out")


class Watched:
    """One repository that is watched, and what was wished for it."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.wishes: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self.watching = Watching(lambda name, request: self.wishes.put(request), os.environ)
        settings = {"name": "work", "path": str(repo.root), "watch": {"quiet": "100ms"}}
        self.watching.put(Repository.model_validate(settings))
        assert self.wish().cause == "start"

    def wish(self) -> Request:
        """Return the next wish."""
        return self.wishes.get(timeout=10)

    def reconcile(self) -> Request | None:
        """Have the tree looked at and say that all was in order; None where no look was wished for."""
        self.watching.reconcile("work")
        try:
            wish = self.wishes.get(timeout=0.7)
        except queue.Empty:
            return None
        self.watching.heard("work", wish, FINE)
        return wish


@pytest.fixture
def watched(clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """A clone that is watched; no change counts as too young."""
    monkeypatch.setattr(stillness, "_RACY", 0)
    made = Watched(clone("work"))
    yield made
    made.watching.close()


def test_nothing_is_wished_for_where_nothing_changed(watched: Watched) -> None:
    assert watched.reconcile() == Request("reconcile")
    assert watched.reconcile() is None
    watched.repo.write("notes.md", "new\n")
    assert watched.wish().cause == "watch"
    assert watched.reconcile() == Request("reconcile")
    assert watched.reconcile() is None


def test_one_that_is_put_anew_or_dropped_is_looked_at(watched: Watched) -> None:
    watched.reconcile()
    watched.watching.drop("work")
    assert watched.reconcile() == Request("reconcile"), "nothing is known of it"


def test_what_was_saved_while_it_waited_is_looked_for_once_it_can_be(watched: Watched) -> None:
    heard = watched.watching.heard
    refs, saved = Request("watch", paths=frozenset()), Request("watch", paths=frozenset({"notes.md"}))
    heard("work", saved, WAITS)
    heard("work", refs, WAITS)
    assert watched.wishes.empty()
    heard("work", refs, FINE)
    assert watched.wish() == Request("reconcile")
    heard("work", saved, replace(FINE, state=State.PAUSED))
    heard("work", Request("schedule", fetch=True), FINE)
    heard("work", refs, FINE)
    assert watched.wishes.empty(), "all was looked at"


def test_disks_that_do_not_answer_keep_no_other_repository_from_being_watched(clone: Callable[..., Repo]) -> None:
    there, answer = clone("there"), threading.Event()

    def place(repository: Repository) -> Place:
        if repository.name.startswith("slow"):
            answer.wait(30)
        return locate(repository.path, os.environ)

    watching = Watching(lambda name, request: None, os.environ, place)
    try:
        for name in [*(f"slow{number}" for number in range(6)), "there"]:
            watching.put(Repository(name=name, path=there.root))
        end = time.monotonic() + 20
        while watching.state("there") != "all":
            assert time.monotonic() < end
            time.sleep(0.05)
        assert watching.state("slow5") == "being set up"
    finally:
        answer.set()
        watching.close()


def test_nor_do_several_disks_full_of_repositories(
    clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there, answer = clone("there"), threading.Event()
    monkeypatch.setattr("gitferry.daemon.watching.disk_of", lambda path, points: path.parent.name)
    monkeypatch.setattr("gitferry.daemon.watching._PATIENCE", 0.02)

    def place(repository: Repository) -> Place:
        if repository.name != "there":
            answer.wait(30)
        return locate(there.root, os.environ)

    watching = Watching(lambda name, request: None, os.environ, place)
    try:
        for number in range(60):
            watching.put(Repository(name=f"slow{number}", path=tmp_path / f"disk{number % 4}" / str(number)))
        watching.put(Repository(name="there", path=there.root))
        end = time.monotonic() + 10
        while watching.state("there") != "all":
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        answer.set()
        watching.close()


def test_one_that_moved_from_a_disk_that_hangs_is_looked_at(
    watched: Watched, clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, answer, asked = clone("there"), threading.Event(), threading.Event()
    real = stillness.stillness

    def look(root: Path, *rest: Any) -> stillness.Stillness | None:
        if root == watched.repo.root:
            asked.set()
            answer.wait(30)
        return real(root, *rest)

    monkeypatch.setattr("gitferry.daemon.watching.stillness", look)
    watched.watching.reconcile("work")
    assert asked.wait(10)
    try:
        watched.watching.put(Repository(name="work", path=there.root))
        assert watched.wish().cause == "start"
        assert watched.reconcile() == Request("reconcile")
    finally:
        answer.set()


def test_one_that_could_not_be_watched_is_looked_at_once_it_is(clone: Callable[..., Repo]) -> None:
    here, away = clone("here"), [True]
    wishes: queue.SimpleQueue[Request] = queue.SimpleQueue()

    def place(repository: Repository) -> Place:
        if away[0]:
            raise GitferryError("it is not there")
        return locate(repository.path, os.environ)

    watching = Watching(lambda name, request: wishes.put(request), os.environ, place)
    try:
        watching.put(Repository(name="work", path=here.root))
        assert wishes.get(timeout=10).cause == "start"
        away[0] = False
        watching.heard("work", Request("schedule"), FINE)
        assert wishes.get(timeout=10) == Request("reconcile")
        assert watching.state("work") == "all"
    finally:
        watching.close()


def test_what_nobody_expected_is_told_looked_at_and_tried_again(
    clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitferry.daemon.watching._POLL", 0.1)
    here, faulty = clone("here"), [True]
    wishes: queue.SimpleQueue[Request] = queue.SimpleQueue()
    crashes: list[str] = []

    def place(repository: Repository) -> Place:
        if faulty[0]:
            raise TypeError("nobody expects this")
        return locate(repository.path, os.environ)

    def crash(error: BaseException, doing: str) -> None:
        crashes.append(f"{type(error).__name__} {doing}")

    watching = Watching(lambda name, request: wishes.put(request), os.environ, place, crash)
    try:
        watching.put(Repository(name="work", path=here.root))
        assert {wishes.get(timeout=10).cause, wishes.get(timeout=10).cause} == {"start", "reconcile"}
        assert "a fault of gitferry (TypeError)" in (watching.state("work") or "")
        faulty[0] = False
        watching.heard("work", Request("reconcile"), FINE)
        end = time.monotonic() + 10
        while watching.state("work") != "all":
            assert time.monotonic() < end
            time.sleep(0.02)
        assert crashes == ["TypeError setting the watches of work"]
    finally:
        watching.close()
