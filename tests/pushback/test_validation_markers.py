"""Forgotten conflict markers: whole blocks are found wherever git's own check finds them, and nothing else is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.pushback.marker_check import blocks, forgotten, may_hold_markers
from gitferry.repos.added import added
from gitferry.tests.pushback.checking import TASK, Bench
from gitferry.tests.repo import Repo

BLOCK = "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> other\n"
DIFF3 = "<<<<<<< HEAD\nours\n||||||| base\nbase\n=======\ntheirs\n>>>>>>> other\n"
NOTES = f"{TASK}/notes.md"


def starts(text: str | bytes, size: int = 7) -> list[int]:
    return [block.first for block in blocks(text.encode() if isinstance(text, str) else text, size)]


def left(old: str | None, new: str) -> tuple[int, ...]:
    return forgotten(None if old is None else old.encode(), new.encode(), 7, added)


# -- what a block is


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (BLOCK, [1]),
        (DIFF3, [1]),
        ("a\n" + BLOCK + "b\n" + DIFF3, [2, 8]),
        (BLOCK.replace("\n", "\r\n"), [1]),
        (BLOCK.rstrip("\n"), [1]),
        ("<<<<<<<\n=======\n>>>>>>>", [1]),
        ("<<<<<<< a\n" + BLOCK, [2]),
        ("Title\n=======\n\ntext\n", []),
        ("<<<<<<< HEAD\nTitle\n=======\n", []),
        (">>>>>>> other\n=======\n<<<<<<< HEAD\n", []),
        ("<<<<<<< HEAD\n>>>>>>> other\n", []),
        (" " + BLOCK.replace("\n", "\n "), []),
        (BLOCK.replace("<<<<<<<", "<<<<<<<<"), []),
        (BLOCK.replace("=======", "======="[:6]), []),
        (BLOCK.replace("<<<<<<< ", "<<<<<<<"), []),
        ("", []),
    ],
)
def test_what_a_block_is(text: str, found: list[int]) -> None:
    assert starts(text) == found
    assert not found or may_hold_markers(text.encode())


def test_a_block_of_another_size() -> None:
    large = BLOCK.replace("<" * 7, "<" * 12).replace("=" * 7, "=" * 12).replace(">" * 7, ">" * 12)
    assert starts(large, 12) == [1]
    assert starts(large) == []
    assert may_hold_markers(large.encode())


def test_what_git_takes_for_binary_holds_no_markers() -> None:
    assert not may_hold_markers(BLOCK.encode() + b"\0")
    assert may_hold_markers(BLOCK.encode() + b"x" * 8000 + b"\0")


# -- what is new


def test_what_the_remote_has_already_is_not_ours() -> None:
    assert left(BLOCK, "a new first line\n" + BLOCK) == ()
    assert left(BLOCK + "text\n", "text\n" + BLOCK) == ()
    assert left(BLOCK, BLOCK.replace("ours", "ours, edited")) == ()
    assert left("a\n", "a\n" + BLOCK) == (2,)
    assert left(None, BLOCK) == (1,)
    assert left(BLOCK, BLOCK + "and\n" + DIFF3) == (7,)
    assert left(BLOCK, "settled\n" * 9 + DIFF3.replace("HEAD", "Updated upstream")) == (10,)


def test_a_heading_that_was_there_does_not_hide_a_conflict_around_it() -> None:
    old = "Title\n=======\ntext\n"
    assert left(old, "<<<<<<< HEAD\nTitle\n=======\nOther title\n>>>>>>> other\n=======\ntext\n") == (1,)


# -- what git says of it

LINES = st.sampled_from(
    [
        *("text", "", "<<<<<<< HEAD", "=======", ">>>>>>> other", "||||||| base", "<<<<<<<", "<<<<<<<<", "======"),
        *(" =======", "======= x", ">>>>>>>x", "=======\r", ">>>>>>> other\r", "<<<<<<< HEAD\r", "<<<<<<<\t"),
    ]
)


@pytest.fixture
def git_says(home: Path, tmp_path: Path) -> Callable[[bytes], dict[int, bytes]]:
    """`git_says(text)`: the lines in which `git diff --check` finds a marker, and what they hold."""
    repo = Repo.init(tmp_path / "checked", "--template=")
    repo.git("config", "core.whitespace", "-trailing-space,-space-before-tab,-blank-at-eof")
    empty = repo.git("hash-object", "-w", "--stdin")

    def said(text: bytes) -> dict[int, bytes]:
        oid = repo.git("hash-object", "-w", "--stdin", stdin=text)
        done = subprocess.run(
            ["git", "diff", "--check", empty, oid], cwd=repo.root, capture_output=True, timeout=60, check=False
        )
        lines = text.split(b"\n")
        found = [line.split(b":")[1] for line in done.stdout.split(b"\n") if b": leftover conflict marker" in line]
        return {int(number): lines[int(number) - 1] for number in found}

    return said


def test_git_finds_what_we_find(git_says: Callable[[bytes], dict[int, bytes]]) -> None:
    """Every line of a block that we take for a marker is one to git, and nothing that git passes is one to us."""

    @given(st.lists(LINES, max_size=14))
    def agree(lines: list[str]) -> None:
        text = "".join(line + "\n" for line in lines).encode()
        found = list(blocks(text))
        marked = git_says(text) if found else {}
        for block in found:
            assert {block.first, block.last} <= marked.keys()
            assert any(marked.get(number, b"").startswith(b"=") for number in range(block.first, block.last))

    agree()


def test_whole_blocks_are_found_where_git_finds_them(git_says: Callable[[bytes], dict[int, bytes]]) -> None:
    plain = st.text("abc =<>|\t", max_size=6).map(lambda line: "." + line + "\n")
    block = st.builds(
        lambda label, ours, base, theirs: f"<<<<<<< {label}\n{ours}{base}=======\n{theirs}>>>>>>> {label}\n",
        st.sampled_from(["HEAD", "a b", "\N{LATIN SMALL LETTER A WITH DIAERESIS}"]),
        plain,
        st.one_of(st.just(""), plain.map(lambda line: "||||||| x\n" + line)),
        plain,
    )

    @given(st.lists(st.one_of(plain, block), min_size=1, max_size=8))
    def agree(parts: list[str]) -> None:
        text = "".join(parts).encode()
        opened = [number for number, line in git_says(text).items() if line.startswith(b"<")]
        assert starts(text) == opened

    agree()


# -- in a task


@pytest.fixture
def bench(clone: Callable[..., Repo]) -> Bench:
    return Bench(clone("here"))


def test_a_forgotten_conflict_stops_its_task(bench: Bench) -> None:
    assert bench.check({NOTES: "text\n" + BLOCK, f"{TASK}/fine.md": "Title\n=======\n"}) == [
        f"stop {NOTES}:2: a conflict is not settled: its markers stand here"
    ]


def test_a_file_that_is_moved_or_no_text_has_none(bench: Bench) -> None:
    base = bench.tree({NOTES: BLOCK})
    here = bench.objects.file_at(base, NOTES)
    assert bench.check({NOTES: None, f"{TASK}/moved.md": here}, base=base) == []
    assert bench.check({NOTES: BLOCK.encode() + b"\0"}) == []


def test_the_attribute_decides_how_large_a_marker_is(bench: Bench) -> None:
    bench.repo.write(".gitattributes", "*.md conflict-marker-size=9\n")
    large = BLOCK.replace("<" * 7, "<" * 9).replace("=" * 7, "=" * 9).replace(">" * 7, ">" * 9)
    assert bench.check({NOTES: BLOCK}) == []
    assert len(bench.check({NOTES: large})) == 1
    bench.repo.write(".gitattributes", "")
    assert len(bench.check({NOTES: BLOCK})) == 1
    assert bench.check({NOTES: large}) == []


def test_a_name_that_is_no_text_is_looked_into(bench: Bench) -> None:
    path = f"{TASK}/\udcff.md"
    found = bench.findings({path: BLOCK})
    assert [(finding.rule, finding.line) for finding in found] == [("markers", 1), ("name", None)]
