"""Blobs become the files that `git checkout` would write; one that cannot be made is named with git's words.

Source: gitattributes(5), git-cat-file(1), `--filters`.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gitferry.config.errors import GitferryError
from gitferry.repos.git import Git, GitError, GitTimeout
from gitferry.repos.refusal import slow, words

#: Seconds that one filter may take for all its files; git-lfs downloads in them.
DEADLINE = 300.0


class MissingBlob(GitferryError):
    """A blob to be written into the working tree is not in the repository."""

    def __init__(self, oid: str, path: str) -> None:
        super().__init__(
            f"the content of {path!r} (blob {oid}) is missing from the repository",
            "run `git fsck`; a partial clone must be able to reach its remote",
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to be made: of which blob, and by which filter ("" for none)."""

    path: str
    oid: str
    driver: str = ""


@dataclass(slots=True)
class Smudged:
    """What each path would hold, and why the rest cannot be made."""

    files: dict[str, bytes] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def smudge(
    git: Git,
    wanted: Sequence[Wanted],
    *,
    extra_env: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> Smudged:
    """Return what `git checkout` would write at each path for its blob, by the attributes of the working tree.

    git-lfs may ask its server for content. Each filter has `deadline` seconds (`DEADLINE`) for all its files; one
    that fails or hangs keeps no other file. Raises `MissingBlob`, `GitError`.
    """
    smudged = Smudged()
    deadline = DEADLINE if deadline is None else deadline
    groups: dict[tuple[str, bool], list[Wanted]] = {}
    for one in wanted:
        # --batch takes the blanks before a path for a separator
        groups.setdefault((one.driver, one.path[:1] in (" ", "\t")), []).append(one)
    for (driver, single), group in sorted(groups.items()):
        end = time.monotonic() + deadline
        try:
            if single:
                _one_by_one(git, group, smudged, extra_env, end)
            else:
                _together(git, group, smudged, extra_env, end)
        except GitTimeout:
            left = [one.path for one in group if one.path not in smudged.files and one.path not in smudged.refused]
            smudged.refused |= dict.fromkeys(left, slow(driver, deadline))
    return smudged


def _one_by_one(
    git: Git, group: Sequence[Wanted], smudged: Smudged, extra_env: Mapping[str, str] | None, end: float
) -> None:
    for one in group:
        asked = ("cat-file", "--filters", f"--path={one.path}", one.oid)
        done = git.run(*asked, extra_env=extra_env, deadline=_left(end), check=False)
        if done.code == 0:
            smudged.files[one.path] = done.stdout
        elif git.run("cat-file", "-e", one.oid, check=False).code:
            raise MissingBlob(one.oid, one.path)
        else:
            smudged.refused[one.path] = words(done.stderr, one.path)


def _together(
    git: Git, group: Sequence[Wanted], smudged: Smudged, extra_env: Mapping[str, str] | None, end: float
) -> None:
    """Ask for all of them. git stops at the first that it cannot do: it goes on behind that one."""
    while group:
        # The size that --batch prints is the blob's, not the converted content's; a mark that no content can hold
        # tells the answers apart instead.
        mark = secrets.token_hex(16)
        names = b"".join(f"{one.oid} ".encode() + os.fsencode(one.path) + b"\0" for one in group)
        command = ("cat-file", f"--batch={mark} %(objectname)", "--filters", "-z")
        done = git.run(*command, input=names, extra_env=extra_env, deadline=_left(end), check=False)
        first, *parts = done.stdout.split(mark.encode() + b" ")
        answered = [part.partition(b"\n") for part in parts]
        whole = answered if done.code == 0 else answered[:-1]  # the last one stops at its head
        strange = first or len(answered) > len(group) or (done.code == 0 and len(answered) < len(group))
        if strange or any(a[0] != one.oid.encode() for a, one in zip(answered, group, strict=False)):
            raise _missing(git, answered, group)
        smudged.files |= {one.path: a[2].removesuffix(b"\n") for one, a in zip(group, whole, strict=False)}
        if done.code == 0:
            return
        if not answered:
            raise GitError(git.root, command, done.code, done.stderr)
        stopped = group[len(whole)]
        smudged.refused[stopped.path] = words(done.stderr, stopped.path)
        group = group[len(whole) + 1 :]


def _missing(git: Git, answered: Sequence[tuple[bytes, bytes, bytes]], group: Sequence[Wanted]) -> GitferryError:
    there = {oid.decode("ascii", "replace") for oid, _, _ in answered}
    for one in group:
        if one.oid not in there:
            return MissingBlob(one.oid, one.path)
    return GitError(git.root, ("cat-file", "--batch"), 0, "it answered what it was not asked")


def _left(end: float) -> float:
    return max(0.0, end - time.monotonic())
