"""The real pre-commit, which stashes and checks out in the tree that it is started in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.tests.repo import Repo
from gitferry.tests.repos.hooking import Hooked, a_hooked_repository, everything

CONFIG = """\
repos:
- repo: local
  hooks:
  - {id: strip, name: strip blanks, language: system, entry: sed -i "s/ *$//", types: [text]}
  - {id: no-todo, name: nothing left to do, language: pygrep, entry: TODO, types: [text]}
  - {id: ticket, name: a ticket, language: system, entry: grep -q PROJ-, stages: [commit-msg]}
  - {id: test, name: tests, language: system, entry: test -e tested, pass_filenames: false, stages: [pre-push]}
"""


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Hooked]:
    with a_hooked_repository(tmp_path / "work") as hooked:
        repo = hooked.repo
        repo.write(".pre-commit-config.yaml", CONFIG)
        repo.commit("checks")
        kinds = ("pre-commit", "commit-msg", "pre-push")
        options = [word for kind in kinds for word in ("--hook-type", kind)]
        command = [sys.executable, "-m", "pre_commit", "install", *options]
        subprocess.run(command, cwd=repo.root, check=True, capture_output=True)
        yield hooked


@pytest.fixture
def repo(hooked: Hooked) -> Repo:
    return hooked.repo


def test_pre_commit_decides_and_the_user_s_edits_stay(repo: Repo, hooked: Hooked) -> None:
    repo.write("a", "edited while it runs   \n")
    repo.write("untracked", "TODO\n")
    trees = {content: hooked.tree({"b": content}) for content in ("done   \n", "TODO\n", "done\n")}
    parents, before = [repo.head], everything(repo)

    def ask(content: str, message: str = "PROJ-1 b\n"):  # type: ignore[no-untyped-def]
        return hooked.hooks.for_commit(trees[content], parents=parents, branch="main", message=message)

    failed = ask("done   \n").failed
    assert "strip blanks" in failed.output and "files were modified by this hook" in failed.output
    assert failed.proposal.files == ("b",) and "+done\n" in failed.proposal.patch
    failed = ask("TODO\n").failed
    assert "b:1:TODO" in failed.output and failed.proposal is None
    failed = ask("done\n", "no ticket\n").failed
    assert failed.hook == "commit-msg" and "a ticket" in failed.output
    verdict = ask("done\n")
    assert verdict.failed is None and [ran.hook for ran in verdict.ran] == ["pre-commit", "commit-msg"]
    assert everything(repo) == before


def test_pre_commit_before_a_push(repo: Repo, hooked: Hooked) -> None:
    old = repo.head
    repo.git("update-ref", "refs/remotes/origin/main", old)
    new = repo.git("commit-tree", "-p", old, "-m", "two", hooked.tree({"b": "2\n"}))
    failed = hooked.push(new, old=old).failed
    assert failed is not None and "tests" in failed.output
    tested = repo.git("commit-tree", "-p", new, "-m", "three", hooked.tree({"tested": ""}))
    assert hooked.push(tested, old=old).failed is None
