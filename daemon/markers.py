"""A file that both sides changed, as text with conflict markers, and the markers that a person left in it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gitferry.daemon.three_way import ThreeWay
from gitferry.repos.content import File
from gitferry.repos.git import Git, GitError

YOURS, BASE, THEIRS = "yours", "base", "theirs"

# As git writes them: seven signs, then nothing or a space and a label (git-merge-file(1)).
_MARKER = re.compile(rb"(?:<{7}|>{7}|\|{7})(?: .*)?\r?")
_OPENS, _CLOSES = b"<<<<<<< ", b">>>>>>> "


def marked(file: ThreeWay, environ: Mapping[str, str]) -> bytes:
    """Return the file merged by lines, what conflicts between markers in git's diff3 form.

    An absent version counts as empty. Source: git-merge-file(1). Raises GitError.
    """
    with tempfile.TemporaryDirectory(prefix="gitferry-") as directory:
        places = []
        for name, side in (("local", file.local), ("base", file.base), ("remote", file.remote)):
            place = Path(directory) / name
            place.write_bytes(b"" if side is None else side.data)
            places.append(str(place))
        labels = [word for label in (YOURS, BASE, THEIRS) for word in ("-L", label)]
        command = ("merge-file", "-p", "--diff3", *labels, *places)
        git = Git(Path(directory), environ=environ)
        done = git.run(*command, check=False)
        if not 0 <= done.code <= 127:  # the number of conflicts, up to 127
            raise GitError(git.root, command, done.code, done.stderr)
        return done.stdout


def regions(text: bytes) -> Iterator[list[bytes]]:
    """Yield the lines of each conflict in a marked text, its markers included."""
    region: list[bytes] | None = None
    for line in text.splitlines():
        if region is None and line.startswith(_OPENS + YOURS.encode()):
            region = []
        if region is not None:
            region.append(line)
            if line.startswith(_CLOSES + THEIRS.encode()):
                yield region
                region = None


def left_in(text: bytes, known: Iterable[File]) -> list[int]:
    """Return the numbers of the lines that are conflict markers and stand in none of the versions that are known."""
    theirs = {line for file in known for line in file.data.split(b"\n") if _MARKER.fullmatch(line)}
    lines = enumerate(text.split(b"\n"), start=1)
    return [number for number, line in lines if _MARKER.fullmatch(line) and line not in theirs]
