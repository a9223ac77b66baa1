"""What gitferry commits is, object for object, what git would: over random attributes, settings, names and contents.

Whatever is not so is named in the outcome and stays as the remote has it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import assume, event, given, settings

from gitferry.pushback.outcome import Outcome, PushStatus
from gitferry.tests.pushback.git_states import Scene, scenes
from gitferry.tests.pushback.kit import Side
from gitferry.tests.pushback.same_tree import (
    Committed,
    Entries,
    World,
    build,
    by_git,
    directory,
    edited_for_git,
    seen,
    unedited,
)

REFUSED = (PushStatus.FAILED, PushStatus.PENDING)
ROUNDS = 3  # of syncs, until one pushes nothing


def check(scene: Scene) -> None:
    """Push what was done in one clone, pull it in another, and compare both with what git does."""
    with directory() as root:
        world = build(scene, root)
        assume(world is not None)
        assert world is not None
        here, there = (Side(repo, trusted=scene.trusted) for repo in (world.here, world.there))
        tree = world.here.worktree()
        for _ in range(ROUNDS):
            before, tip, expected = world.remote.entries("main"), world.remote.tip("main"), by_git(world)
            outcome = here.sync(all_tasks=True, by_hand=True)
            assert list(differences(world, before, expected, outcome)) == [], outcome
            assert world.here.worktree() == tree, "pushing changes no file"
            if world.remote.tip("main") == tip:
                break
        tip = world.remote.tip("main")
        outcome = there.sync()
        edited = set[str]()
        if world.third.try_git("pull", "--quiet", "--ff-only").returncode == 0:
            assert list(misses(world, outcome)) == [], outcome
            edited = edited_for_git(world.third)
        there.sync()
        pushed = set(world.remote.changed("main")) if world.remote.tip("main") != tip else set[str]()
        assert pushed <= edited, "nobody edited anything there"
        for repo in (world.here, world.there, world.remote):
            repo.fsck()


def differences(world: World, before: Entries, expected: Committed, outcome: Outcome) -> Iterator[str]:
    """Yield what is not as git would have committed it and not refused either."""
    after, refused = world.remote.entries("main"), reasons(outcome)
    assert outcome.error is None
    for path in sorted(before.keys() | after.keys() | expected.entries.keys() | expected.refused.keys()):
        mine, gits = after.get(path), expected.entries.get(path)
        if unedited(world, path) and mine in (before.get(path), gits, expected.again.get(path)):
            continue  # it is no edit that git, where it looks again, makes another file of it
        if mine == gits and path not in expected.refused:
            event("as git commits it" if mine != before.get(path) else "unchanged")
        elif mine != before.get(path):
            yield f"{path!r}: {mine}, before {before.get(path)}, git {expected.refused.get(path, gits)}"
        elif path not in refused:
            yield f"{path!r}: neither carried nor named; git {expected.refused.get(path, gits)}"
        else:
            event("refused: " + refused[path][:40])


def misses(world: World, outcome: Outcome) -> Iterator[str]:
    """Yield what is not on the disk as `git pull` brings it to the third clone and not refused either."""
    refused = reasons(outcome)
    for path in sorted(world.there.worktree().keys() | world.third.worktree().keys()):
        mine, gits = seen(world.there, path), seen(world.third, path)
        if mine != gits and path not in refused:
            yield f"{path!r}: {mine}, git {gits}"


def reasons(outcome: Outcome) -> dict[str, str]:
    """Return why tasks did not travel."""
    return {task.path: task.reason for task in outcome.tasks if task.push_status in REFUSED and task.reason}


@pytest.mark.soak
@settings(max_examples=settings().max_examples // 4)  # each is half a second of git
@given(scenes())
def test_it_is_the_tree_that_git_would_commit(scene: Scene) -> None:
    check(scene)
