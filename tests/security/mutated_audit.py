"""Mutated audit logs: each is told from the log that was written. `python -m gitferry.tests.security.mutated_audit`."""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from gitferry.tests.security.audit_logs import MUTATIONS, START, Log


def undetected(directory: Path, count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Mutate a log `count` times; return how often each way was tried, and what was not noticed."""
    chance = random.Random(seed)
    log = Log(directory)
    log.fill(24)
    if chance.random() < 0.5:  # with a checkpoint in it
        log.audit.prune(START + timedelta(minutes=8), newest=4)
    rows, anchor = log.rows(), log.anchor.read_bytes()
    if log.said():
        return Counter(), [f"the untouched log: {log.said()}"]
    tried: Counter[str] = Counter()
    missed = []
    while tried.total() < count:
        way = "anchor" if chance.random() < 0.15 else chance.choice(MUTATIONS).__name__
        if way == "anchor":
            new = _other_anchor(anchor, chance)
            if new == anchor:
                continue
            log.anchor.unlink() if new is None else log.anchor.write_bytes(new)
        else:
            mutated = next(each for each in MUTATIONS if each.__name__ == way)(rows, chance)
            if mutated == rows:
                continue
            try:
                log.write(mutated)
            except sqlite3.IntegrityError:
                continue  # two rows of one key, which the table takes from nobody
            if log.rows() == rows:  # the database made the same of it again
                continue
        tried[way] += 1
        found = log.audit.verify()
        if found.intact:
            missed.append(f"seed {seed}: number {tried.total()}, {way}")
        log.anchor.write_bytes(anchor)
        if way != "anchor":
            log.write(rows)
    if log.said():
        missed.append(f"the log put back: {log.said()}")
    log.store.close()
    return tried, missed


def _other_anchor(anchor: bytes, chance: random.Random) -> bytes | None:
    place = chance.randrange(len(anchor))
    return chance.choice(
        (
            None,
            anchor[:place],
            anchor[:place] + bytes([anchor[place] ^ (1 << chance.randrange(8))]) + anchor[place + 1 :],
            b"",
            chance.randbytes(200),
            b"[" * 3000,
            b'{"version": 1, "sequence": 3, "hash": "' + b"a" * 64 + b'", "next": null}\n',
        )
    )


def main() -> int:
    """Run as many as asked for and say what was not noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    tried: Counter[str] = Counter()
    missed: list[str] = []
    for part in range(10):
        with tempfile.TemporaryDirectory() as directory:
            done, wrong = undetected(Path(directory), given.count // 10, given.seed + part)
        tried += done
        missed += wrong
    print(f"{tried.total()} mutated logs: {dict(tried)}; {len(missed)} not noticed")
    print("\n".join(missed[:20]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
