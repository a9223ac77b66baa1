"""Which disk a path is on is told by names alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.daemon.disk import disk_of, mount_points

POINTS = ("/", "/mnt/my disk", "/mnt", "/home")


@pytest.mark.parametrize(
    ("path", "disk"),
    [
        ("/mnt/my disk/tree", "/mnt/my disk"),
        ("/mnt/my disks/tree", "/mnt"),
        ("/home", "/home"),
        ("/home/../srv/tree", "/"),
        ("/homes/tree", "/"),
    ],
)
def test_the_deepest_mount_point_above_is_the_disk(path: str, disk: str) -> None:
    assert disk_of(Path(path), POINTS) == disk


def test_names_with_blanks_are_read_and_a_table_that_is_not_there_is_empty(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text("/dev/sda1 / ext4 rw 0 0\nserver:/x /mnt/my\\040disk nfs rw 0 0\n")
    assert mount_points(table) == ("/", "/mnt/my disk")
    assert mount_points(tmp_path / "none") == ()


def test_this_machines_table_is_read(tmp_path: Path) -> None:
    found = disk_of(tmp_path, mount_points())
    assert Path(found).stat().st_dev == tmp_path.stat().st_dev
