"""Where else a task's content may be kept: stashes, their untracked part, other branches."""

from __future__ import annotations

from collections.abc import Callable

from gitferry.repos.objects import Objects
from gitferry.repos.stashes import other_trees
from gitferry.tests.repo import Repo


def kept(repo: Repo, name: str) -> set[bytes]:
    objects = Objects(repo.path(".git"))
    trees = other_trees(objects, "main", objects.ref("refs/remotes/origin/main"))
    found = {objects.blob(entry.oid) for tree, *_ in trees if (entry := objects.file_at(tree, name)) is not None}
    objects.close()
    return found


def test_a_stash_and_its_untracked_part_are_found(clone: Callable[..., Repo]) -> None:
    repo = clone("here")
    repo.write("tracked.md", "1\n")
    repo.commit("one")
    repo.push()
    repo.write("tracked.md", "stashed\n")
    repo.write("new.md", "untracked\n")
    repo.git("stash", "--include-untracked")
    assert b"stashed\n" in kept(repo, "tracked.md")
    assert kept(repo, "new.md") == {b"untracked\n"}


def test_another_branch_counts_until_upstream_has_it(clone: Callable[..., Repo]) -> None:
    repo = clone("here")
    repo.git("switch", "-q", "-c", "side")
    repo.write("side.md", "side\n")
    repo.commit("side")
    repo.git("switch", "-q", "main")
    assert kept(repo, "side.md") == {b"side\n"}
    repo.git("merge", "-q", "side")
    repo.push()
    assert kept(repo, "side.md") == set()
