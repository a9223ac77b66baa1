"""Which ways of moving HEAD leave the files behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.repos.objects import Objects
from gitferry.repos.reflog import amended_from, left_behind, newest, was_at
from gitferry.tests.repo import Repo


@pytest.mark.parametrize(
    ("command", "behind"),
    [
        (["merge", "-q", "--ff-only", "origin/main"], False),
        (["pull", "-q"], False),
        (["rebase", "-q", "origin/main"], False),
        (["switch", "-q", "-C", "main", "origin/main"], False),
        (["reset", "-q", "--mixed", "origin/main"], True),
        (["reset", "-q", "--soft", "origin/main"], True),
        (["update-ref", "HEAD", "origin/main"], True),
    ],
)
def test_what_moved_head(clone: Callable[..., Repo], command: list[str], behind: bool) -> None:
    here, there = clone("here"), clone("there")
    there.write("new.md", "n\n")
    there.commit("theirs")
    there.push()
    here.fetch()
    before = here.head
    here.git(*command)
    assert here.head != before
    objects = Objects(here.path(".git"))
    assert left_behind(objects, before) == ((before,) if behind else ())
    objects.close()


def test_a_log_that_does_not_reach_back_tells_nothing(clone: Callable[..., Repo]) -> None:
    here = clone("here")
    objects = Objects(here.path(".git"))
    assert left_behind(objects, "1" * 40) == ("1" * 40,)
    objects.close()


def test_what_stays_behind_is_what_head_had_when_it_was_moved(clone: Callable[..., Repo]) -> None:
    here = clone("here")
    before = here.head
    for name in ("pulled", "hard", "mixed"):
        here.write(f"{name}.md", "n\n")
        here.commit(name)
    here.git("branch", "later")
    here.git("reset", "-q", "--hard", before)
    since = here.commit("since", allow_empty=True)
    here.git("switch", "-q", "--detach", "later~2")
    here.git("reset", "-q", "--hard", "later~1")
    here.git("reset", "-q", "--mixed", "later")
    objects = Objects(here.path(".git"))
    assert left_behind(objects, since) == (here.tip("later~1"), here.tip("later~2"))
    objects.close()


@pytest.mark.parametrize("command", [["stash", "-q"], ["reset", "-q"], ["branch", "-m", "other"]])
def test_what_moves_nothing_leaves_nothing_behind(clone: Callable[..., Repo], command: list[str]) -> None:
    here = clone("here")
    before = here.head
    here.commit("pulled", allow_empty=True)
    here.write("README.md", "an edit\n")
    here.git(*command)
    objects = Objects(here.path(".git"))
    assert left_behind(objects, before) == ()
    objects.close()


def test_a_log_that_begins_with_the_first_move_reaches_back(clone: Callable[..., Repo]) -> None:
    here = clone("here")
    before = here.head
    here.git("reflog", "expire", "--expire=now", "--all")
    here.commit("pulled", allow_empty=True)
    objects = Objects(here.path(".git"))
    assert left_behind(objects, before) == ()
    objects.close()


@pytest.mark.parametrize(
    ("commands", "amended"),
    [
        ([["commit", "-qa", "--amend", "-m", "x"]], True),
        ([["commit", "-qa", "--amend", "-m", "x"], ["commit", "-q", "--allow-empty", "-m", "y"]], True),
        ([["reset", "-q", "--soft", "HEAD~1"], ["commit", "-qam", "x"]], False),
        ([["reset", "-q", "--hard", "HEAD~1"]], False),
    ],
)
def test_whether_head_was_amended(clone: Callable[..., Repo], commands: list[list[str]], amended: bool) -> None:
    here = clone("here")
    here.write("new.md", "n\n")
    before = here.commit("ours")
    for command in commands:
        here.git(*command)
    objects = Objects(here.path(".git"))
    assert amended_from(objects, before) is amended
    objects.close()


@pytest.mark.parametrize("expired", [True, False])
def test_head_that_is_back_left_behind_what_it_had_meanwhile(clone: Callable[..., Repo], expired: bool) -> None:
    here = clone("here")
    first, second = here.head, here.commit("second", allow_empty=True)
    here.git("reset", "-q", "--mixed", first)
    objects = Objects(here.path(".git"))
    seen = newest(objects)
    assert newest(objects, first) == seen
    assert newest(objects, second) is None
    assert left_behind(objects, first, seen) == ()
    here.git("merge", "-q", "--ff-only", second)
    here.git("reset", "-q", "--mixed", first)
    third = here.commit("third", allow_empty=True)
    assert left_behind(objects, first, seen) == (second,)
    assert left_behind(objects, first) == ()
    if expired:
        here.git("reflog", "expire", "--expire=now", "--all")
        assert newest(objects) is None
        here.git("reset", "-q", "--mixed", second)
        assert left_behind(objects, third, seen) == (third,)
    objects.close()


def test_where_head_was(clone: Callable[..., Repo]) -> None:
    here = clone("here")
    first, second = here.head, here.commit("second", allow_empty=True)
    here.git("reset", "-q", "--hard", first)
    other = here.git("commit-tree", "-m", "other", "HEAD^{tree}")
    objects = Objects(here.path(".git"))
    assert [was_at(objects, commit) for commit in (first, second, other)] == [True, True, False]
    objects.close()
