"""An undo reverts what it undoes and nothing beside it, also where the remote went on or said nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.pushback.outcome import Outcome, State
from gitferry.pushback.undo import undo
from gitferry.tests.integration.simulation_faults import Ferry
from gitferry.tests.pushback.adversary import remote_keeps
from gitferry.tests.pushback.broken_line import Breaking, untold
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import BOTH, NAME, OURS, OURS_FAR, THEIRS, at_line, both_change
from gitferry.tests.repo import Repo


@pytest.fixture
def here(clone: Callable[..., Repo]) -> Ferry:
    """A clone whose line to the remote can be cut."""
    side = Ferry(clone("here"))
    healthy(side.sync())
    return side


def back(side: Side, outcome: Outcome) -> Outcome:
    """Undo what an outcome did."""
    assert outcome.operation is not None
    return undo(side.settings, outcome.operation.id, host=side.host)


def test_an_edit_after_the_undo_of_a_merge_that_the_remote_went_on_from_reverts_nothing(
    here: Ferry, there: Side, remote: Repo
) -> None:
    both_change(here, there, OURS_FAR)
    here.pushback["conflict_strategy"] = "merge"
    merged = healthy(here.sync())
    healthy(there.sync())
    there.repo.write(NAME, at_line(4, "theirs, later", BOTH))
    healthy(there.sync())
    back(here, merged)
    here.sync()
    assert here.repo.read(NAME) == OURS_FAR
    here.repo.write(NAME, at_line(8, "edited on", OURS_FAR))
    here.sync()
    kept = remote.tree("main")[NAME].decode().splitlines()
    assert (kept[1], kept[4]) == ("theirs", "theirs, later")
    assert "edited on" in here.repo.read(NAME)


def test_an_undo_whose_push_arrived_untold_is_told_as_done(here: Ferry, there: Side, remote: Repo) -> None:
    both_change(here, there, OURS)
    here.pushback["conflict_strategy"] = "take_local"
    taken = healthy(here.sync())
    assert untold(here, lambda: back(here, taken)).error is None
    for _ in range(2):
        assert here.repo.read(NAME) == OURS
        remote_keeps(remote, NAME, THEIRS)
        here.pushback["conflict_strategy"] = "fail"
        here.sync()


def test_an_undo_that_nobody_could_ask_after_waits_and_loses_nothing(here: Ferry, there: Side, remote: Repo) -> None:
    both_change(here, there, OURS)
    here.pushback["conflict_strategy"] = "take_local"
    taken = healthy(here.sync())
    here.line = Breaking()
    outcome = untold(here, lambda: back(here, taken))
    assert (outcome.state, outcome.offline) == (State.WAITING, True)
    here.pushback["conflict_strategy"] = "fail"
    for _ in range(2):
        assert here.repo.read(NAME) == OURS
        here.sync()
        remote_keeps(remote, NAME, THEIRS)
