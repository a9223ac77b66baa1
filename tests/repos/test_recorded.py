"""What the index remembers of files, as git wrote it there."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gitferry.repos.git import Git
from gitferry.repos.recorded import recorded
from gitferry.tests.repo import Repo

NAMES = ("plain", "new\nline", "\ttab", os.fsdecode(b"caf\xe9"), 'q"uote', ":(glob)x", "d/e")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "work", "--template=")
    made.write_all({name: f"{name}\n".encode("utf-8", "surrogateescape") for name in NAMES})
    made.commit()
    return made


def untouched(repo: Repo, *names: str) -> set[str]:
    found = recorded(Git(repo.root), names)
    return {name for name, one in found.items() if one.untouched(repo.path(name))}


def test_every_name_is_found_with_its_blob(repo: Repo) -> None:
    found = recorded(Git(repo.root), NAMES)
    assert {name: one.oid for name, one in found.items()} == {name: oid for name, (_, oid) in repo.entries().items()}
    assert untouched(repo, *NAMES) == set(NAMES)


def test_what_was_written_since_was_touched_and_reading_touches_nothing(repo: Repo) -> None:
    repo.read("plain")
    assert untouched(repo, "plain") == {"plain"}
    repo.write("plain", "plain\n")
    os.utime(repo.path("d/e"))
    assert untouched(repo, "plain", "d/e") == set()


def test_a_file_that_was_replaced_by_one_of_its_age_was_touched(repo: Repo) -> None:
    before = repo.path("plain").stat()
    repo.write("other", "other\n")
    os.utime(repo.path("other"), ns=(before.st_atime_ns, before.st_mtime_ns))
    repo.path("other").rename(repo.path("plain"))
    assert untouched(repo, "plain") == set()


def test_what_git_looked_at_in_the_instant_in_which_it_was_written_is_doubtful(repo: Repo) -> None:
    file = repo.path("plain")
    one = recorded(Git(repo.root), ["plain"])["plain"]
    assert one.untouched(file)
    second = 1_000_000_000
    assert one.doubtful(one.changed_ns)
    assert not one.doubtful(one.changed_ns + 5 * second)
    coarse = replace(one, changed_ns=one.changed_ns // second * second)
    assert coarse.doubtful(coarse.changed_ns + second)
    assert not coarse.doubtful(coarse.changed_ns + 5 * second)


def test_what_git_found_to_be_another_content_is_doubtful_for_good(repo: Repo) -> None:
    # Attributes by which it would be another file, and an index that is written anew while the file is as young.
    one = replace(recorded(Git(repo.root), ["plain"])["plain"], size=0)
    assert one.untouched(repo.path("plain"))
    assert one.doubtful(one.changed_ns + 10**12)


def test_what_is_gone_not_tracked_or_unmerged_is_not_untouched(repo: Repo) -> None:
    repo.write("untracked", "1\n")
    repo.delete("plain")
    oid = repo.entries()["d/e"][1]
    rows = "".join(f"100644 {oid} {stage}\td/e\n" for stage in (1, 2, 3))
    repo.git("update-index", "--index-info", stdin=f"0 {'0' * 40}\td/e\n{rows}")
    assert untouched(repo, "untracked", "plain", "d/e") == set()
    assert recorded(Git(repo.root), []) == {}
