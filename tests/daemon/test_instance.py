"""One daemon per state directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitferry.daemon.instance import AlreadyRunning, StateUnusable, only_instance

HOLD = """
import sys, pathlib
from gitferry.daemon.instance import only_instance
with only_instance(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_the_firsts_pid_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning) as refused, only_instance(state):
            raise AssertionError("both run")
        assert refused.value.pid == other.pid and str(other.pid) in str(refused.value)
        other.kill()
        other.wait()
    assert (state / "daemon.pid").exists()
    with only_instance(state):
        assert (state / "daemon.pid").read_text() == f"{os.getpid()}\n"
        assert (state / "daemon.pid").stat().st_mode & 0o777 == 0o600
    assert not (state / "daemon.pid").exists()


def test_a_directory_that_was_removed_is_held_no_longer_and_the_nexts_file_is_left_alone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with only_instance(state) as held:
        assert held()
        shutil.rmtree(state)
        assert not held()
        state.mkdir()
        (state / "daemon.pid").write_text("1\n")
        assert not held()
    assert (state / "daemon.pid").read_text() == "1\n"


def test_a_symlink_at_its_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "daemon.pid").symlink_to(victim)
    with pytest.raises(StateUnusable, match="symbolic"), only_instance(tmp_path):
        pass
    assert victim.read_text() == "precious"
