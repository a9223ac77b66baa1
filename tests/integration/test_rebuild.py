"""The state directory is removed at any moment: all that was told is told again, from git alone, and nothing moves."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gitferry.config.paths import state_dir
from gitferry.daemon.client import Client
from gitferry.daemon.control import Control
from gitferry.tests.daemon.test_process import entry, running, settings, until
from gitferry.tests.repo import Repo

Told = dict[str, Any]


@dataclass
class World:
    """Three clones of one remote that gitferry looks after, each with something open, and one that it does not."""

    remote: Repo
    work: Repo  # a held conflict, an undone task, older operations
    slow: Repo  # tasks that wait for a manual push
    rests: Repo  # paused, with an edit
    other: Repo

    def there(self, files: dict[str, str]) -> None:
        """Somebody else pushes."""
        self.other.pull("--quiet")
        self.other.write_all(files)
        self.other.commit("from there")
        self.other.push("--quiet")

    @property
    def trees(self) -> list[dict[str, bytes]]:
        return [repo.worktree() for repo in (self.work, self.slow, self.rests)]

    @property
    def pushed(self) -> list[str]:
        return self.remote.commits("main")


@pytest.fixture
def world(clone: Callable[..., Repo], remote: Repo) -> World:
    made = World(remote, clone("work"), clone("slow"), clone("rests"), clone("other"))
    settings(
        entry(made.work, pushback={"conflict_strategy": "fail"}),
        entry(made.slow, pushback={"auto_push": False}),
        entry(made.rests),
    )
    return made


@contextmanager
def control() -> Iterator[Control]:
    made = Control(None, os.environ)
    try:
        yield made
    finally:
        made.close()


def opened_everywhere(world: World) -> None:
    """Leave something open in each clone."""
    with control() as verbs:
        verbs.sync()
        for files in (
            {"undone.txt": "first\n", "held.txt": "base\n", "older.txt": "one\n"},
            {"older.txt": "two\n"},
            {"undone.txt": "second\n"},
        ):
            world.work.write_all(files)
            verbs.sync(["work"])
        verbs.undo(verbs.log("work")["operations"][0]["id"])
        world.there({"held.txt": "theirs\n", "new.txt": "theirs\n"})
        world.work.write("held.txt", "ours\n")
        verbs.sync(["work", "slow"])
        world.slow.write_all({"pending.txt": "waits\n", "README.md": "waits too\n"})
        verbs.sync(["slow"])
        verbs.pause("rests", None)
        world.rests.write("paused.txt", "rests\n")
        verbs.sync(["work"])


def told(verbs: Control) -> Told:
    """Everything that the verbs tell of what is, but for times and what a process counts of its own crossings."""
    passing = ("last_crossing_at", "lag_seconds", "crossings", "success_rate", "duration_p50", "duration_p95")
    operations = verbs.log(limit=None)["operations"]
    pushes = verbs.push_status()
    for row in pushes["tasks"]:
        row["last_registry_sync"] = row["last_registry_sync"] is not None
    return {
        "status": [row | dict.fromkeys(passing) for row in verbs.status()["repositories"]],
        "push_status": pushes,
        "tasks": verbs.tasks(),
        "conflicts": verbs.conflicts(),
        "log": operations,
        "shown": [verbs.show(operation["id"]) for operation in operations],
    }


def open_tasks(verbs: Control) -> dict[str, str]:
    rows = verbs.tasks(modified=True)["tasks"]
    return {f"{row['repository']}/{row['path']}": row["push_status"] for row in rows}


OPEN = {
    "work/held.txt": "conflict",
    "work/undone.txt": "pending",
    "slow/pending.txt": "pending",
    "slow/README.md": "pending",
    "rests/paused.txt": "pending",
}


def test_everything_is_told_again_and_nothing_moves(world: World) -> None:
    opened_everywhere(world)
    with control() as verbs:
        before = told(verbs)
        assert open_tasks(verbs) == OPEN
    shutil.rmtree(state_dir(os.environ))
    pushed, trees = world.pushed, world.trees
    with control() as verbs:
        assert told(verbs) == before
        assert [row["state"] for row in verbs.status()["repositories"]] == ["conflict", "healthy", "paused"]
        verbs.sync(["work", "slow"])
        after = told(verbs)
        assert {**after, "push_status": after["push_status"]["counts"]} == {
            **before,
            "push_status": before["push_status"]["counts"],
        }
        assert (world.pushed, world.trees) == (pushed, trees)


def test_what_was_open_is_answered_after_it(world: World) -> None:
    opened_everywhere(world)
    shutil.rmtree(state_dir(os.environ))
    with control() as verbs:
        (older,) = [
            each["id"]
            for each in verbs.log("work")["operations"]
            if [t["path"] for t in each["tasks"]] == ["older.txt"]
        ]
        assert verbs.undo(older)["results"][0]["error"] is None
        assert world.remote.git("show", "main:older.txt") == "one"
        shutil.rmtree(state_dir(os.environ))
    with control() as verbs:
        assert open_tasks(verbs) == OPEN | {"work/older.txt": "pending"}
        verbs.push(["work/undone.txt", "work/older.txt", "slow/pending.txt"])
        verbs.resume("rests")
        verbs.sync()
        world.work.write("held.txt", "base\n")  # as at the recorded base: theirs is taken
        verbs.sync()
        verbs.sync(["work"])
        assert open_tasks(verbs) == {"slow/README.md": "pending"}
    found = world.remote.tree("main")
    assert {
        name: found[name].decode() for name in ("undone.txt", "older.txt", "pending.txt", "paused.txt", "held.txt")
    } == {
        "undone.txt": "second\n",
        "older.txt": "two\n",
        "pending.txt": "waits\n",
        "paused.txt": "rests\n",
        "held.txt": "theirs\n",
    }
    assert world.work.worktree() == found
    for repo in (world.remote, world.work, world.slow, world.rests):
        repo.fsck()


def settled(client: Client) -> bool:
    return [row["state"] for row in client.status()["repositories"]] == ["conflict", "healthy", "paused"]


def test_a_daemon_whose_state_is_removed_goes_on_where_it_was(world: World, tmp_path: Path) -> None:
    opened_everywhere(world)
    trees = world.trees
    with control() as verbs:
        before = told(verbs)["log"]
    pushed = world.pushed
    for turn in range(2):
        with running(tmp_path, f"daemon-{turn}") as daemon:
            client = daemon.client()
            until(partial(settled, client))
            assert client.log(limit=1000)["operations"] == before
            shutil.rmtree(state_dir(os.environ))
            assert daemon.process.wait(20) == 1
    assert (world.pushed, world.trees) == (pushed, trees)


@pytest.mark.soak
def test_whenever_it_is_removed_every_save_arrives_once(
    clone: Callable[..., Repo], remote: Repo, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    work = clone("work")
    settings(entry(work))
    saved = {}
    for turn in range(3):
        with running(tmp_path, f"daemon-{turn}") as daemon:
            for number in range(chance.randrange(1, 4)):
                name = f"saved-{turn}-{number}.txt"
                saved[name] = f"{chance.random()}\n"
                work.write(name, saved[name])
                time.sleep(chance.random() * 0.4)
            shutil.rmtree(state_dir(os.environ))
            assert daemon.process.wait(20) == 1
    with running(tmp_path, "last") as daemon:
        until(lambda: remote.tree("main").items() >= {name: text.encode() for name, text in saved.items()}.items())
        assert daemon.stop() == 0
    for name in saved:
        assert len(remote.git("log", "--format=%H", "main", "--", name).splitlines()) == 1
    assert remote.is_linear("main")
    assert work.status() == ""
    assert list(work.path(".git").rglob("*.lock")) == []
    work.fsck()
