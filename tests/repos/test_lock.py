"""The lane lock excludes threads and processes, says who holds it, and is never left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitferry.repos.lock import LockBusy, LockUnavailable, lane_lock, lock_path

HOLD = """
import pathlib, sys, time
from gitferry.repos.lock import lane_lock
with lane_lock(pathlib.Path(sys.argv[1]), wait=0):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def common(tmp_path: Path) -> Path:
    directory = tmp_path / "repository.git"
    directory.mkdir()
    return directory


@contextmanager
def another_process(common: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(common)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def test_one_at_a_time_across_processes(common: Path) -> None:
    with another_process(common) as holder:
        with pytest.raises(LockBusy) as busy, lane_lock(common, wait=0):
            pass
        assert f"process {holder.pid} on " in busy.value.title
        assert str(common) in busy.value.title and busy.value.hint


def test_a_killed_holder_leaves_no_lock(common: Path) -> None:
    with another_process(common) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    with lane_lock(common, wait=0):
        assert str(os.getpid()) in lock_path(common).read_text()


def test_waiting_gets_it_when_it_is_free(common: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with lane_lock(common, wait=0):
            inside.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(5)
    with lane_lock(common, wait=10):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_waiting_ends(common: Path) -> None:
    with lane_lock(common, wait=0):
        started = time.monotonic()
        with pytest.raises(LockBusy, match=r"waited 0\.2 s"), lane_lock(common, wait=0.2):
            pass
        assert 0.2 <= time.monotonic() - started < 2


def test_the_file_stays_and_names_nobody_afterwards(common: Path) -> None:
    with lane_lock(common, wait=0):
        inode = lock_path(common).stat().st_ino
    assert lock_path(common).stat().st_ino == inode
    assert lock_path(common).read_text() == ""
    with lane_lock(common, wait=0):
        assert lock_path(common).stat().st_ino == inode


def test_it_is_released_when_the_body_fails(common: Path) -> None:
    with pytest.raises(ZeroDivisionError), lane_lock(common, wait=0):
        raise ZeroDivisionError
    with lane_lock(common, wait=0):
        pass


@pytest.mark.parametrize(("mode", "directory", "file"), [(0o2775, 0o2775, 0o664), (0o755, 0o755, 0o644)])
def test_others_of_a_shared_repository_can_lock_whatever_our_umask(
    common: Path, mode: int, directory: int, file: int
) -> None:
    common.chmod(mode)
    before = os.umask(0o077)
    try:
        with lane_lock(common, wait=0):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(lock_path(common).parent.stat().st_mode) == directory
    assert stat.S_IMODE(lock_path(common).stat().st_mode) == file


def test_a_missing_git_directory(tmp_path: Path) -> None:
    with pytest.raises(LockUnavailable, match="No such file") as failed, lane_lock(tmp_path / "gone", wait=0):
        pass
    assert "mounted" in failed.value.hint


def test_a_link_in_place_of_the_file_is_not_followed(common: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    lock_path(common).parent.mkdir()
    lock_path(common).symlink_to(target)
    with pytest.raises(LockUnavailable), lane_lock(common, wait=0):
        pass
    assert target.read_text() == "precious"


AS_OTHER_USER = """
import os, pathlib, sys
from gitferry.repos.lock import LockBusy, LockUnavailable, lane_lock
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    with lane_lock(pathlib.Path(sys.argv[1]), wait=0):
        print("locked")
except (LockBusy, LockUnavailable) as failed:
    print(type(failed).__name__, failed)
"""


def as_other_user(common: Path) -> str:
    """What a user who may not write there sees: nobody where the tests run as root, else ourselves."""
    done = subprocess.run(
        [sys.executable, "-c", AS_OTHER_USER, str(common)], capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout + done.stderr


@pytest.fixture
def reachable(common: Path) -> Path:
    """The repository, with the directories above it open to other users."""
    for parent in common.parents:
        if parent.stat().st_uid == os.geteuid() and str(parent).startswith(("/tmp/", "/dev/shm/")):
            parent.chmod(0o755)
    return common


def test_a_git_directory_that_is_not_writable(reachable: Path) -> None:
    reachable.chmod(0o555)
    try:
        said = as_other_user(reachable)
    finally:
        reachable.chmod(0o755)
    assert said.startswith("LockUnavailable") and "Permission denied" in said and "writable for this user" in said


def test_another_user_s_lock_that_we_may_only_read_excludes_too(reachable: Path) -> None:
    with lane_lock(reachable, wait=0):
        lock_path(reachable).chmod(0o444)
        assert as_other_user(reachable).startswith(f"LockBusy {reachable} is being synced by process {os.getpid()}")
    assert as_other_user(reachable) == "locked\n"
