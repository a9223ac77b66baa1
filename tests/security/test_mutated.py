"""A record of the vault that anyone changed is noticed, named, and touches no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.tests.security import mutated


def test_every_change_of_a_hundred_is_noticed(tmp_path: Path) -> None:
    place = mutated.build(tmp_path / "state")
    assert mutated.run(place, 100, seed=5) == 100
    place.close()


@pytest.mark.soak
def test_every_change_of_some_more_is_noticed(tmp_path: Path, seed: int) -> None:
    place = mutated.build(tmp_path / "state")
    assert mutated.run(place, 50, seed) == 50
    place.close()
