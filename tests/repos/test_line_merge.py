"""A file that both sides changed, merged by lines as git does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.repos.content import FILE, Entry
from gitferry.repos.line_merge import merge_lines
from gitferry.repos.objects import Objects
from gitferry.tests.repo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


@pytest.fixture
def objects(repo: Repo) -> Iterator[Objects]:
    found = Objects(repo.path(".git"))
    yield found
    found.close()


def test_a_merge_of_lines(objects: Objects) -> None:
    def entry(text: str) -> Entry:
        return Entry(FILE, objects.write_blob(text.encode()))

    base = entry("one\ntwo\nthree\nfour\nfive\n")
    ours = entry("ONE\ntwo\nthree\nfour\nfive\n")
    merged = merge_lines(objects, base, ours, entry("one\ntwo\nthree\nfour\nFIVE\n"))
    assert merged is not None
    assert objects.blob(merged.oid) == b"ONE\ntwo\nthree\nfour\nFIVE\n"
    assert merge_lines(objects, base, ours, entry("other\ntwo\nthree\nfour\nfive\n")) is None
    assert merge_lines(objects, entry("a\0b"), entry("a\0c"), entry("a\0b")) is None


def test_a_file_with_a_nul_is_not_merged(objects: Objects) -> None:
    odd, lines = b"x" * 9000 + b"\0\n", b"2\n3\n4\n5\n"
    base, ours, theirs = (
        Entry(FILE, objects.write_blob(data)) for data in (odd + lines, b"1" + odd + lines, odd + lines + b"6\n")
    )
    assert merge_lines(objects, base, ours, theirs) is None


@pytest.mark.parametrize("odd", [b"caf\xe9\n", bytes(range(1, 256)) + b"\n", b"caf\xc3\xa9\r\n", b"\xff\xfe\n"])
def test_lines_in_any_encoding_are_merged_as_git_does(repo: Repo, objects: Objects, odd: bytes) -> None:
    lines = odd + b"2\n3\n4\n5\n"
    versions = {"base": lines, "ours": b"1" + lines, "theirs": lines + b"6" + odd}
    base, ours, theirs = (Entry(FILE, objects.write_blob(data)) for data in versions.values())
    for name, data in versions.items():
        repo.write(name, data)
    merged = merge_lines(objects, base, ours, theirs)
    assert merged is not None
    assert objects.blob(merged.oid) == repo.git_bytes("merge-file", "-p", "ours", "base", "theirs")
