"""Blobs against those that `git add` writes, and files that git does not add."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.repos import cleaning
from gitferry.repos.cleaning import Cleaned, clean
from gitferry.repos.git import Git
from gitferry.tests.repo import Repo
from gitferry.tests.repos.converting import SAMPLES, added, converting, rot


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "work", "--template=")


def cleaned(repo: Repo, *paths: str, driver: str = "") -> Cleaned:
    return clean(Git(repo.root), dict.fromkeys(paths, driver))


def test_it_writes_what_git_add_writes(repo: Repo) -> None:
    converting(repo)
    found = cleaned(repo, *SAMPLES)
    assert found.oids == added(repo, *SAMPLES)
    assert found.refused == {}
    assert all(repo.has(oid) for oid in found.oids.values())
    assert repo.git_bytes("cat-file", "blob", found.oids["secret.r"]) == b"ifmmp\n"


@pytest.mark.parametrize("autocrlf", ["true", "input", "false"])
def test_autocrlf_without_attributes(repo: Repo, autocrlf: str) -> None:
    repo.git("config", "core.autocrlf", autocrlf)
    files = {path: data for path, data in SAMPLES.items() if path.endswith(".txt")}
    repo.write_all(files)
    assert cleaned(repo, *files).oids == added(repo, *files)


def test_crlf_already_in_the_index_stays(repo: Repo) -> None:
    repo.write_all({"old.txt": "a\r\n", "id.txt": "a\r\n$Id$\r\n", "set.c": "a\r\n", "plain.txt": "a\n"})
    repo.commit("with CRLF")
    repo.write(".gitattributes", "*.txt text=auto\nid.txt ident\n*.c text\n")
    files = {"old.txt": "b\r\n", "id.txt": "b\r\n$Id: x $\r\n", "set.c": "b\r\n", "plain.txt": "b\r\n"}
    repo.write_all(files)
    index = (repo.root / ".git" / "index").read_bytes()
    oids = cleaned(repo, *files).oids
    assert (repo.root / ".git" / "index").read_bytes() == index
    assert oids == added(repo, *files)
    assert repo.git_bytes("cat-file", "blob", oids["old.txt"]) == b"b\r\n"
    assert repo.git_bytes("cat-file", "blob", oids["set.c"]) == b"b\n"


def test_crlf_in_the_index_is_seen_below_its_flags(repo: Repo) -> None:
    repo.write_all({"a.txt": "a\r\n", "b.txt": "b\r\n"})
    repo.commit("with CRLF")
    repo.write(".gitattributes", "*.txt text=auto\n")
    repo.git("update-index", "--skip-worktree", "a.txt")
    repo.git("update-index", "--assume-unchanged", "b.txt")
    repo.write_all({"a.txt": "edited\r\n", "b.txt": "edited\r\n"})
    oids = cleaned(repo, "a.txt", "b.txt").oids
    assert {repo.git_bytes("cat-file", "blob", oid) for oid in oids.values()} == {b"edited\r\n"}


def test_a_file_where_a_directory_with_crlf_was(repo: Repo) -> None:
    repo.write_all({"d/a.txt": "a\r\n", "link": "x"})
    repo.link("link.txt", "a\r\n")
    repo.commit("with CRLF")
    repo.write(".gitattributes", "* text=auto\n")
    repo.delete("d/a.txt")
    repo.delete("link.txt")
    files = {"d": "b\r\n", "link.txt": "c\r\n"}
    repo.write_all(files)
    assert cleaned(repo, *files).oids == added(repo, *files)


def test_deleted_attributes_govern_nothing(repo: Repo) -> None:
    repo.write_all({".gitattributes": "*.c eol=crlf\n", "a.c": "a\r\n"})
    repo.commit()
    repo.delete(".gitattributes")
    repo.write("a.c", "b\r\n")
    assert repo.git_bytes("cat-file", "blob", cleaned(repo, "a.c").oids["a.c"]) == b"b\r\n"


def test_nothing_asked_is_nothing_started(tmp_path: Path) -> None:
    assert clean(Git(tmp_path / "nowhere"), {}) == Cleaned()


def test_each_file_that_a_required_filter_refuses_is_named_and_no_other(repo: Repo) -> None:
    converting(repo)
    repo.git("config", "filter.rot.required", "true")
    repo.git("config", "filter.rot.clean", "grep -v bad")
    repo.write_all({"a.r": "good\n", "b.r": "bad\n", "c.r": "good too\n", "d.r": "bad\n"})
    found = cleaned(repo, "a.r", "b.r", "c.r", "d.r", "auto.txt", driver="rot")
    assert found.oids == added(repo, "a.r", "c.r", "auto.txt")
    assert set(found.refused) == {"b.r", "d.r"}
    assert found.refused["b.r"] == "git does not convert it: clean filter 'rot' failed"


@pytest.mark.parametrize("path", ["a.txt", "b.txt"])
def test_what_would_not_come_back_is_refused_where_git_refuses_it(repo: Repo, path: str) -> None:
    repo.write_all({"a.txt": "a\r\n", "b.txt": "b\n"})
    repo.commit("as they are")
    repo.git("config", "core.safecrlf", "true")
    repo.write(".gitattributes", "*.txt text=auto eol=crlf\n")
    repo.write_all({"a.txt": "edited\r\n", "b.txt": "edited\n", "c.txt": "c\r\n"})
    adds = repo.try_git("add", "--", path).returncode == 0
    repo.git("reset", "-q")
    found = cleaned(repo, path, "c.txt")
    assert (path in found.oids) is adds
    assert (path in found.refused) is not adds
    assert "c.txt" in found.oids


def test_an_encoding_that_the_file_is_not_in_is_refused(repo: Repo) -> None:
    repo.write(".gitattributes", "*.u16 working-tree-encoding=UTF-16\n*.odd working-tree-encoding\n")
    repo.write_all({"a.u16": b"no byte order mark", "b.u16": "fine".encode("utf-16"), "c.odd": "c"})
    found = cleaned(repo, "a.u16", "b.u16", "c.odd")
    assert found.oids == added(repo, "b.u16")
    assert "BOM is required" in found.refused["a.u16"]
    assert "true/false are no valid working-tree-encodings" in found.refused["c.odd"]


def test_a_vanished_file_is_refused(repo: Repo) -> None:
    repo.write("there", "1\n")
    found = cleaned(repo, "gone", "there")
    assert set(found.oids) == {"there"}
    assert "could not open 'gone'" in found.refused["gone"]


@pytest.mark.parametrize("kept", [True, False])
def test_a_filter_that_hangs_is_stopped(repo: Repo, kept: bool) -> None:
    repo.write_all({"a.slow": "a\r\n" if kept else "a\n", "b.txt": "b\r\n"})
    repo.commit()
    repo.git("config", "filter.slow.clean", "exec sleep 600")
    repo.write(".gitattributes", "*.slow filter=slow text=auto\n*.txt text\n")
    repo.write("a.slow", "edited\r\n")
    found = clean(Git(repo.root), {"a.slow": "slow", "b.txt": ""}, deadline=0.3)
    assert found.refused == {"a.slow": "the filter 'slow' had not converted it after 0.3 s and was stopped"}
    assert set(found.oids) == {"b.txt"}


def test_one_that_is_refused_keeps_no_other_whose_ends_stay(repo: Repo) -> None:
    repo.write_all({"a.r": "a\r\n", "b.r": "b\r\n"})
    repo.commit()
    rot(repo)
    repo.git("config", "filter.rot.required", "true")
    repo.git("config", "filter.rot.clean", "grep -v bad")
    repo.write(".gitattributes", "*.r filter=rot text=auto\n")
    repo.write_all({"a.r": "bad\r\n", "b.r": "good\r\n"})
    found = cleaned(repo, "a.r", "b.r", driver="rot")
    assert found.refused == {"a.r": "git does not convert it: clean filter 'rot' failed"}
    assert repo.git_bytes("cat-file", "blob", found.oids["b.r"]) == b"good\r\n"


def test_the_deadline_is_for_all_files_of_a_filter(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "DEADLINE", 0.0)
    repo.write("a.r", "a\n")
    assert "was stopped" in cleaned(repo, "a.r", driver="rot").refused["a.r"]
