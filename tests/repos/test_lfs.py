"""Pointers to large files are recognised by their format, and a missing git-lfs is said."""

from __future__ import annotations

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
