"""A directory is there as long as who claimed it is, and what the dead left goes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from gitferry.repos.claimed import Claimed, NotOurs, remove, sweep


def names(parent: Path) -> set[str]:
    return {path.name for path in parent.iterdir()}


def test_a_claim_is_kept_until_it_is_released(tmp_path: Path) -> None:
    parent = tmp_path / "place"
    one, two = Claimed(parent), Claimed(parent)
    (one.path / "file").write_text("x")
    sweep(parent)
    assert names(parent) == {one.path.name, f"{one.path.name}.lock", two.path.name, f"{two.path.name}.lock"}
    assert {path.stat().st_mode & 0o777 for path in (parent, one.path)} == {0o700}
    one.release()
    one.release()
    assert names(parent) == {two.path.name, f"{two.path.name}.lock"}
    del two
    assert names(parent) == set()


def test_what_the_dead_left_goes_with_the_next_claim(tmp_path: Path) -> None:
    parent = tmp_path / "place"
    parent.mkdir(mode=0o700)
    for name in ("dead", "half"):
        (parent / name).mkdir()
    (parent / "dead" / "file").write_text("x")
    for name in ("dead.lock", "alone.lock"):
        (parent / name).write_text("")
    (parent / "alive").mkdir()
    with (parent / "alive.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        claimed = Claimed(parent)
        assert names(parent) == {"alive", "alive.lock", claimed.path.name, f"{claimed.path.name}.lock"}
    claimed.release()


def test_a_place_of_somebody_else_s_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    with pytest.raises(NotOurs, match="only this user"):
        Claimed(tmp_path)
    tmp_path.chmod(0o700)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(NotOurs):
        Claimed(tmp_path / "link")


def test_a_fork_s_end_removes_nothing(tmp_path: Path) -> None:
    claimed = Claimed(tmp_path / "place")
    child = os.fork()
    if child == 0:
        claimed.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert claimed.path.is_dir()
    sweep(tmp_path / "place")
    assert claimed.path.is_dir()
    claimed.release()


def test_removing_follows_no_link_and_is_not_stopped_by_modes(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    gone = tmp_path / "gone"
    (gone / "deep" / "er").mkdir(parents=True)
    (gone / "deep" / "er" / "file").write_text("x")
    (gone / "link").symlink_to(kept)
    (gone / "deep" / "er").chmod(0o500)
    (gone / "deep").chmod(0)
    assert remove(gone) and remove(gone)
    (tmp_path / "link").symlink_to(kept)
    assert remove(tmp_path / "link")
    assert not gone.exists() and names(kept) == {"file"}
