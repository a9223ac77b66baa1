"""A push moves the remote's branch from the tip that was planned with, or not at all."""

from __future__ import annotations

import pytest

from gitferry.pushback.commit import Tip
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.send import PushRefused, send
from gitferry.pushback.sides import Sides
from gitferry.repos.objects import EMPTY_TREE
from gitferry.repos.transport import NotADescendant
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

TRACKING = "refs/remotes/origin/main"


def push(ground: Ground, commit: str | None, expected: str | None) -> None:
    """Send a commit as a crossing would that saw `expected` at the remote."""
    objects, upstream = ground.objects, ground.state.upstream
    assert upstream is not None
    tree = objects.tree_of(expected)
    sides = Sides(tree, expected, tree, expected, tree, (), ())
    send(ground, upstream, sides, Tip(commit, objects.tree_of(commit) if commit else EMPTY_TREE, ()))


@pytest.fixture
def base(here: Side) -> str:
    """The tip that both the clone and the remote have."""
    return here.repo.head


@pytest.fixture
def commit(here: Side, base: str) -> str:
    here.repo.write("mine.md", "mine\n")
    return here.repo.commit("mine")


def test_an_accepted_push_moves_the_remote_and_the_tracking_ref(
    here: Side, remote: Repo, ground: Ground, base: str, commit: str
) -> None:
    push(ground, commit, base)
    assert remote.tip("main") == here.repo.tip(TRACKING) == commit


def test_a_push_that_another_one_overtook_is_stale_and_moves_nothing(
    here: Side, there: Side, remote: Repo, ground: Ground, base: str, commit: str
) -> None:
    there.repo.write("theirs.md", "theirs\n")
    healthy(there.sync())
    with pytest.raises(PushRefused) as refused:
        push(ground, commit, base)
    assert refused.value.stale
    assert remote.tip("main") == there.repo.head
    assert here.repo.tip(TRACKING) == base


def test_a_push_that_the_server_rejects_moves_nothing_and_says_its_words(
    here: Side, remote: Repo, ground: Ground, base: str, commit: str
) -> None:
    remote.hook("pre-receive", "echo not on a Friday >&2; exit 1")
    with pytest.raises(PushRefused, match="not on a Friday") as refused:
        push(ground, commit, base)
    assert not refused.value.stale
    assert refused.value.hint
    assert remote.tip("main") == here.repo.tip(TRACKING) == base


def test_a_push_whose_acknowledgement_was_lost_is_accepted(
    here: Side, remote: Repo, ground: Ground, base: str, commit: str
) -> None:
    here.repo.push(str(remote.root), f"{commit}:main")
    assert here.repo.tip(TRACKING) == base
    push(ground, commit, base)
    assert remote.tip("main") == here.repo.tip(TRACKING) == commit


def test_the_tracking_ref_follows_where_the_remotes_refspec_leaves_the_branch_out(
    here: Side, remote: Repo, base: str, commit: str
) -> None:
    here.repo.git("remote", "rename", "origin", "up/stream")
    here.repo.git("config", "remote.up/stream.fetch", "+refs/heads/other:refs/remotes/up/stream/other")
    with opened(here.settings, here.host) as ground:
        push(ground, commit, base)
    assert remote.tip("main") == here.repo.tip("refs/remotes/up/stream/main") == commit


def test_a_commit_that_lacks_what_the_remote_has_is_never_sent(
    here: Side, remote: Repo, ground: Ground, base: str, commit: str
) -> None:
    push(ground, commit, base)
    with pytest.raises(NotADescendant):
        push(ground, base, commit)
    assert remote.tip("main") == commit


def test_no_branch_is_created_where_there_is_no_commit(remote: Repo, ground: Ground, base: str) -> None:
    push(ground, None, None)
    assert remote.refs("refs/heads/") == {"refs/heads/main": base}
