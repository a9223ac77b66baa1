"""Servers that drop, hang, trickle and cut hold up only their own repositories, which recover by themselves."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from gitferry.tests.daemon.test_process import QUICK, entry, running, until
from gitferry.tests.integration.bad_line import BadLine, Line, bad_lines
from gitferry.tests.integration.servers import HttpServer
from gitferry.tests.repo import Repo

SOAK = settings().max_examples > 1000
GOOD, BAD = (12, 8) if SOAK else (4, 4)
SPOILT = (Line.DROPS, Line.WAITS, Line.TRICKLES, Line.CUTS)


class Pair:
    """A clone and its remote."""

    def __init__(self, clone: Repo, remote: Repo) -> None:
        self.clone = clone
        self.remote = remote

    def save(self, content: str) -> None:
        """Save a file."""
        self.clone.write("notes.md", content)

    def has(self, content: str) -> bool:
        """Return whether the remote has it."""
        return self.remote.try_git("show", "main:notes.md").stdout == content


@pytest.fixture
def lines(http_server: HttpServer) -> Iterator[list[BadLine]]:
    """The lines that are going to be bad."""
    with bad_lines(BAD, http_server.port) as made:
        yield made


@pytest.fixture
def pairs(tmp_path: Path, remote: Repo, http_server: HttpServer, lines: list[BadLine], home: Path) -> list[Pair]:
    """In `make soak` twenty repositories, the last eight behind the lines; the settings name them all."""
    made = []
    for number in range(GOOD + BAD):
        bare = Repo(Path(shutil.copytree(remote.root, tmp_path / f"r{number}.git")))
        url = http_server.url(bare)
        if number >= GOOD:
            line = lines[number - GOOD]
            url = url.replace(f"127.0.0.1:{http_server.port}", f"{line.host}:{line.port}")
            with (home / ".git-credentials").open("a") as kept:
                kept.write(f"http://{http_server.user}:{http_server.password}@{line.host}:{line.port}\n")
        clone = Repo.clone(bare.root, tmp_path / f"c{number}")
        clone.git("remote", "set-url", "origin", url)
        made.append(Pair(clone, bare))
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "gitferry" / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    defaults = {
        "watch": QUICK,
        "pull": {"enabled": False},
        "retry": {"initial": "500ms", "max": "2s"},
        "timeouts": {"connect": "2s", "transfer": "8s"},
    }
    rows = [entry(pair.clone) for pair in made]
    path.write_text(json.dumps({"version": 1, "defaults": defaults, "repositories": rows}))
    return made


def lags(pairs: list[Pair], word: str) -> list[float]:
    """Save into each, one after the other, and return how long each took to arrive (seconds)."""
    found = []
    for number, pair in enumerate(pairs):
        began = time.monotonic()
        pair.save(f"{word} {number}\n")
        until(partial(pair.has, f"{word} {number}\n"), 60)
        found.append(time.monotonic() - began)
    return found


@pytest.mark.soak
def test_the_others_go_on_and_the_spoilt_recover(tmp_path: Path, pairs: list[Pair], lines: list[BadLine]) -> None:
    good, bad = pairs[:GOOD], pairs[GOOD:]
    with running(tmp_path) as daemon:
        client = daemon.client()
        until(lambda: all(row["state"] == "healthy" for row in client.status()["repositories"]), 60)
        before = lags(good, "before")
        for number, line in enumerate(lines):
            line.line = SPOILT[number % len(SPOILT)]
        for number, pair in enumerate(bad):
            pair.save(f"spoilt {number}\n")
        until(lambda: all(line.met for line in lines), 60)
        print(
            "median lag (s):", statistics.median(before), "beside bad lines:", statistics.median(lags(good, "beside"))
        )
        assert not any(pair.has(f"spoilt {number}\n") for number, pair in enumerate(bad)), "their lines are bad still"
        for line in lines:
            line.line = Line.GOOD
        until(lambda: all(pair.has(f"spoilt {number}\n") for number, pair in enumerate(bad)), 90)
        assert daemon.stop() == 0
    for pair in pairs:
        pair.remote.fsck()
        pair.clone.fsck()
