"""A large file that was read here outlives what git-lfs's store forgets."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitferry.repos.gitconfig import Config
from gitferry.repos.large_files import LargeFiles, named_by, size_told_by
from gitferry.repos.state import Place, locate
from gitferry.tests.repo import Repo

DATA = b"large"
NAME = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return locate(Repo.init(tmp_path / "work").root, os.environ)


def stored(place: Place, storage: str = "lfs") -> Path:
    file = place.common_dir / storage / "objects" / NAME[:2] / NAME[2:4] / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)
    return file


@pytest.mark.parametrize("settings", [{}, {"lfs.storage": ("elsewhere",)}])
def test_what_the_store_forgot_comes_back(place: Place, settings: dict[str, tuple[str | None, ...]]) -> None:
    large = LargeFiles(place, Config(settings))
    file = stored(place, "elsewhere" if settings else "lfs")
    large.keep([NAME, "0" * 64])
    large.keep([NAME])
    large.bring_back([NAME])
    file.unlink()
    large.bring_back([NAME, "0" * 64])
    assert file.read_bytes() == DATA


def test_it_takes_no_room_while_both_have_it(place: Place) -> None:
    file = stored(place)
    LargeFiles(place, Config({})).keep([NAME])
    assert file.stat().st_nlink == 2


def test_what_is_old_goes(place: Place) -> None:
    large, file = LargeFiles(place, Config({})), stored(place)
    large.drop(datetime.now(UTC))
    large.keep([NAME])
    large.drop(datetime.now(UTC) - timedelta(days=1))
    file.unlink()
    large.bring_back([NAME])
    assert file.exists()
    large.drop(datetime.now(UTC) + timedelta(days=1))
    file.unlink()
    large.bring_back([NAME])
    assert not file.exists()


def test_without_hard_links_it_is_copied(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refused)
    large, file = LargeFiles(place, Config({})), stored(place)
    large.keep([NAME])
    file.unlink()
    large.bring_back([NAME])
    assert file.read_bytes() == DATA


def test_pointers_are_read() -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{NAME}\nsize 5\n".encode()
    assert named_by(pointer) == NAME
    assert size_told_by(pointer) == 5
    assert named_by(pointer.replace(b"oid", b"ext-0-x sha256:" + b"1" * 64 + b"\noid")) == NAME
    assert named_by(b"oid sha256:" + NAME.encode()) is None
