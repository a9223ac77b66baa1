"""What is edited, stashed or staged after a push that arrived unsaid, died with its crossing, or was refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.pushback.outcome import Take
from gitferry.pushback.undo import undo
from gitferry.repos.content import FILE, File
from gitferry.tests.integration.simulation_faults import Ferry
from gitferry.tests.pushback.adversary import both_have, remote_keeps
from gitferry.tests.pushback.broken_line import Breaking, untold
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import BOTH, LINES, NAME, OURS, OURS_FAR, THEIRS, answer, at_line, both_change
from gitferry.tests.repo import Repo

ON = at_line(1, "ours, and on")  # the line that both had changed


@pytest.fixture
def here(clone: Callable[..., Repo]) -> Ferry:
    """A clone whose line to the remote breaks where a push is not answered."""
    side = Ferry(clone("here"), line=Breaking())
    healthy(side.sync())
    return side


def under(side: Side, strategy: str) -> None:
    side.pushback["conflict_strategy"] = strategy


# -- it arrived, and nobody said so


@pytest.mark.parametrize("strategy", ["fail", "take_remote"])
def test_an_edit_goes_on_from_a_push_that_arrived_untold(here: Ferry, there: Side, remote: Repo, strategy: str) -> None:
    both_change(here, there, OURS)
    under(here, "take_local")
    untold(here, here.sync)
    remote_keeps(remote, NAME, OURS)
    here.repo.write(NAME, ON)
    under(here, strategy)
    healthy(here.sync())
    assert here.repo.read(NAME) == ON
    remote_keeps(remote, NAME, ON)


def test_an_edit_goes_on_from_an_answer_that_arrived_untold(here: Ferry, there: Side, remote: Repo) -> None:
    both_change(here, there, OURS)
    seen = here.sync()
    untold(here, lambda: answer(here, seen, Take.LOCAL))
    here.repo.write(NAME, ON)
    healthy(here.sync())
    remote_keeps(remote, NAME, ON)


def test_an_edit_goes_on_from_a_merge_that_arrived_untold(here: Ferry, there: Side, remote: Repo) -> None:
    both_change(here, there, OURS_FAR)
    under(here, "merge")
    untold(here, here.sync)
    here.repo.write(NAME, here.repo.read(NAME).replace("ours", "ours, and on"))
    healthy(here.sync())
    remote_keeps(remote, NAME, at_line(7, "ours, and on", THEIRS))
    assert here.repo.read(NAME) == at_line(7, "ours, and on", THEIRS)


def test_a_deletion_that_others_took_back_is_not_made_again(here: Ferry, there: Side, remote: Repo) -> None:
    both_have(here, there, {"other.md": "other\n"})
    here.repo.delete("other.md")
    untold(here, here.sync)
    healthy(there.sync())
    there.repo.git("revert", "--no-edit", "HEAD")
    healthy(there.sync())
    healthy(here.sync())
    remote_keeps(remote, "other.md", "other\n")
    assert here.repo.read("other.md") == "other\n"


def test_an_edit_does_not_bring_back_what_others_reverted(here: Ferry, there: Side, remote: Repo) -> None:
    both_have(here, there, {NAME: LINES})
    here.repo.write(NAME, at_line(1, "a secret"))
    untold(here, here.sync)
    healthy(there.sync())
    there.repo.git("revert", "--no-edit", "HEAD")
    healthy(there.sync())
    here.repo.write(NAME, at_line(7, "and on", at_line(1, "a secret")))
    under(here, "merge")
    here.sync()
    assert b"a secret" not in remote.tree("main")[NAME]
    assert "and on" in here.repo.read(NAME)


def dead(side: Ferry) -> None:
    """Cross, and die when the push is there and git was not told yet."""
    tracking = "refs/remotes/origin/main"
    known = side.repo.tip(tracking)
    assert killed_at(side, "push.sent") is None
    side.repo.git("update-ref", tracking, known)


@pytest.mark.parametrize("send", [lambda side: untold(side, side.sync), dead], ids=["untold", "died"])
def test_a_save_before_the_next_fetch_goes_on_from_such_a_push(
    here: Ferry, there: Side, remote: Repo, send: Callable[[Ferry], None]
) -> None:
    both_change(here, there, OURS)
    under(here, "take_local")
    send(here)
    here.repo.write(NAME, ON)
    under(here, "take_remote")
    here.save(NAME)
    healthy(here.sync())
    remote_keeps(remote, NAME, ON)
    assert here.repo.read(NAME) == ON


# -- it arrived, and we died


@pytest.mark.parametrize("strategy", ["merge", "take_local"])
def test_a_stash_after_a_crash_after_the_push_of_a_merge_reverts_nothing(
    here: Ferry, there: Side, remote: Repo, strategy: str
) -> None:
    both_change(here, there, OURS_FAR)
    under(here, "merge")
    assert killed_at(here, "push.sent") is None
    remote_keeps(remote, NAME, BOTH)
    here.repo.git("stash", "-q")
    under(here, strategy)
    healthy(here.sync())
    remote_keeps(remote, NAME, BOTH)
    assert here.repo.read(NAME) == BOTH


def test_a_restore_after_a_crash_after_the_push_of_an_answer_reverts_nothing(
    here: Ferry, there: Side, remote: Repo
) -> None:
    both_change(here, there, OURS)
    seen = here.sync()
    given = at_line(1, "theirs and ours")
    files = {NAME: File(FILE, given.encode())}
    assert killed_at(here, "push.sent", 1, lambda: answer(here, seen, Take.GIVEN, files=files)) is None
    remote_keeps(remote, NAME, given)
    here.repo.git("checkout", "--", NAME)
    under(here, "take_local")
    healthy(here.sync())
    remote_keeps(remote, NAME, given)


# -- it was refused


def test_what_is_staged_after_a_refused_undo_stays_staged(here: Ferry, there: Side, remote: Repo) -> None:
    both_have(here, there, {NAME: LINES, "other.md": "other\n"})
    here.repo.write(NAME, OURS)
    done = healthy(here.sync()).operation
    assert done is not None
    refusing = remote.hook("pre-receive", "echo not today >&2; exit 1")
    assert undo(here.settings, done.id, host=here.host).error is not None
    refusing.unlink()
    here.repo.write(NAME, LINES)
    here.repo.git("add", NAME)
    here.repo.write("other.md", "unrelated\n")
    index = here.repo.git("ls-files", "--stage", NAME)
    here.sync()
    assert here.repo.git("ls-files", "--stage", NAME) == index
    remote_keeps(remote, NAME, OURS)
