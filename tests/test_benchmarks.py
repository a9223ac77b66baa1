"""The benchmark harness: it compares pairs, and its command runs against the real program."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def paired() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gitferry_benchmarks_paired", ROOT / "benchmarks" / "paired.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_both_sides_run_in_turns_and_the_warm_up_is_not_measured(paired: ModuleType) -> None:
    calls: list[tuple[str, int]] = []

    def side(name: str, seconds: float) -> object:
        def run(number: int) -> float:
            calls.append((name, number))
            return seconds * (number + 1)

        return run

    found = paired.compare("x", side("a", 1.0), side("b", 2.0), pairs=3, warm_up=1, limit=0.5)
    assert calls == [(name, number) for number in range(4) for name in ("a", "b")]
    assert found.ours == (2.0, 3.0, 4.0)
    assert found.ratios == (0.5, 0.5, 0.5)
    assert found.held
    assert "at most 0.5: held" in found.report()


def test_the_median_of_the_ratios_decides(paired: ModuleType) -> None:
    missed = paired.Comparison("x", ours=(1.0, 1.0, 9.0), theirs=(1.0, 0.5, 1.0), limit=1.9)
    assert not missed.held
    assert "min 1.00  median 2.00  max 9.00" in missed.report()


def test_the_command_measures_the_real_program() -> None:
    """One benchmark, three pairs: what it finds is the machine's business, that it finds it is ours."""
    command = [sys.executable, str(ROOT / "benchmarks"), "--quick", "status"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert "gitferry status with a daemon" in done.stdout, done.stderr
    assert done.stderr == ""
    assert done.returncode in (0, 1)


def test_what_may_be_added_decides_where_that_is_the_limit(paired: ModuleType) -> None:
    found = paired.compare("x", lambda n: 1.0, lambda n: 0.99, pairs=3, warm_up=0, limit=0.02, added=True)
    assert found.held
    assert "median 10.0  max 10.0 ms   at most 20 ms: held" in found.report()
    assert not paired.Comparison("x", (1.0,) * 3, (0.9,) * 3, limit=0.02, added=True).held
