"""A few seeded random histories in every run; `make soak` repeats it with seeds of its own."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gitferry.tests.integration import simulation


@pytest.mark.soak
def test_a_random_history_keeps_every_promise(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed).randrange(1 << 32)
    assert simulation.run(tmp_path / "history", chosen, steps=40)


@pytest.mark.parametrize("chosen", [37, 964])
def test_what_was_found_once_stays_mended(tmp_path: Path, chosen: int) -> None:
    assert simulation.run(tmp_path / "history", chosen)


def test_a_seed_tells_the_same_history_twice(tmp_path: Path) -> None:
    one, two = (simulation.run(tmp_path / name, 7, steps=12) for name in ("one", "two"))
    assert one == two
