"""Directories with a manifest, told from a root tree."""

from __future__ import annotations

from pathlib import Path

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
