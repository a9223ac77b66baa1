"""Three-way merge of whole tasks, file by file."""

from __future__ import annotations

import pytest

from gitferry.pushback.merge import merge_content
from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, Entry


def file(letter: str, mode: int = FILE) -> Entry:
    return Entry(mode, letter * 40)


def conflict(path: str, base: Entry | None, ours: Entry, theirs: Entry) -> Entry | None:
    return None


def joined(path: str, base: Entry | None, ours: Entry, theirs: Entry) -> Entry | None:
    return file("f")


BASE = {"x": file("1"), "y": file("1")}


@pytest.mark.parametrize(
    ("local", "remote", "result"),
    [
        ({**BASE, "x": file("2")}, {**BASE, "y": file("3")}, {"x": file("2"), "y": file("3")}),
        ({"x": file("1")}, {**BASE, "x": file("2")}, {"x": file("2")}),
        ({**BASE, "z": file("4")}, {**BASE, "w": file("5")}, {**BASE, "z": file("4"), "w": file("5")}),
        ({**BASE, "x": file("2")}, {**BASE, "x": file("2")}, {**BASE, "x": file("2")}),
        ({"y": file("1")}, {**BASE, "x": file("2")}, None),  # deleted here, edited there
        ({**BASE, "x": file("2")}, {"y": file("1")}, None),
        ({**BASE, "x": file("2")}, {**BASE, "x": file("3")}, None),
        ({**BASE, "z": file("4")}, {**BASE, "z": file("5")}, None),  # both added
        ({**BASE, "x": file("2")}, {**BASE, "x": file("1", EXECUTABLE)}, {**BASE, "x": file("2", EXECUTABLE)}),
        ({**BASE, "x": file("2", SYMLINK)}, {**BASE, "x": file("3")}, None),
        ({**BASE, "z": file("4")}, {**BASE, "z": file("4", EXECUTABLE)}, None),
    ],
)
def test_cases(local: dict[str, Entry], remote: dict[str, Entry], result: dict[str, Entry] | None) -> None:
    assert merge_content(BASE, local, remote, conflict) == result
    assert merge_content(BASE, remote, local, conflict) == result


def test_lines_are_merged_by_what_is_passed_in() -> None:
    local, remote = {**BASE, "x": file("2")}, {**BASE, "x": file("3", EXECUTABLE)}
    assert merge_content(BASE, local, remote, joined) == {**BASE, "x": file("f", EXECUTABLE)}
