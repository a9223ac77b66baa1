"""What busy threads have in hand: one step each, within which git's own deadline counts."""

from __future__ import annotations

import threading
from pathlib import Path

from gitferry.repos.git import Git
from gitferry.repos.progress import OWN_WORK, Hands, Step, limited


def test_a_step_that_ends_is_progress() -> None:
    now = [0.0]
    hands = Hands(lambda: now[0])
    with hands.busy("the sync of a"):
        assert hands.steps() == (Step("the sync of a", 0.0, OWN_WORK),)
        now[0] = 10.0
        with limited("git fetch", 300.0, lambda: now[0]):
            assert hands.steps() == (Step("the sync of a (git fetch)", 10.0, 300.0),)
            now[0] = 20.0
        assert hands.steps() == (Step("the sync of a", 20.0, OWN_WORK),)
    assert hands.steps() == ()


def test_threads_are_watched_apart_and_others_not_at_all() -> None:
    hands = Hands()
    both, read = threading.Barrier(3), threading.Barrier(3)

    def work(name: str) -> None:
        with hands.busy(name):
            both.wait(10)
            read.wait(10)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    both.wait(10)
    with limited("git status", 1.0):  # of a thread that nobody watches
        assert sorted(step.what for step in hands.steps()) == ["a", "b"]
    read.wait(10)
    for thread in threads:
        thread.join()
    assert hands.steps() == ()


def test_a_git_program_is_a_step_with_its_own_deadline(tmp_path: Path) -> None:
    seen: list[Step] = []
    hands = Hands()
    looking, found = threading.Event(), threading.Event()

    def look() -> None:
        looking.wait(10)
        while not seen:
            seen.extend(step for step in hands.steps() if "git" in step.what)
        found.set()

    watcher = threading.Thread(target=look)
    watcher.start()
    with hands.busy("the sync of a"):
        looking.set()
        while not found.is_set():
            Git(tmp_path).run("version", deadline=17.0)
    watcher.join()
    assert (seen[0].what, seen[0].limit) == ("the sync of a (git version)", 17.0)
