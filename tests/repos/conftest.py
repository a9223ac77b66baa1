"""Working trees swapped in each of the ways a machine may allow."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.repos.worktree import (
    Renames,
    Worktree,
)

_USUAL = (Path("/dev/shm"), Path("/var/tmp"), Path("/tmp"))  # two file systems on a Linux machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture(params=["native", "plain", "elsewhere"])
def kind(request: pytest.FixtureRequest) -> str:
    """How files are swapped: by renameat2, without it, and with the scratch directory on another file system."""
    return str(request.param)


@pytest.fixture
def scratch(tmp_path: Path, kind: str) -> Iterator[Path]:
    path = tmp_path / "git" / "scratch"
    if kind == "elsewhere":
        other = [place for place in _USUAL if place.stat().st_dev != tmp_path.stat().st_dev]
        assert other, "there is no second file system"
        path = other[0] / f"gitferry-test-{os.getpid()}-{time.monotonic_ns()}"
    yield path
    if path.exists():
        assert list(path.iterdir()) == []
        path.rmdir()


@pytest.fixture
def tree(root: Path, scratch: Path, kind: str) -> Worktree:
    return Worktree(root, scratch, renames=Renames(native=kind != "plain"))


@pytest.fixture
def native(tmp_path: Path, root: Path) -> Worktree:
    return Worktree(root, tmp_path / "git" / "scratch")
