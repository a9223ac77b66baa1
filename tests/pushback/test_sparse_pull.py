"""Whatever a sparse checkout's patterns and whatever the remote changes, a pull leaves what `git pull` leaves."""

from __future__ import annotations

import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitferry.repos.content import FILE, Entry
from gitferry.repos.objects import EMPTY_TREE, Objects, Person
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.sparse_sides import same_as_git
from gitferry.tests.repo import Repo
from gitferry.tests.repos import sparse_examples as examples

WRITER, AT = Person("Test Person", "test@example.org"), datetime(2026, 1, 2, tzinfo=UTC)

ANY_LINES = st.lists(examples.lines, max_size=4).map(lambda some: ["/*", *some]) | examples.nearly_cones


@pytest.mark.soak
@settings(
    max_examples=max(settings().max_examples // 10, 1), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    scene=st.tuples(ANY_LINES, examples.trees, examples.trees)
    | st.tuples(examples.crowded_lines, examples.crowded_trees, examples.crowded_trees),
    cone=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_whatever_the_patterns_a_pull_leaves_what_git_pull_leaves(
    tmp_path: Path, scene: tuple[list[str], list[str], list[str]], cone: bool, seed: int
) -> None:
    lines, before, after = scene
    root = Path(tempfile.mkdtemp(dir=tmp_path))
    remote, pick = Repo.init(root / "remote.git", "--bare"), random.Random(seed)
    writer = Objects(remote.root)

    def publish(paths: list[str], *parents: str) -> str:
        entries = {path: Entry(FILE, writer.write_blob(pick.choice([b"1\n", b"2\n"]))) for path in paths}
        tree = writer.apply(EMPTY_TREE, dict(entries))
        commit = writer.write_commit(tree, parents, "x\n", author=WRITER, committer=WRITER, at=AT)
        remote.git("update-ref", "refs/heads/main", commit)
        return commit

    first = publish(before)
    clones = [Repo.clone(remote.root, root / name, "--no-checkout") for name in ("here", "git")]
    for made in clones:
        made.git("config", "core.sparseCheckout", "true")
        made.git("config", "core.sparseCheckoutCone", str(cone).lower())
        made.path(".git/info/sparse-checkout").write_text("\n".join(lines))
        made.git("read-tree", "-mu", "HEAD")
    here, git = Side(clones[0]), clones[1]
    healthy(here.sync())
    publish(after, first)
    healthy(here.sync())
    git.pull("--ff-only")
    git.git("read-tree", "-mu", "HEAD")  # a pull takes a file for the directory that stood there; the next one does not
    same_as_git(here, git)
