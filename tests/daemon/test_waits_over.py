"""What was saved while a repository had to wait goes when the wait is over, and not only at the next whole look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitferry.tests.daemon.test_process import entry, row, running, settings, until
from gitferry.tests.repo import Repo

RARELY = {"pull": {"enabled": False}, "watch": {"quiet": "400ms", "reconcile": "1h"}}


def test_a_save_on_another_branch_goes_when_the_tracked_one_is_checked_out(
    tmp_path: Path, clone: Callable[..., Repo], remote: Repo
) -> None:
    here = clone("here")
    settings(entry(here, **RARELY))
    with running(tmp_path) as daemon:
        until(lambda: row(daemon.client(), "here")["state"] == "healthy")
        here.git("checkout", "-q", "-b", "other")
        here.write("notes.txt", "saved meanwhile\n")
        until(lambda: row(daemon.client(), "here")["state"] == "waiting")
        here.git("checkout", "-q", "main")
        until(lambda: "notes.txt" in remote.tree("main"))
        assert daemon.stop() == 0


def test_also_what_was_saved_before_the_start(tmp_path: Path, clone: Callable[..., Repo], remote: Repo) -> None:
    here = clone("here")
    settings(entry(here, **RARELY))
    with running(tmp_path, "first") as daemon:
        until(lambda: row(daemon.client(), "here")["state"] == "healthy")
        assert daemon.stop() == 0
    here.git("checkout", "-q", "-b", "other")
    here.write("notes.txt", "saved meanwhile\n")
    with running(tmp_path, "second") as daemon:
        until(lambda: row(daemon.client(), "here")["state"] == "waiting")
        here.git("checkout", "-q", "main")
        until(lambda: "notes.txt" in remote.tree("main"))
        assert daemon.stop() == 0
