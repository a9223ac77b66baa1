"""HEAD was moved by something that leaves the files where they were: they are no edits of what HEAD has now."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gitferry.config.model import Watch
from gitferry.pushback.crossing import cross
from gitferry.pushback.outcome import PushStatus, Request
from gitferry.tests.pushback.adversary import both_have
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import LINES, NAME, THEIRS, at_line
from gitferry.tests.repo import Repo

FURTHER = at_line(7, "theirs too", THEIRS)

every_strategy = pytest.mark.parametrize("strategy", ["fail", "take_local", "take_remote", "merge"])


def push(side: Side, text: str) -> None:
    side.repo.write(NAME, text)
    healthy(side.sync())


def moved_over(side: Side, how: str = "--mixed") -> None:
    """Move HEAD to what the remote has, as the user does between two crossings."""
    side.repo.fetch()
    side.repo.git("reset", "-q", how, "@{upstream}")


def takes_the_remotes(side: Side, remote: Repo, strategy: str, text: str) -> None:
    side.pushback["conflict_strategy"] = strategy
    tip = remote.tip("main")
    for _ in range(2):
        healthy(side.sync())
        assert (remote.tip("main"), side.repo.read(NAME)) == (tip, text)


@every_strategy
def test_what_a_pull_had_brought_before(a: Side, b: Side, remote: Repo, strategy: str) -> None:
    push(a, THEIRS)
    b.repo.pull("-q", "--ff-only")
    push(a, FURTHER)
    moved_over(b)
    takes_the_remotes(b, remote, strategy, FURTHER)


@every_strategy
def test_what_another_reset_had_brought_before(a: Side, b: Side, remote: Repo, strategy: str) -> None:
    push(a, THEIRS)
    moved_over(b, "--hard")
    push(a, FURTHER)
    moved_over(b)
    takes_the_remotes(b, remote, strategy, FURTHER)


@every_strategy
def test_while_an_edit_of_the_task_is_in_a_stash(a: Side, b: Side, remote: Repo, strategy: str) -> None:
    push(a, THEIRS)
    b.repo.write(NAME, at_line(1, "ours"))
    assert b.task(b.sync(), NAME).push_status is PushStatus.CONFLICT
    b.repo.git("stash", "-q")
    healthy(b.sync())
    push(a, FURTHER)
    moved_over(b)
    takes_the_remotes(b, remote, strategy, FURTHER)
    b.pushback["conflict_strategy"] = "fail"
    b.repo.try_git("checkout", "-q", "stash@{0}", "--", NAME)
    b.repo.git("reset", "-q")
    assert b.task(b.sync(), NAME).push_status is PushStatus.CONFLICT


@every_strategy
@pytest.mark.parametrize("deleted", [True, False])
def test_where_the_remote_took_its_change_back(a: Side, b: Side, remote: Repo, strategy: str, deleted: bool) -> None:
    if deleted:
        a.repo.delete(NAME)
        healthy(a.sync())
    else:
        push(a, THEIRS)
    healthy(b.sync())
    push(a, LINES)
    b.repo.git("reset", "-q", "--mixed", "HEAD~1")
    takes_the_remotes(b, remote, strategy, LINES)


@every_strategy
@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("deleted", [True, False])
def test_where_head_came_back_to_what_the_last_crossing_left(
    a: Side, b: Side, remote: Repo, strategy: str, deleted: bool, on: bool
) -> None:
    both_have(a, b, {NAME: LINES, "other.md": "other\n"})
    if deleted:
        a.repo.delete(NAME)
        healthy(a.sync())
    else:
        push(a, THEIRS)
    b.repo.pull("-q", "--ff-only")
    b.repo.git("reset", "-q", "--mixed", "HEAD~1")
    if on:
        b.repo.write("other.md", "mine\n")
        b.repo.git("commit", "-qm", "mine", "other.md")
    push(a, LINES)
    b.pushback["conflict_strategy"] = strategy
    healthy(b.sync())
    assert remote.tree("main")[NAME].decode() == b.repo.read(NAME) == LINES


@pytest.mark.parametrize("strategy", ["fail", "take_remote", "merge"])
def test_an_edit_beside_what_the_remote_took_back_does_not_bring_it_again(
    a: Side, b: Side, remote: Repo, strategy: str
) -> None:
    push(a, THEIRS)
    healthy(b.sync())
    push(a, LINES)
    b.repo.git("reset", "-q", "--mixed", "HEAD~1")
    mine = at_line(7, "ours", THEIRS)
    b.repo.write(NAME, mine)
    b.pushback["conflict_strategy"] = strategy
    for _ in range(2):
        assert b.task(b.sync(), NAME).push_status is PushStatus.CONFLICT
        assert (b.repo.read(NAME), remote.tree("main")[NAME].decode()) == (mine, LINES)


@every_strategy
@pytest.mark.parametrize("command", [["stash", "-q"], ["reset", "-q"]])
def test_what_moves_head_nowhere_leaves_nothing_behind(
    a: Side, b: Side, remote: Repo, strategy: str, command: list[str]
) -> None:
    both_have(a, b, {"other.md": "other\n"})
    push(a, THEIRS)
    b.repo.pull("-q", "--ff-only")
    b.repo.write("other.md", "mine\n")
    b.repo.git("add", "other.md")
    b.repo.git(*command)
    mine = at_line(1, "theirs, and mine")
    b.repo.write(NAME, mine)
    b.pushback["conflict_strategy"] = strategy
    healthy(b.sync())
    assert remote.tree("main")[NAME].decode() == mine


@pytest.mark.parametrize("hints", [["other.md"], []])
def test_a_crossing_that_was_told_where_to_look_looks_at_all_of_it(
    a: Side, b: Side, remote: Repo, hints: list[str]
) -> None:
    both_have(a, b, {"other.md": "other\n"})
    push(a, THEIRS)
    moved_over(b)
    b.repo.write("other.md", "mine\n")
    healthy(b.save(*hints))
    healthy(b.sync())
    assert remote.tree("main")[NAME].decode() == b.repo.read(NAME) == THEIRS
    assert remote.tree("main")["other.md"] == b"mine\n"


def test_what_may_not_travel_yet_is_held_against_what_it_was_made_from(a: Side, b: Side, remote: Repo) -> None:
    mine = at_line(7, "mine" * 100)
    push(a, THEIRS)
    moved_over(b)
    b.repo.write(NAME, mine)
    b.pushback["limits"] = {"file": 100}
    assert b.task(b.sync(), NAME).push_status is PushStatus.FAILED
    b.pushback = {"conflict_strategy": "fail"}
    for _ in range(2):
        assert b.task(b.sync(), NAME).push_status is PushStatus.CONFLICT
        assert (b.repo.read(NAME), remote.tree("main")[NAME].decode()) == (mine, THEIRS)


@every_strategy
def test_where_both_had_merged_one_another(a: Side, b: Side, remote: Repo, strategy: str) -> None:
    b.repo.write("mine.md", "mine\n")
    mine = b.repo.commit("mine")
    b.repo.push("-q", "origin", f"{mine}:refs/heads/proposed")
    push(a, THEIRS)
    b.repo.pull("-q", "--no-rebase", "--no-edit")
    a.repo.fetch()
    a.repo.git("merge", "-q", "--no-edit", "origin/proposed")
    healthy(a.sync())
    push(a, FURTHER)
    moved_over(b)
    takes_the_remotes(b, remote, strategy, FURTHER)


@pytest.mark.parametrize("ahead", [True, False])
def test_a_reset_before_anything_was_agreed_is_no_matter(
    a: Side, clone: Callable[..., Repo], remote: Repo, ahead: bool
) -> None:
    healthy(a.sync())
    c = Side(clone("c"))
    push(a, THEIRS)
    moved_over(c, "--hard")
    if not ahead:
        c.repo.commit("mine", allow_empty=True)
    a.repo.write("other.md", "other\n")
    healthy(a.sync())
    if ahead:
        c.repo.fetch()
    else:
        c.repo.pull("-q", "--no-rebase", "--no-edit")
    mine = at_line(1, "theirs, and mine")
    c.repo.write(NAME, mine)
    healthy(c.sync())
    assert remote.tree("main")[NAME].decode() == mine


@every_strategy
def test_after_a_first_crossing_that_had_to_wait(
    a: Side, clone: Callable[..., Repo], remote: Repo, strategy: str
) -> None:
    healthy(a.sync())
    c = Side(clone("c"), pushback={"push_commits": False})
    c.repo.write("mine.md", "mine\n")
    c.repo.commit("mine")
    push(a, THEIRS)
    assert "push_commits" in str(c.sync().waiting_for)
    moved_over(c)
    c.pushback = {"conflict_strategy": strategy}
    healthy(c.sync())
    assert remote.tree("main")[NAME].decode() == c.repo.read(NAME) == THEIRS
    assert remote.tree("main")["mine.md"] == b"mine\n"


@pytest.fixture
def waiting(a: Side, b: Side) -> Side:
    """`b`, whose own commits stay here, after a reset and a merge that a crossing has looked at."""
    both_have(a, b, {"other.md": "other\n"})
    b.pushback = {"enabled": False}
    b.repo.commit("mine", allow_empty=True)
    b.repo.git("reset", "-q", "--soft", "HEAD~1")
    b.repo.commit("mine again", allow_empty=True)
    push(a, THEIRS)
    b.repo.pull("-q", "--no-rebase", "--no-edit")
    healthy(b.sync())
    return b


def test_what_a_crossing_has_looked_at_is_not_looked_for_at_each_save(waiting: Side) -> None:
    waiting.repo.write("another.md", "nobody told of it\n")
    waiting.repo.write("other.md", "mine\n")
    assert waiting.statuses(waiting.save("other.md")).keys() == {"other.md"}


def test_what_a_crossing_has_looked_at_makes_no_conflict_later(waiting: Side) -> None:
    waiting.repo.write(NAME, at_line(1, "theirs, and mine"))
    assert not waiting.task(waiting.sync(), NAME).in_conflict


@pytest.mark.parametrize(
    "commands",
    [
        [["fetch", "-q"], ["switch", "-q", "-C", "main", "origin/main"]],
        [["reflog", "expire", "--expire=now", "--all"], ["pull", "-q"]],
    ],
)
def test_what_took_the_files_along_left_none_behind(a: Side, b: Side, remote: Repo, commands: list[list[str]]) -> None:
    push(a, THEIRS)
    for command in commands:
        b.repo.git(*command)
    mine = at_line(1, "theirs, and mine")
    b.repo.write(NAME, mine)
    healthy(b.sync())
    assert remote.tree("main")[NAME].decode() == mine


def test_what_nobody_vouched_for_is_not_taken_while_it_is_being_saved(a: Side, b: Side, remote: Repo) -> None:
    push(a, THEIRS)
    b.repo.write("other.md", "mine\n")
    for path in (NAME, "other.md"):
        os.utime(b.repo.path(path), (time.time() - 60,) * 2)
    moved_over(b)
    b.repo.write("half.md", "half of\n")
    settings = b.settings.model_copy(update={"watch": Watch(quiet=30)})
    b.clock.now = datetime.now(UTC)
    cross(settings, Request("watch", paths=frozenset({"other.md"})), host=b.host)
    tree = remote.tree("main")
    assert "half.md" not in tree
    assert tree["other.md"] == b"mine\n"
    assert tree[NAME].decode() == b.repo.read(NAME) == THEIRS
