"""The branches of a repository's other working trees."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gitferry.repos.state import locate
from gitferry.repos.worktrees import branches_elsewhere
from gitferry.tests.repo import Repo


def elsewhere(root: Path) -> frozenset[str]:
    return branches_elsewhere(locate(root, os.environ))


def test_each_sees_the_branches_of_the_others(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "main", "--template=")
    repo.write("a", "1\n")
    repo.commit()
    assert elsewhere(repo.root) == frozenset()
    for name in ("one", "with/slash"):
        repo.git("worktree", "add", "-q", "-b", name, str(tmp_path / name.replace("/", "-")))
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "detached"))
    assert elsewhere(repo.root) == {"one", "with/slash"}
    assert elsewhere(tmp_path / "one") == {"main", "with/slash"}
    assert elsewhere(tmp_path / "detached") == {"main", "one", "with/slash"}
    shutil.rmtree(tmp_path / "one")
    repo.git("worktree", "prune")
    assert elsewhere(repo.root) == {"with/slash"}
