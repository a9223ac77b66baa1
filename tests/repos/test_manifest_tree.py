"""Directories with a manifest, told from a root tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.repos.manifest_tree import ManifestTrees
from gitferry.repos.objects import Objects
from gitferry.tests.repo import Repo

NAMES = ("metadata.json", "task.yaml")


def test_it_says_what_the_paths_say_and_follows_a_new_commit(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    repo.write_all(
        {"metadata.json": "{}", "a/metadata.json": "{}", "a/b/task.yaml": "", "c/d/e": "", "f/metadata.json/x": ""}
    )
    repo.commit("one")
    known = ManifestTrees()
    for change in ({}, {"c/task.yaml": ""}, {"a/b/c/d/metadata.json": "{}"}):
        repo.write_all(change)
        repo.commit("next", allow_empty=True)
        objects = Objects(repo.path(".git"))
        tree = objects.tree_of(repo.head)
        wanted = {path.rpartition("/")[0] for path in repo.tree() if path.endswith(NAMES)} - {""}
        assert known.directories(objects, tree, NAMES) == wanted
        objects.close()


def test_trees_of_commits_long_past_are_forgotten_and_what_is_there_still_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitferry.repos.manifest_tree._REMEMBERED", 200)
    repo = Repo.init(tmp_path / "repo")
    repo.write_all({f"tasks/{number}/metadata.json": f"{number}" for number in range(20)})
    known = ManifestTrees()
    for number in range(40):
        repo.write("tasks/0/metadata.json", f"again {number}")
        repo.commit("next")
        objects = Objects(repo.path(".git"))
        read = list[str]()
        entries = objects.entries
        monkeypatch.setattr(
            objects, "entries", lambda tree, read=read, entries=entries: read.append(tree) or entries(tree)
        )
        assert len(known.directories(objects, objects.tree_of(repo.head), NAMES)) == 20
        assert number == 0 or len(read) == 3, "the root, the tasks, and the one that changed"
        objects.close()
    assert sum(map(len, (*known._known.values(), *known._before.values()))) <= 2 * (200 + 20)
