"""How much the merge by structure settles: `python -m gitferry.tests.pushback.manifest_pairs [COUNT] [SEED] [FILE…]`.

COUNT times (1000), two people edit one manifest in places near to each other. git merges by lines; what conflicts
there is merged by structure. Every result is held against what a merge must keep, and the first that does not ends
the command with 1. With FILEs, these are edited instead of the manifests of the tests.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gitferry.pushback.structure import merge_text
from gitferry.tests.pushback import merge_laws
from gitferry.tests.pushback.manifest_edits import edited
from gitferry.tests.pushback.manifests import manifests

SEED = 3


@dataclass(slots=True)
class Tally:
    """How many pairs came to what."""

    pairs: int = 0
    clean: int = 0
    settled: int = 0
    true_conflicts: int = 0  # both changed the same thing to something else
    left: int = 0  # a conflict by caution: the values would merge, the text is not certain

    @property
    def conflicting(self) -> int:
        """Pairs that conflict by lines."""
        return self.settled + self.true_conflicts + self.left

    def __str__(self) -> str:
        mergeable = self.settled + self.left
        share = f" ({self.settled / mergeable:.0%} of those without a true conflict)" if mergeable else ""
        rows = (
            (self.pairs, "pairs of edits"),
            (self.clean, "merge cleanly by lines"),
            (self.conflicting, "conflict by lines"),
            (self.settled, f"of these settled by structure{share}"),
            (self.true_conflicts, "of these true conflicts: both changed the same thing"),
            (self.left, "of these left as conflicts out of caution"),
        )
        return "\n".join(f"{number:6} {what}" for number, what in rows)


class Broken(AssertionError):
    """A merge that broke a law, with the three texts and the result."""


def run(count: int, seed: int, texts: Mapping[str, bytes]) -> Tally:
    """Return what `count` pairs of edits came to. Raises `Broken` at the first merge that breaks a law."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as place:
        for number in range(count):
            random = Random(f"{seed} {number}")
            path = random.choice(sorted(texts))
            base, local, remote = _pair(path, texts[path], random)
            tally.pairs += 1
            if _merges_by_lines(Path(place), base, local, remote):
                tally.clean += 1
                continue
            name = Path(path).name
            merged = merge_text(name, base, local, remote)
            if merged is not None:
                _check(name, base, local, remote, merged)
                tally.settled += 1
            elif merge_laws.clashes(*(merge_laws.load(name, data) for data in (base, local, remote))):
                tally.true_conflicts += 1
            else:
                tally.left += 1
    return tally


def _pair(path: str, base: bytes, random: Random) -> tuple[bytes, bytes, bytes]:
    """Return a manifest and two edits of it that differ from it and from each other."""
    text, json = base.decode(), path.endswith(".json")
    while True:
        focus = random.random()
        sides = [edited(text, random, json=json, focus=focus, count=random.randint(1, 3)).encode() for _ in range(2)]
        if len({base, *sides}) == 3:
            for side in (base, *sides):
                merge_laws.load(Path(path).name, side)  # an edit that breaks the manifest would be a fault of this test
            return base, sides[0], sides[1]


def _merges_by_lines(place: Path, base: bytes, local: bytes, remote: bytes) -> bool:
    for name, data in (("base", base), ("local", local), ("remote", remote)):
        (place / name).write_bytes(data)
    command = ["git", "merge-file", "-p", "--quiet", "local", "base", "remote"]
    code = subprocess.run(command, cwd=place, stdout=subprocess.DEVNULL, check=False).returncode
    if code > 127:
        raise RuntimeError(f"git merge-file ended with {code}")
    return code == 0


def _check(name: str, base: bytes, local: bytes, remote: bytes, merged: bytes) -> None:
    b, l, r, m = (merge_laws.load(name, data) for data in (base, local, remote, merged))  # noqa: E741 # as docs/crossing.md
    faults = merge_laws.lost(b, l, r, m) + merge_laws.touched(base, local, remote, merged)
    if merge_text(name, base, local, merged) != merged:
        faults.append("merged once more, it changes")
    if faults:
        texts = "".join(
            f"--- {side}\n{data.decode()}\n"
            for side, data in (("base", base), ("local", local), ("remote", remote), ("merged", merged))
        )
        raise Broken(f"{name}: {faults}\n{texts}")


def main(words: list[str]) -> int:
    """Run the command; returns its exit code."""
    count, seed = (int(word) for word in [*words[:2], *("1000", str(SEED))[len(words[:2]) :]])
    given = {path: Path(path).read_bytes() for path in words[2:]}
    try:
        print(run(count, seed, given or manifests()))
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
