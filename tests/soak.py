"""`make soak`: random histories, the state machine and a test marked `soak`, with new seeds until the time is over.

Ends at the first thing found, with its seed, which `make soak SEED=…` repeats.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gitferry.tests.integration import simulation
from gitferry.tests.integration.simulation_machine import run_machine
from gitferry.tests.integration.simulation_tally import Tally

ROOT = Path(__file__).resolve().parents[1]
HISTORIES = 4  # of a round, before the state machine has its turn
EXAMPLES = 4
RULES = 25
#: The simulation's own tests run as histories here.
MARKED = ("-q", "-m", "soak", "--ignore-glob=*simul*")


def main(arguments: list[str]) -> int:
    """Run rounds until the time is over or something is found; return the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes", type=float, default=None, help="stop after so many, fractions too (default: never)"
    )
    length.add_argument("--seed", type=int, default=None, help="run the one round of this seed")
    options = parser.parse_args(arguments)
    until = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    root = Path(tempfile.mkdtemp(prefix="gitferry-soak-"))
    simulation.house(root)
    tally, tests, code = Tally(), _tests(), 0

    def more() -> bool:
        return until is None or time.monotonic() < until

    try:
        while code == 0 and more():
            seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
            print(f"seed {seed}", flush=True)
            code = _round(seed, root / str(seed), tally, more)
            if code == 0 and more():
                code = _marked(seed, tests)
            if code:
                print(f"found with seed {seed}; again: make soak SEED={seed}", file=sys.stderr)
            if options.seed is not None:
                break
    except KeyboardInterrupt:
        code = 130
    finally:
        shutil.rmtree(root, ignore_errors=True)
        print(tally, flush=True)
    return code


def _round(seed: int, place: Path, tally: Tally, more: Callable[[], bool]) -> int:
    """Run histories, then the state machine; return 1 where one breaks a promise."""
    try:
        for number in range(HISTORIES):
            if more():
                simulation.run(place, seed + number, tally=tally)
                shutil.rmtree(place)
        if more():
            run_machine(seed, place.parent, tally, examples=EXAMPLES, steps=RULES, shorten=True)
    except AssertionError as error:
        print(error, flush=True)
        return 1
    return 0


def _tests() -> list[str]:
    """Return the tests marked `soak`, by their names for pytest."""
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *MARKED, "--collect-only"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [line for line in found.stdout.splitlines() if "::" in line]


def _marked(seed: int, tests: Sequence[str]) -> int:
    """Run the one of the tests that the seed chooses, with many examples; return pytest's exit code."""
    words = ["-q", "--timeout=0", f"--seed={seed}", f"--hypothesis-seed={seed}", tests[seed % len(tests)]]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--hypothesis-profile=soak"], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
