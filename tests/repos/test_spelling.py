"""Names that differ by case, against what `git add` records for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.repos.spelling import misspelled
from gitferry.tests.repo import Repo


def test_a_name_alone_is_spelled_as_it_is() -> None:
    assert misspelled({"A/b", "c"}, ["d", "e/f"]) == {}
    assert misspelled({"A/b"}, ["A/b", "A/c"]) == {}


def test_a_rival_may_be_a_file_a_directory_or_another_new_name() -> None:
    assert misspelled({"a"}, ["A"]) == {"a": "A"}
    assert misspelled({"Dir/new"}, ["dir/old"]) == {"Dir/new": "dir"}
    assert misspelled({"x/Y/z", "x/y/w"}, []) == {"x/Y/z": "x/y", "x/y/w": "x/Y"}


def test_letters_beyond_ascii_are_told_apart() -> None:
    assert misspelled({"\u00e9"}, ["\u00c9"]) == {}
    assert misspelled({"\udce9A"}, ["\udce9a"]) == {"\udce9A": "\udce9a"}


@pytest.mark.parametrize("new", ["docs/two", "DOCS/x/y", "\u00dcber/x"])
def test_what_is_called_misspelled_git_records_otherwise(tmp_path: Path, new: str) -> None:
    repo = Repo.init(tmp_path / "work", "--template=")
    repo.write_all({"Docs/one": "1\n", "\u00fcber/one": "1\n"})
    repo.commit()
    repo.git("config", "core.ignoreCase", "true")
    repo.write(new, "2\n")
    known = repo.entries()
    repo.git("add", "--all")
    recorded = set(repo.git("ls-files", "-z").split("\0")) - {"", *known}
    assert (recorded == {new}) is (misspelled({new}, known) == {})
