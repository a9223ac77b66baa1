"""Edits of the settings while the daemon is at work, as editors make them: what is in force is the last good file."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import settings as hypothesis_settings

from gitferry.daemon.client import Client
from gitferry.tests.daemon.test_process import entry, running, settings, until
from gitferry.tests.repo import Repo

Edit: TypeAlias = Callable[[Path, bytes], None]

IN_FORCE = 2.0  # seconds after which an edit is
FAULTS = (
    b"",
    b"version: 1\nrepositories: [",
    b"version: 1\nrepositorys: []\n",
    b"version: 1\nrepositories:\n  - name: a\n    pull: {every: soon}\n    path: /tmp\n",
    b"version: 7\nrepositories: []\n",
    b"\xff\xfe not text \x00",
)


def renamed(path: Path, content: bytes) -> None:
    """Save as most editors do: write beside it, rename over it."""
    beside = path.with_name("config.yaml.tmp~")
    beside.write_bytes(content)
    beside.replace(path)


def in_place(path: Path, content: bytes) -> None:
    """Save as `cp` and some editors do: empty it, write it in pieces."""
    with path.open("wb") as file:
        for start in range(0, len(content), 200):
            file.write(content[start : start + 200])
            file.flush()
            time.sleep(0.005)


def with_backup(path: Path, content: bytes) -> None:
    """Save as vim may: the old file becomes the backup, so that for a moment there is none."""
    path.replace(path.with_name("config.yaml~"))
    time.sleep(0.02)
    path.write_bytes(content)


def by_link(path: Path, content: bytes) -> None:
    """Save as those do who keep their dotfiles elsewhere: a link that is made to point to another file."""
    target = path.with_name(f"dotfiles-{time.monotonic_ns()}.yaml")
    target.write_bytes(content)
    link = path.with_name("link.tmp")
    link.symlink_to(target)
    link.replace(path)


EDITORS: tuple[Edit, ...] = (renamed, in_place, with_backup, by_link)


@contextmanager
def saving(repos: list[Repo], chance: random.Random) -> Iterator[None]:
    """Save into the working trees all the time."""
    ended = threading.Event()

    def save() -> None:
        number = 0
        while not ended.wait(0.05):
            number += 1
            chance.choice(repos).write(f"notes-{number % 10}.txt", f"{number}\n")

    thread = threading.Thread(target=save)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def good(repos: list[Repo], chance: random.Random) -> tuple[bytes, list[str]]:
    """Return a random file without fault and the repositories that it names; some are not pulled by the clock."""
    chosen = chance.sample(repos, chance.randint(1, len(repos)))
    pulls = [chance.random() < 0.5 for _ in chosen]
    rows = [entry(repo, pull={"enabled": pull, "every": "1h"}) for repo, pull in zip(chosen, pulls, strict=True)]
    text = json.dumps({"version": 1, "defaults": {"watch": {"quiet": "100ms"}}, "repositories": rows})
    return text.encode(), [f"{row['name']} {row['pull']['enabled']}" for row in rows]


def is_in_force(client: Client, wanted: list[str], *, faulty: bool) -> bool:
    """Whether the daemon goes by what `good` told, and says of the file that it has a fault where it has one."""
    answer: dict[str, Any] = client.status()
    rows = [f"{row['name']} {row['next_pull_at'] is not None}" for row in answer["repositories"]]
    return rows == wanted and (answer["daemon"]["settings_error"] is not None) == faulty


@pytest.mark.soak
def test_the_last_good_file_is_in_force(tmp_path: Path, clone: Callable[..., Repo], seed: int) -> None:
    """As many good edits as faulty ones, at random moments: three of each, in `make soak` a hundred."""
    chance, edits = random.Random(seed), 100 if hypothesis_settings().max_examples > 1000 else 3
    repos = [clone(name) for name in ("one", "two", "three", "four")]
    kinds = [True, False] * edits
    chance.shuffle(kinds)
    path = settings(entry(repos[0], pull={"enabled": False}))
    wanted, faulty = ["one False"], False
    with running(tmp_path) as daemon, saving(repos, random.Random(seed + 1)):
        client = daemon.client()
        for number, sound in enumerate(kinds):
            if sound:
                content, wanted = good(repos, chance)
            else:
                content = chance.choice(FAULTS)
            faulty = not sound
            chance.choice(EDITORS)(path, content)
            # A good file that a faulty one replaces at once was never read: that one is waited for.
            if chance.random() < 0.6 and (not sound or all(kinds[number + 1 : number + 2])):
                time.sleep(chance.random() * IN_FORCE / 2)
                continue
            until(partial(is_in_force, client, wanted, faulty=faulty), IN_FORCE)
        until(partial(is_in_force, client, wanted, faulty=faulty), IN_FORCE)
        assert not list((Path(os.environ["GITFERRY_STATE_DIR"]) / "crashes").glob("*"))
        assert daemon.stop() == 0
