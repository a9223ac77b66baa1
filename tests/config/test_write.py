"""Settings files reach the disk whole or not at all."""

from __future__ import annotations

import stat
import threading
import time
from pathlib import Path

import pytest

from gitferry.config import write


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "config.yaml"
    write.create(path, "x: ü\n")
    assert path.read_text(encoding="utf-8") == "x: ü\n"
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path, target = tmp_path / "link", tmp_path / "target"
    path.symlink_to(target)
    with pytest.raises(write.NotWritten, match="exists already"):
        write.create(path, "x")
    assert not target.exists()


@pytest.mark.parametrize("parent", ["file", "missing-in/file/deep"])
def test_a_place_that_cannot_be_is_explained(tmp_path: Path, parent: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "missing-in").mkdir()
    (tmp_path / "missing-in" / "file").touch()
    with pytest.raises(write.NotWritten, match="cannot be written"):
        write.create(tmp_path / parent / "config.yaml", "x")


def test_what_someone_else_wrote_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("theirs")
    with pytest.raises(write.NotWritten, match="edited by someone else"):
        write.replace(path, "ours", b"before")
    assert path.read_text() == "theirs"
    assert [each.name for each in tmp_path.iterdir() if each.name != "home"] == ["config.yaml"]


def test_editors_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    order: list[str] = []

    def second() -> None:
        with write.editing(path):
            order.append("second")

    with write.editing(path):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
