"""Random pairs of edits to manifests: what structure settles keeps what a merge must keep."""

from __future__ import annotations

import pytest

from gitferry.tests.pushback import manifest_pairs
from gitferry.tests.pushback.manifests import manifests


@pytest.mark.soak
def test_pairs(seed: int) -> None:
    tally = manifest_pairs.run(60, seed, manifests())
    assert tally.pairs == 60
    assert tally.clean + tally.conflicting == 60
    assert tally.settled >= 10
    assert tally.left <= 6


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert manifest_pairs.main(["3", "1"]) == 0
    assert "3 pairs of edits" in capsys.readouterr().out
