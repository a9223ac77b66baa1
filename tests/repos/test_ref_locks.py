"""A lock that a dead crossing left on our own refs goes; one that somebody works on stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.repos import ref_locks


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    made = tmp_path / "refs" / "gitferry" / "base" / "main.lock"
    made.parent.mkdir(parents=True)
    made.write_text("")
    return made


def test_a_lock_that_nothing_works_on_is_removed(lock: Path, tmp_path: Path) -> None:
    (lock.parent / "main").write_text("1" * 40)
    waited: list[float] = []
    ref_locks.sweep(tmp_path, wait=waited.append)
    assert not lock.exists()
    assert (lock.parent / "main").exists()
    ref_locks.sweep(tmp_path, wait=waited.append)
    assert len(waited) == 1  # nothing is waited for where there is none


def test_a_lock_in_use_stays(lock: Path, tmp_path: Path) -> None:
    def somebody_writes(seconds: float) -> None:
        lock.write_text("written now")

    ref_locks.sweep(tmp_path, wait=somebody_writes)
    assert lock.exists()


def test_other_refs_locks_are_never_touched(tmp_path: Path) -> None:
    other = tmp_path / "refs" / "heads" / "main.lock"
    other.parent.mkdir(parents=True)
    other.write_text("")
    ref_locks.sweep(tmp_path, wait=lambda _: None)
    assert other.exists()
