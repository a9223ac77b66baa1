"""Random histories of clones that cross: seeded, without a wall clock, judged after every step.

`python -m gitferry.tests.integration.simulation SEED [SEED…]` runs seeds, `FIRST-LAST` a range; it prints the steps
of each that breaks a promise, and at the end what all of them met.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel

from gitferry.tests.integration.simulation_history import History, drawn_strategies
from gitferry.tests.integration.simulation_oracle import Violation
from gitferry.tests.integration.simulation_report import judged
from gitferry.tests.integration.simulation_review_history import ReviewHistory, drawn_ways
from gitferry.tests.integration.simulation_tally import Tally

STEPS = 40


def run(root: Path, seed: int, steps: int = STEPS, tally: Tally | None = None, *, reviewed: bool = False) -> History:
    """Run one history in an empty directory and return it. Raises Violation, the steps in its message.

    `reviewed`: with review branches, which the seed decides otherwise.
    """
    root.mkdir(exist_ok=True)
    chance = random.Random(seed)
    strategies = drawn_strategies(chance)
    ways = drawn_ways(
        random.Random(f"{seed} reviewed"), len(strategies), always=reviewed
    )  # of its own, so that the rest is as ever
    history = ReviewHistory(root, chance, strategies, ways) if ways else History(root, chance, strategies)
    again = f"SEED {seed}, again: python -m gitferry.tests.integration.simulation {seed}"
    with judged(history, tally, again):
        for _ in range(steps):
            history.step()
        history.end()
    return history


def house(root: Path) -> None:
    """Give the process a home of its own, as the tests have."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITFERRY_", "XDG_"))]:
        del os.environ[name]
    config = root / "gitconfig"
    config.write_text("[user]\nname = Test Person\nemail = test@example.org\n[init]\ndefaultBranch = main\n")
    os.environ |= {"HOME": str(root), "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    for level in (ConfigLevel.GLOBAL, ConfigLevel.XDG, ConfigLevel.SYSTEM):
        pygit2.settings.search_path[level] = str(root)


def main(arguments: list[str]) -> int:
    """Run the seeds named on the command line; return how many broke a promise."""
    tally, broken = Tally(), 0
    root = Path(tempfile.mkdtemp(prefix="gitferry-simulation-"))
    house(root)
    for argument in arguments:
        first, _, last = argument.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            place = root / str(seed)
            try:
                run(place, seed, int(os.environ.get("STEPS", STEPS)), tally)
            except Violation as error:
                broken += 1
                if not isinstance(error.__cause__, Violation):
                    traceback.print_exception(error.__cause__)
                print(error, f"\n{place}\n", flush=True)
                continue
            shutil.rmtree(place)
    print(tally)
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
