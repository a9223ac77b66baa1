"""Runs the benchmarks and prints what they found; exit code 1 where a limit was missed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from batch import batch_to_remote
from checks import checks_of_push
from footprint import Footprint
from large import large_beside_small
from paired import Comparison
from save import save_to_remote
from scale import scale
from status import status_with_daemon
from storm import storm
from workplace import Failure, Workplace, workplace


def _push_over(scheme: str, place: Workplace, pairs: int) -> Comparison:
    import signing_in  # the tests' servers, which the other benchmarks do without

    if scheme == "ssh":
        return signing_in.push_over_ssh(place, pairs=pairs, warm_up=2, limit=1.1)
    return signing_in.push_over_https(place, pairs=pairs, warm_up=2, limit=0.025)


BENCHMARKS: dict[str, Callable[[Workplace, int], Comparison]] = {
    "save-500": lambda place, pairs: save_to_remote(place, 500, pairs=pairs, warm_up=2, limit=1.3),
    "save-50000": lambda place, pairs: save_to_remote(place, 50_000, pairs=pairs, warm_up=2, limit=0.6),
    "batch-50": lambda place, pairs: batch_to_remote(place, pairs=pairs, warm_up=2, limit=1.2),
    "checks-1": lambda place, pairs: checks_of_push(place, 1, pairs=pairs, warm_up=2, limit=1.25),
    "checks-50": lambda place, pairs: checks_of_push(place, 50, pairs=pairs, warm_up=2, limit=1.4),
    "vault-ssh": lambda place, pairs: _push_over("ssh", place, pairs),
    "vault-https": lambda place, pairs: _push_over("https", place, pairs),
    "status": lambda place, pairs: status_with_daemon(place, pairs=pairs, warm_up=2, limit=2.0),
}

_LIMITS: dict[str, float] = {
    "PSS at the end, MB": 120,
    "% of a core without pulls": 0.3,
    "% of a core with pulls every 5 minutes": 1.5,
}
#: Minutes each, and no comparison: run by name alone.
LONG: dict[str, Callable[[Workplace], Footprint]] = {
    "scale-200": lambda place: scale(place, 200, idle=120, pulling=600, limits=_LIMITS),
    "scale-500": lambda place: scale(place, 500, idle=120, pulling=600, limits={}),
    "large": lambda place: large_beside_small(place, files=200_000),
    "storm": lambda place: storm(place, saves=10_000, seconds=60),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)} (default: these), {', '.join(LONG)}"
    )
    parser.add_argument("--pairs", type=int, default=15, help="measured pairs (default: 15)")
    parser.add_argument("--quick", action="store_true", help="3 pairs, and no tree of 50,000 files")
    given = parser.parse_args()
    unknown = set(given.names) - set(BENCHMARKS) - set(LONG)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    names = given.names or [name for name in BENCHMARKS if not (given.quick and name == "save-50000")]
    held = True
    for name in names:
        with workplace() as place:
            try:
                found = _run(name, place, 3 if given.quick else given.pairs)
            except Failure as failure:
                print(f"{name}: {failure}", file=sys.stderr)
                return 1
        print(found.report(), flush=True)
        held = held and found.held
    return 0 if held else 1


def _run(name: str, place: Workplace, pairs: int) -> Comparison | Footprint:
    return LONG[name](place) if name in LONG else BENCHMARKS[name](place, pairs)


if __name__ == "__main__":
    sys.exit(main())
