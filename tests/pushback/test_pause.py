"""Pause, resume and held first pushes: wishes that stand in git."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta

from gitferry.pushback.outcome import State
from gitferry.pushback.pause import hold_pushes, pause, resume
from gitferry.pushback.survey import glance
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo


def test_nothing_crosses_by_itself_while_paused(here: Side, remote: Repo) -> None:
    pause(here.settings, None, host=here.host)
    here.repo.write("a.md", "a\n")
    assert here.save("a.md").state is State.PAUSED
    assert "a.md" not in remote.tree("main")
    resume(here.settings, host=here.host)
    healthy(here.save("a.md"))
    assert "a.md" in remote.tree("main")


def test_a_person_may_sync_a_paused_repository(here: Side, remote: Repo) -> None:
    pause(here.settings, None, host=here.host)
    here.repo.write("a.md", "a\n")
    healthy(here.sync(by_hand=True))
    assert "a.md" in remote.tree("main")
    assert here.save("a.md").state is State.PAUSED


def test_a_pause_ends_at_its_time(here: Side) -> None:
    pause(here.settings, here.clock.now + timedelta(minutes=5), host=here.host)
    here.repo.write("a.md", "a\n")
    assert here.save("a.md").state is State.PAUSED
    assert glance(here.settings, host=here.host).state is State.PAUSED
    here.clock.now += timedelta(minutes=6)
    assert glance(here.settings, host=here.host).pending == 1
    healthy(here.save("a.md"))


def test_held_first_pushes_wait_for_push_all(here: Side, remote: Repo) -> None:
    hold_pushes(here.settings, host=here.host)
    here.repo.write("a.md", "a\n")
    outcome = here.sync()
    assert here.task(outcome, "a.md").push_status == "pending"
    assert "a.md" not in remote.tree("main")
    healthy(here.sync(all_tasks=True, by_hand=True))
    here.repo.write("b.md", "b\n")
    healthy(here.save("b.md"))
    assert {"a.md", "b.md"} <= remote.tree("main").keys()


def test_own_commits_stay_here_while_pushes_are_held_and_pulls_come(
    here: Side, clone: Callable[..., Repo], remote: Repo
) -> None:
    hold_pushes(here.settings, host=here.host)
    here.repo.write("mine.md", "m\n")
    mine = here.repo.commit("mine")
    tip = remote.tip("main")
    outcome = healthy(here.sync())
    assert (outcome.ahead, here.repo.head, remote.tip("main")) == (1, mine, tip)
    there = Side(clone("there"))
    there.repo.write("theirs.md", "t\n")
    healthy(there.sync())
    waiting = here.sync()
    assert waiting.state is State.WAITING
    assert waiting.hint == "gitferry push all"
    healthy(here.sync(all_tasks=True, by_hand=True))
    assert {"mine.md", "theirs.md"} <= remote.tree("main").keys()
    assert mine in remote.commits("main")


def test_one_task_pushed_by_hand_leaves_the_others_pending(here: Side, remote: Repo) -> None:
    here.pushback = {"auto_push": False}
    here.repo.write_all({"a.md": "a\n", "b.md": "b\n"})
    first = here.sync()
    assert {here.task(first, name).push_status for name in ("a.md", "b.md")} == {"pending"}
    asked = here.task(first, "a.md").id
    second = here.sync(tasks=frozenset({asked}), by_hand=True, message="by hand")
    assert here.task(second, "a.md").push_status == "completed"
    assert here.task(second, "b.md").push_status == "pending"
    assert "b.md" not in remote.tree("main")
    assert remote.log("main")[0] == "by hand"


def test_the_wish_survives_the_state_directory(here: Side, home) -> None:  # type: ignore[no-untyped-def]
    pause(here.settings, None, host=here.host)
    shutil.rmtree(home / ".local", ignore_errors=True)
    assert here.save("x").state is State.PAUSED
