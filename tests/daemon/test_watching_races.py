"""First wishes come and watches stay, whatever else happens at that moment: disks that hang, settings that change."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from gitferry.config.errors import GitferryError
from gitferry.config.model import Repository
from gitferry.daemon.watching import Watching
from gitferry.pushback.outcome import Request
from gitferry.repos.state import Place, locate
from gitferry.tests.daemon.test_lanes import until
from gitferry.tests.daemon.test_watching import FINE
from gitferry.tests.repo import Repo


def repository(repo: Repo, name: str, quiet: str = "100ms") -> Repository:
    """Return the settings of a repository that is watched."""
    return Repository.model_validate({"name": name, "path": str(repo.root), "watch": {"quiet": quiet}})


def test_one_that_is_watched_while_others_are_begun_is_begun_too(
    clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitferry.daemon.watching._WATCHES_FIRST", 0.2)
    repo, end, late, begun = clone("work"), threading.Event(), threading.Event(), list[str]()

    def place(repository: Repository) -> Place:
        assert repository.name != "hangs" or end.wait(20)
        assert repository.name != "late" or late.wait(20)
        return locate(repository.path, os.environ)

    def wish(name: str, request: Request) -> None:
        begun.append(name)
        if name == "quick":
            late.set()
            until(lambda: watching._to_set == 1)

    watching = Watching(wish, os.environ, place)
    try:
        for name in ("hangs", "late", "quick"):
            watching.put(repository(repo, name))
        until(lambda: begun == ["quick", "late"])
    finally:
        end.set()
        watching.close()


def test_settings_that_come_while_the_disk_hangs_are_those_in_force(clone: Callable[..., Repo]) -> None:
    old, new, end, first = clone("old"), clone("new"), threading.Event(), threading.Event()
    wished: list[str] = []

    def place(repository: Repository) -> Place:
        if repository.path == old.root:
            first.set()
            assert end.wait(20)
        return locate(repository.path, os.environ)

    watching = Watching(lambda name, request: wished.append(request.cause), os.environ, place)
    try:
        watching.put(repository(old, "work"))
        assert first.wait(5)
        watching.put(repository(new, "work"))
        until(lambda: watching.state("work") == "all")
        end.set()
        until(lambda: watching._to_set == 0)
        time.sleep(0.1)
        assert watching.state("work") == "all"
        assert "reconcile" in wished, "its watches were set twice: nobody heard what was saved between"
    finally:
        end.set()
        watching.close()


def test_a_disk_that_hangs_keeps_no_other_from_being_looked_at(
    clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, fine, end, wished = clone("hangs"), clone("fine"), threading.Event(), list[tuple[str, str]]()

    def stillness(root: object, *rest: object) -> None:
        assert root != hangs.root or end.wait(20)

    monkeypatch.setattr("gitferry.daemon.watching.stillness", stillness)
    watching = Watching(lambda name, request: wished.append((name, request.cause)), os.environ)
    try:
        watching.put(repository(hangs, "hangs"))
        watching.put(repository(fine, "fine"))
        until(lambda: len(wished) == 2)
        for _ in range(4):
            watching.reconcile("hangs")
        watching.reconcile("fine")
        until(lambda: ("fine", "reconcile") in wished)
    finally:
        end.set()
        watching.close()


def test_one_whose_watches_two_crossings_ask_for_is_looked_at_after_either(clone: Callable[..., Repo]) -> None:
    repo, away, both, wished = clone("work"), [True], threading.Barrier(2), list[str]()

    def place(repository: Repository) -> Place:
        if away[0]:
            raise GitferryError("it is not there")
        both.wait(20)
        return locate(repository.path, os.environ)

    watching = Watching(lambda name, request: wished.append(request.cause), os.environ, place)
    try:
        watching.put(repository(repo, "work"))
        until(lambda: wished == ["start"])
        away[0] = False
        watching.heard("work", Request("schedule"), FINE)
        watching.heard("work", Request("schedule"), FINE)
        until(lambda: wished == ["start", "reconcile", "reconcile"])
    finally:
        both.abort()
        watching.close()
