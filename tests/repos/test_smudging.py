"""Files against those that `git checkout` writes, and blobs that none can be made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.repos.git import Git
from gitferry.repos.smudging import MissingBlob, Smudged, Wanted, smudge
from gitferry.tests.repo import Repo
from gitferry.tests.repos.converting import SAMPLES, check_out, converting


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "work", "--template=")


def committed(repo: Repo, *paths: str, driver: str = "") -> list[Wanted]:
    """The blobs that HEAD has at these paths."""
    return [Wanted(path, repo.git("rev-parse", f"HEAD:{path}"), driver) for path in paths]


def files(repo: Repo, *wanted: Wanted) -> dict[str, bytes]:
    smudged = smudge(Git(repo.root), wanted)
    assert smudged.refused == {}
    return smudged.files


def test_it_gives_what_git_checkout_writes(repo: Repo) -> None:
    converting(repo)
    repo.commit()
    found = files(repo, *committed(repo, *SAMPLES))
    assert found == {path: check_out(repo, path) for path in SAMPLES}
    assert found["secret.r"] == b"hello\n"
    assert found["ends-lf.crlf"] == b"a\r\nb\r\n"


@pytest.mark.parametrize("autocrlf", ["true", "input", "false"])
def test_autocrlf_without_attributes(repo: Repo, autocrlf: str) -> None:
    repo.git("config", "core.autocrlf", autocrlf)
    names = [path for path in SAMPLES if path.endswith(".txt")]
    repo.write_all({name: SAMPLES[name] for name in names})
    repo.commit()
    assert files(repo, *committed(repo, *names)) == {path: check_out(repo, path) for path in names}


def test_it_reads_the_attributes_of_the_working_tree(repo: Repo) -> None:
    converting(repo)
    repo.commit()
    oid = repo.git("rev-parse", "HEAD:ends.crlf")
    repo.write(".gitattributes", "*.crlf eol=lf\n")
    assert files(repo, Wanted("ends.crlf", oid)) == {"ends.crlf": b"a\nb\n"}
    repo.write(".gitattributes", "later.x eol=crlf\n")
    assert files(repo, Wanted("later.x", oid)) == {"later.x": b"a\r\nb\r\n"}


def test_content_that_looks_like_an_answer(repo: Repo) -> None:
    repo.write_all({"a": "0" * 40 + " blob 3\nabc\n", "b": "no end", "c": "\n\n", "d": f"{'1' * 40} missing\n"})
    repo.commit()
    assert files(repo, *committed(repo, *"abcd")) == {path: repo.read_bytes(path) for path in "abcd"}


def test_a_missing_blob_is_named(repo: Repo) -> None:
    repo.write_all({"a": "1\n", " c": "1\n"})
    repo.commit()
    (a,) = committed(repo, "a")
    missing = "1" * 40
    for wanted in ([a, Wanted("b", missing)], [Wanted("b", missing), a], [a, Wanted("b", missing), a]):
        with pytest.raises(MissingBlob, match="'b'"):
            smudge(Git(repo.root), wanted)
    with pytest.raises(MissingBlob, match="' c'"):
        smudge(Git(repo.root), [Wanted(" c", missing)])


def test_a_missing_blob_before_one_that_a_filter_refuses_is_named(repo: Repo) -> None:
    repo.git("config", "filter.rot.smudge", "false")
    repo.git("config", "filter.rot.required", "true")
    repo.write_all({".gitattributes": "*.r filter=rot\n", "a": "1\n"})
    repo.commit()
    (a,) = committed(repo, "a")
    with pytest.raises(MissingBlob, match="'b'"):
        smudge(Git(repo.root), [a, Wanted("b", "1" * 40), Wanted("c.r", a.oid)])


def test_nothing_asked_is_nothing_started(tmp_path: Path) -> None:
    assert smudge(Git(tmp_path / "nowhere"), []) == Smudged()


def test_each_file_that_a_required_filter_refuses_is_named_and_no_other(repo: Repo) -> None:
    names = ["a.r", "b.r", " c.r", " d.r", "e.r", "plain"]
    repo.write_all({name: "bad\n" if name in ("b.r", " d.r") else "good\n" for name in names})
    repo.commit()
    repo.git("config", "filter.rot.smudge", "grep -v bad")
    repo.git("config", "filter.rot.required", "true")
    repo.write(".gitattributes", "*.r filter=rot\n")
    found = smudge(Git(repo.root), committed(repo, *names, driver="rot"))
    assert found.files == dict.fromkeys(["a.r", " c.r", "e.r", "plain"], b"good\n")
    reason = "git does not convert it: smudge filter rot failed"
    assert found.refused == {"b.r": reason, " d.r": reason}


def test_a_filter_that_hangs_is_stopped_and_keeps_no_other_file(repo: Repo) -> None:
    repo.write_all({"a.slow": "1\n", " b.slow": "1\n", "c.txt": "1\n"})
    repo.commit()
    repo.git("config", "filter.slow.smudge", "exec sleep 600")
    repo.write(".gitattributes", "*.slow filter=slow\n*.txt eol=crlf\n")
    wanted = [*committed(repo, "a.slow", " b.slow", driver="slow"), *committed(repo, "c.txt")]
    found = smudge(Git(repo.root), wanted, deadline=0.3)
    assert found.files == {"c.txt": b"1\r\n"}
    reason = "the filter 'slow' had not converted it after 0.3 s and was stopped"
    assert found.refused == {"a.slow": reason, " b.slow": reason}
