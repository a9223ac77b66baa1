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
def test_the_state_machine_keeps_every_promise(tmp_path: Path, seed: int) -> None:
    tally = Tally()
    run_machine(seed, tmp_path, tally, examples=4, steps=10, shorten=False)
    assert tally.crossings


def test_a_seed_tells_the_same_history_twice(tmp_path: Path) -> None:
    one, two = (simulation.run(tmp_path / name, 7, steps=12) for name in ("one", "two"))
    assert one.steps == two.steps
    assert one.state() == two.state()
