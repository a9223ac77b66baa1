"""Attributes that arrive with the files they govern: by which rules those are written, also after a kill in between."""

from __future__ import annotations

import os

import pytest

from gitferry.pushback import checkout
from gitferry.repos import observe
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo


def test_a_file_gives_way_to_a_directory_with_attributes(here: Side, there: Side, remote: Repo) -> None:
    there.repo.write("d", "a file\n")
    healthy(there.sync())
    healthy(here.sync())
    there.repo.delete("d")
    there.repo.write_all({"d/.gitattributes": "*.txt eol=crlf\n", "d/x.txt": b"1\r\n2\r\n"})
    there.repo.commit("by hand")
    there.repo.push()
    outcome = here.sync()
    assert here.repo.worktree() == there.repo.worktree()
    healthy(outcome)
    assert here.repo.status() == ""


def swap_there(here: Side, there: Side) -> None:
    there.repo.write_all({"f": "a file\n", "d/x": "x\n", "d/e/y": "y\n", "other": "1\n", "c.txt": b"1\r\n2\r\n"})
    healthy(there.sync())
    healthy(here.sync())
    for name in ("f", "d/x", "d/e/y"):
        there.repo.delete(name)
    there.repo.write_all({"f/a": "1\n", "f/.gitattributes": "b eol=crlf\n", "f/b": b"2\r\n", "d": "now a file\n"})
    there.repo.write(".gitattributes", "*.txt text\n")
    there.repo.write("other", "2\n")
    there.repo.commit("by hand")
    there.repo.push()


def test_swaps_in_small_portions(here: Side, there: Side, remote: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "_AT_ONCE", 0)
    monkeypatch.setattr(observe, "_AT_ONCE", 0)
    swap_there(here, there)
    healthy(here.sync())
    ours, theirs = here.repo.worktree(), there.repo.worktree()
    assert {**ours, "c.txt": b""} == {**theirs, "c.txt": b""}
    assert here.repo.head == remote.tip("main")


@pytest.mark.parametrize("count", range(1, 11))
def test_killed_between_portions(
    here: Side, there: Side, remote: Repo, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(checkout, "_AT_ONCE", 0)
    swap_there(here, there)
    tip = remote.tip("main")
    if killed_at(here, "checkout.partial", count) is not None:
        pytest.skip("not that many")
    here.sync()
    healthy(here.sync())
    ours, theirs = here.repo.worktree(), there.repo.worktree()
    assert {**ours, "c.txt": b""} == {**theirs, "c.txt": b""}
    assert remote.tip("main") == tip, remote.git("show", "main")
    assert here.repo.head == tip


@pytest.mark.parametrize("strategy", ["fail", "take_local"])
def test_attributes_that_a_dead_crossing_brought_make_no_edits_here(
    here: Side, there: Side, remote: Repo, strategy: str
) -> None:
    here.pushback = {"conflict_strategy": strategy}
    there.repo.write("c.txt", b"1\r\n2\r\n")
    healthy(there.sync())
    healthy(here.sync())
    there.repo.write_all({".gitattributes": "*.txt text\n", "c.txt": b"1\r\n2\r\nof theirs\r\n"})
    there.repo.commit("by hand")
    there.repo.push()
    tip = remote.tip("main")
    assert killed_at(here, "checkout.partial", 1) is None
    assert here.repo.exists(".gitattributes") and here.repo.read_bytes("c.txt") == b"1\r\n2\r\n"
    os.utime(here.repo.path("c.txt"))  # or the index is as young as the file
    healthy(here.sync())
    assert remote.tip("main") == tip, remote.git("show", "main")
    assert "of theirs" in here.repo.read("c.txt")
