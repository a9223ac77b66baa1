"""Seeded random histories, and the state machine, in every run; `make soak` goes on with seeds of its own."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gitferry.tests.integration import simulation
from gitferry.tests.integration.simulation_machine import run_machine
from gitferry.tests.integration.simulation_tally import Tally


@pytest.mark.soak
def test_a_random_history_keeps_every_promise(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed).randrange(1 << 32)
    assert simulation.run(tmp_path / "history", chosen, steps=25).steps


@pytest.mark.soak
def test_one_with_review_branches_does(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed).randrange(1 << 32)
    assert simulation.run(tmp_path / "history", chosen, steps=14, reviewed=True).steps


@pytest.mark.soak
def test_the_state_machine_keeps_every_promise(tmp_path: Path, seed: int) -> None:
    tally = Tally()
    run_machine(seed, tmp_path, tally, examples=3, steps=8, shorten=False)
    assert tally.crossings


def test_a_seed_tells_the_same_history_twice(tmp_path: Path) -> None:
    one, two = (simulation.run(tmp_path / name, 9, steps=7, reviewed=True) for name in ("one", "two"))
    told = [
        [step.replace(str(tmp_path / name), "") for step in history.steps]
        for name, history in (("one", one), ("two", two))
    ]
    assert told[0] == told[1]
    assert one.state() == two.state()
