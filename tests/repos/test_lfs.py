"""Pointers to large files are recognised by their format, and a missing git-lfs is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitferry.repos import lfs
from gitferry.repos.content import FILE, SUBMODULE, Entry
from gitferry.repos.git import Git
from gitferry.repos.objects import Objects
from gitferry.tests.repo import Repo

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"


def test_pointers_are_told_from_files_that_quote_one(tmp_path: Path) -> None:
    objects = Objects(Repo.init(tmp_path / "repo").path(".git"))

    def entry(data: bytes) -> Entry:
        return Entry(FILE, objects.write_blob(data))

    assert lfs.has_pointers(objects, [entry(b"x"), entry(POINTER)])
    assert not lfs.has_pointers(objects, [entry(b"about: " + POINTER), entry(POINTER + b"x" * 2000)])
    assert not lfs.has_pointers(objects, [Entry(SUBMODULE, "1" * 40)])


def test_an_upload_that_fails_says_so(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    repo.write("a", "a")
    tip = repo.commit("one")
    with pytest.raises(lfs.NotUploaded, match="git-lfs could not send"):
        lfs.upload(Git(repo.root), "nowhere", "main", tip, "f" * 40, deadline=20)


def saying(repo: Repo, script: str) -> Git:
    """git, whose git-lfs does and says what no server can be made to do at will."""
    program = repo.root.parent / "bin" / "git-lfs"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Git(repo.root, environ={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"})


def test_an_upload_that_its_server_refuses_is_told_from_one_that_is_away(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    repo.write("a", "a")
    tip = repo.commit("one")
    told = {
        "exit 2": False,
        "echo 'batch response: you may not' >&2; exit 2": False,
        "echo 'Unable to push locked files: a - Someone'; exit 2": False,
        "echo 'batch response: Post \"http://x\": dial tcp 127.0.0.1:9: connect: connection refused' >&2; exit 2": True,
        "echo 'batch response: Fatal error: down' >&2; exit 2": True,
    }
    for script, passing in told.items():
        with pytest.raises(lfs.NotUploaded) as caught:
            lfs.upload(saying(repo, script), "nowhere", "main", tip, None, deadline=20)
        assert caught.value.retry is passing, script
        assert script.partition("'")[2].partition("'")[0][:12] in caught.value.title


def test_an_upload_that_takes_too_long_goes_on_later(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    repo.write("a", "a")
    with pytest.raises(lfs.NotUploaded, match=r"0\.3 s") as caught:
        lfs.upload(saying(repo, "exec sleep 600"), "nowhere", "main", repo.commit("one"), None, deadline=0.3)
    assert caught.value.retry


def test_a_pointer_in_any_commit_that_goes_counts(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    repo.write("a", "a")
    old = repo.commit("one")
    repo.write("big", POINTER)
    first = repo.commit("two")
    repo.delete("big")
    new = repo.commit("three")
    objects = Objects(repo.path(".git"))
    assert lfs.carries_pointers(objects, new, old)
    assert lfs.carries_pointers(objects, first, None)
    assert not lfs.carries_pointers(objects, new, first)
    assert not lfs.carries_pointers(objects, old, None)
    objects.close()
