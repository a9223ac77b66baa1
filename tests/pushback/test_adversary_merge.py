"""A merge is a file that every reader takes as both sides meant it, its comments where they were."""

from __future__ import annotations

import yaml

from gitferry.pushback.structure import merge_text
from gitferry.tests.pushback.adversary import both_have, remote_keeps
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

MANIFEST = "name: t\nversion: '1'\na:\n  k:\n  - x1\n  - x2\n  - x3\n  - x4\n  - x5\nz: 1\n"


def test_a_merge_that_would_break_the_manifest_is_a_conflict(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"t/task.yaml": MANIFEST})
    theirs, ours = MANIFEST.replace("  - x5\n", "  - x5\n  m: 1\n"), MANIFEST.replace("  k:\n", "")
    assert yaml.safe_load(ours)["a"] and yaml.safe_load(theirs)["a"]["m"] == 1
    there.repo.write("t/task.yaml", theirs)
    healthy(there.sync())
    here.repo.write("t/task.yaml", ours)
    here.pushback["conflict_strategy"] = "merge"
    assert here.task(here.sync(), "t").push_status == "conflict"
    assert here.repo.read("t/task.yaml") == ours
    remote_keeps(remote, "t/task.yaml", theirs)


def test_a_new_key_stays_below_the_comment_that_heads_the_file() -> None:
    base = b"# comment 1\n\nk1: 1\nk3: 1\n"
    ours = b"# comment 1 changed\n\nk3: 1\n"
    theirs = b"# comment 1\n\n\nk1: 1\nn2: new\nk3: z # t\n"
    merged = merge_text("task.yaml", base, ours, theirs)
    assert merged is None or merged.startswith(b"# comment 1 changed\n")
