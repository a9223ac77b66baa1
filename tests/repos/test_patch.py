"""Differences as git prints them, whatever the repository's settings say."""

from __future__ import annotations

from pathlib import Path

from gitferry.repos.git import Git
from gitferry.repos.patch import patch
from gitferry.tests.repo import Repo


def test_it_is_gits_without_the_repositorys_own_programs(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    repo.write_all({"*.md": "one\n", "b.md": "one\n", ".gitattributes": "*.md diff=own\n"})
    old = repo.commit("one")
    repo.write("*.md", b"tw\xe9\n")
    repo.write("b.md", "two\n")
    new = repo.commit("two")
    repo.git("config", "diff.own.textconv", "false")
    repo.git("config", "diff.own.command", "false")
    repo.git("config", "color.diff", "always")
    git = Git(repo.root)
    whole = patch(git, old, new)
    assert "-one\n+tw\ufffd\n" in whole and "-one\n+two\n" in whole
    assert patch(git, old, new, ["b.md"]) == whole[whole.index("diff --git a/b.md") :]
    assert patch(git, old, new, ["*.md"]) == whole[: whole.index("diff --git a/b.md")]
    assert patch(git, old, old) == ""
