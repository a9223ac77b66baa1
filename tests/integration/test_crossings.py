"""Edits cross between two clones behind real servers: twenty on both sides, a half-staged file, a stash."""

from __future__ import annotations

import random
from pathlib import Path

from gitferry.tests import samples
from gitferry.tests.integration.servers import Server
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo


def edit(repo: Repo, chance: random.Random, number: int) -> None:
    """Do one of the things a user does to a task; each names its own files, so that no two edits conflict."""
    task = samples.TASKS[number % len(samples.TASKS)].directory
    kind = chance.choice(["edit", "add", "addition", "rename", "delete", "mode", "loose"])
    if kind == "addition":
        repo.write(f"tasks/new-{number}/metadata.json", f'{{"name": "new-{number}", "version": "0.{number}.0"}}\n')
        repo.write(f"tasks/new-{number}/main.js", f"// {number}\n")
    elif kind == "rename" and repo.exists(f"tasks/new-{number - 4}/main.js"):
        repo.path(f"tasks/new-{number - 4}/main.js").rename(repo.path(f"tasks/new-{number - 4}/renamed.js"))
    elif kind == "delete" and repo.exists(f"tasks/new-{number - 6}/metadata.json"):
        for name in [path for path in repo.worktree() if path.startswith(f"tasks/new-{number - 6}/")]:
            repo.delete(name)
    elif kind == "mode":
        repo.write(f"{task}/run-{number}.sh", "#!/bin/sh\n", executable=True)
    elif kind == "loose":
        repo.write(f"notes/{number}.md", f"note {number}\n")
    else:
        repo.write(f"{task}/extra-{number}.txt", f"{number}\n" * chance.randint(0, 40))


def whole(repo: Repo) -> None:
    """Assert that every commit gitferry made carries whole tasks: none lacks the manifest it has before and after."""
    for commit in repo.commits("main"):
        paths = repo.tree(commit).keys()
        manifests = ("/metadata.json", "/task.yaml", "/task.yml", "/meta.yaml")
        directories = {path.rpartition("/")[0] for path in paths if path.endswith(manifests)}
        for path in paths:
            if path.startswith("tasks/new-"):
                assert path.rpartition("/")[0] in directories, (commit, path)


def test_twenty_mixed_edits_on_both_sides_end_in_equal_trees(
    server: Server, remote: Repo, tmp_path: Path, seed: int
) -> None:
    here = Side(Repo.clone(server.url(remote), tmp_path / "here"))
    there = Side(Repo.clone(server.url(remote), tmp_path / "there"))
    chance = random.Random(seed)
    sides = (here, there)
    for side in sides:
        healthy(side.sync())
    for number in range(20):
        side = sides[number % 2]
        edit(side.repo, chance, number)
        if chance.random() < 0.7:
            healthy(side.save(*side.repo.worktree()) if chance.random() < 0.5 else side.sync())
    for side in (*sides, *sides):
        healthy(side.sync())
    for side in sides:
        assert side.repo.worktree() == remote.tree("main")
        assert side.repo.head == remote.tip("main")
        assert side.repo.status() == ""
        side.repo.fsck()
    assert remote.is_linear("main")
    whole(remote)
    remote.fsck()


def test_a_half_staged_file_and_a_stash_are_untouched_by_ten_crossings(
    server: Server, remote: Repo, tmp_path: Path
) -> None:
    here = Side(Repo.clone(server.url(remote), tmp_path / "here"))
    there = Side(Repo.clone(server.url(remote), tmp_path / "there"))
    here.repo.write("half.md", "".join(f"{number}\n" for number in range(40)))
    here.repo.write("stashed.md", "base\n")
    for side in (here, there):
        healthy(side.sync())
    here.repo.write("stashed.md", "kept for later\n")
    here.repo.git("stash")
    here.repo.write("half.md", "first\n" + "".join(f"{number}\n" for number in range(1, 39)) + "last\n")
    here.repo.git("add", "-p", "half.md", stdin="y\nn\n")
    file, index = here.repo.read_bytes("half.md"), here.repo.git("ls-files", "-s", "half.md")
    stash = here.repo.git("rev-parse", "refs/stash")
    assert here.repo.git("diff", "--cached", "--name-only") == here.repo.git("diff", "--name-only") == "half.md"
    for number in range(5):
        here.repo.write(f"here-{number}.md", "h\n")
        there.repo.write(f"there-{number}.md", "t\n")
        there.sync()
        outcome = here.sync()
        assert here.task(outcome, "half.md").push_status == "pending"
        here.sync()
    assert here.repo.read_bytes("half.md") == file
    assert here.repo.git("ls-files", "-s", "half.md") == index
    assert here.repo.git("rev-parse", "refs/stash") == stash
    assert {f"here-{n}.md" for n in range(5)} | {f"there-{n}.md" for n in range(5)} <= remote.tree("main").keys()
    assert here.repo.exists("there-4.md")
