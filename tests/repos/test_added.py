"""The added lines are those that `git diff` shows, whatever bytes the files hold."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitferry.repos import added as module
from gitferry.repos.added import added, lines
from gitferry.tests.repo import Repo


def by_git(repo: Repo, old: bytes, new: bytes) -> tuple[tuple[int, bytes], ...]:
    """What git's own diff adds: number and bytes of each line."""
    for name, data in (("old", old), ("new", new)):
        repo.write(name, data)
    shown = repo.try_git("diff", "--no-index", "--no-color", "--unified=0", "--diff-algorithm=myers", "old", "new")
    numbered, number = [], 0
    for line in shown.stdout.encode("utf-8", "surrogateescape").split(b"\n"):
        if head := re.match(rb"@@ -\S+ \+(\d+)", line):
            number = int(head[1])
        elif line.startswith(b"+") and number:
            numbered.append((number, line[1:]))
            number += 1
    return tuple(numbered)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return Repo.init(tmp_path_factory.mktemp("added") / "repo")


def test_what_a_diff_adds() -> None:
    assert added(b"one\ntwo\nthree\n", b"one\n2\nthree\nfour\n") == ((2, "2"), (4, "four"))
    assert added(b"one\ntwo\n", b"one\n") == ()
    assert added(b"same\n", b"same\n") == ()


def test_a_new_file_adds_all_of_it() -> None:
    assert added(None, b"one\ntwo") == added(b"", b"one\ntwo") == ((1, "one"), (2, "two"))
    assert added(None, b"") == lines(b"") == ()
    assert lines(b"\n\nx\n") == ((1, ""), (2, ""), (3, "x"))


def test_binary_adds_nothing_and_is_as_no_file() -> None:
    assert added(b"one\n", b"\x00one\ntwo\n") == ()
    assert added(b"\x00one\n", b"one\n") == ((1, "one"),)
    assert added(None, b"one\n" * 9000 + b"\x00") == ()  # wherever the NUL is


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_text_by_its_mark(codec: str) -> None:
    def data(text: str) -> bytes:
        return ("\ufeff" + text).encode(codec)

    assert added(None, data("one\r\nzwölf\r\n")) == ((1, "one"), (2, "zwölf"))
    assert added(data("one\n"), data("one\ntwo\n")) == ((2, "two"),)
    assert added(b"\xef\xbb\xbfone\n", data("one\ntwo\n")) == ((2, "two"),)
    assert added(None, data("x")[:-1]) == ((1, "\ufffd"),)


def test_bytes_of_another_encoding_are_replaced() -> None:
    assert added(b"caf\xe9\n", b"caf\xe9\nna\xefve\n") == ((2, "na�ve"),)
    assert added(None, b"\xfe\xfd\n\x01\x7f\x1b\n")[1][0] == 2
    assert added(b"\xe9\n", b"\xe8\n") == ((1, "�"),)  # compared as bytes


def test_line_ends() -> None:
    assert added(b"one\ntwo\n", b"one\r\ntwo\r\n") == ((1, "one"), (2, "two"))
    assert added(b"one", b"one\n") == ((1, "one"),)
    assert added(None, b"old\rmac\r") == ((1, "old\rmac"),)


PIECES = st.lists(st.sampled_from([b"a", b"b", b"", b"caf\xe9", b"-- a", b"+ b", b"@@ -1 +1 @@", b"\\ x", b"\x1f\xff"]))


@settings(max_examples=60)
@given(old=PIECES, new=PIECES, ends=st.sampled_from([b"\n", b"\r\n"]), last=st.booleans())
def test_it_is_what_git_shows(repo: Repo, old: list[bytes], new: list[bytes], ends: bytes, last: bool) -> None:
    before, after = ends.join(old), ends.join(new) + (ends if last else b"")
    # Two diffs may differ in which of two equal lines is the new one: the lines that each adds are the same.
    expected = by_git(repo, before, after)
    found = added(before, after)
    assert [text for _, text in found] == [line.decode("utf-8", "replace").removesuffix("\r") for _, line in expected]
    assert len({number for number, _ in found}) == len(found)
    every = dict(lines(after))
    assert all(every[number] == text for number, text in found)


def test_large_files_are_compared_line_by_line(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(module, "LARGE", 1000)
    random = Random(seed)
    old = [b"line %d" % random.randrange(10**9) for _ in range(100)]
    new = [*old[:50], b"fresh", *old[50:], old[3]]
    assert added(b"\n".join(old), b"\n".join(new)) == ((51, "fresh"),)


def test_one_line_of_ten_megabytes(tmp_path: Path) -> None:
    data = b"x" * (10 << 20)
    assert [(number, len(text)) for number, text in added(data, data + b"y\nz")] == [(1, len(data) + 1), (2, 1)]
