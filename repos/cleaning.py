"""Files become the blobs that `git add` would write; one that git will not add is named with git's words.

Source: gitattributes(5), convert.c and builtin/hash-object.c of git 2.39.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.repos.content import SYMLINK
from gitferry.repos.git import Git, GitError, GitTimeout, zsplit
from gitferry.repos.refusal import slow, words
from gitferry.repos.status import MAX_PATHS

#: Seconds that one filter may take for all its files.
DEADLINE = 300.0
_AUTOMATIC = ("attr/", "attr/text=auto")  # what `git ls-files --eol` says where git looks into the file to decide


class ConversionFailed(GitferryError):
    """git answered with other blobs than it was asked for."""

    def __init__(self, root: Path, asked: int, answered: int) -> None:
        super().__init__(
            f"git converted {answered} of {asked} files in {root}", "files may have changed meanwhile: sync again"
        )


@dataclass(slots=True)
class Cleaned:
    """The object ids of what was written, and why the rest was not."""

    oids: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def clean(
    git: Git,
    drivers: Mapping[str, str],
    *,
    extra_env: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> Cleaned:
    """Write the blobs that `git add` would write for these regular files.

    `drivers` gives for each path the filter that it passes, "" for none. Each filter has `deadline` seconds
    (`DEADLINE`) for all its files; one that fails or hangs keeps no other file. The files are read now, and a symbolic
    link would be followed: compare them with what was observed before the ids are used. The user's index is read,
    never written. Raises `GitError`, `ConversionFailed`.
    """
    cleaned = Cleaned()
    deadline = DEADLINE if deadline is None else deadline
    if not drivers:
        return cleaned
    kept = _with_kept_ends(git, list(drivers))
    groups: dict[str, list[str]] = {}
    for path, driver in drivers.items():
        if path not in kept:
            groups.setdefault(driver, []).append(path)
    for driver, paths in sorted(groups.items()):
        _hash(git, paths, driver, cleaned, extra_env or {}, deadline)
    if kept:
        _add_elsewhere(git, kept, drivers, cleaned, extra_env or {}, deadline)
    return cleaned


def _hash(
    git: Git, paths: Sequence[str], driver: str, cleaned: Cleaned, extra_env: Mapping[str, str], deadline: float
) -> None:
    """Hash the files of one driver. git stops at the first that it cannot do: it goes on behind that one."""
    end = time.monotonic() + deadline
    while paths:
        names = b"".join(_quoted(path) + b"\n" for path in paths)
        left = max(0.0, end - time.monotonic())
        try:
            done = git.run(
                "hash-object", "-w", "--stdin-paths", input=names, extra_env=extra_env, deadline=left, check=False
            )
        except GitTimeout:
            cleaned.refused |= dict.fromkeys(paths, slow(driver, deadline))
            return
        oids = done.text.split()
        cleaned.oids |= zip(paths, oids, strict=False)
        if done.code == 0 and len(oids) == len(paths):
            return
        if done.code == 0 or len(oids) >= len(paths):
            raise ConversionFailed(git.root, len(paths), len(oids))
        cleaned.refused[paths[len(oids)]] = words(done.stderr, paths[len(oids)])
        paths = paths[len(oids) + 1 :]


# -- line ends that are kept ----------------------------------------------------------------------------------------


def _with_kept_ends(git: Git, paths: Sequence[str]) -> dict[str, str]:
    """Return those of `paths` whose line ends git leaves alone, with their index entries.

    Under text=auto "files that contain CRLF in the repository are not touched" (gitattributes(5)); git hash-object
    does not look into the index and would convert them.
    """
    wanted, kept = set(paths), {}
    for start in range(0, len(paths), MAX_PATHS):
        chunk = paths[start : start + MAX_PATHS]
        listed = git.run("--literal-pathspecs", "ls-files", "--stage", "--eol", "-z", "--", *chunk)
        for record in zsplit(listed.stdout):
            entry, states, path = record.split("\t", 2)
            in_index, _in_tree, attribute, *_ = states.split()
            # A directory in the index may be a file by now, and every file in it is listed.
            # Of a symbolic link's target git says nothing here, and looks into it all the same.
            keeps = in_index in ("i/crlf", "i/mixed") or entry.startswith(f"{SYMLINK:o} ")
            if path in wanted and keeps and attribute in _AUTOMATIC:
                kept[path] = entry
    return kept


def _add_elsewhere(
    git: Git,
    kept: Mapping[str, str],
    drivers: Mapping[str, str],
    cleaned: Cleaned,
    extra_env: Mapping[str, str],
    deadline: float,
) -> None:
    """Add these files to an index that holds nothing else, as the user's has them."""
    with tempfile.TemporaryDirectory(prefix="gitferry-") as directory:
        aside = {**extra_env, "GIT_INDEX_FILE": str(Path(directory, "index"))}
        rows = b"".join(f"{entry}\t".encode() + os.fsencode(path) + b"\0" for path, entry in kept.items())
        git.run("update-index", "-z", "--index-info", input=rows, extra_env=aside)
        try:
            _update(git, list(kept), aside, deadline)
        except (GitError, GitTimeout):
            for path in kept:  # one of them, and git does not say how far it came
                try:
                    _update(git, [path], aside, deadline)
                except GitError as error:
                    cleaned.refused[path] = words(error.stderr, path)
                except GitTimeout:
                    cleaned.refused |= dict.fromkeys(kept, slow(drivers[path], deadline))
                    break
        listed = zsplit(git.run("ls-files", "--stage", "-z", extra_env=aside).stdout)
    entries = (record.partition("\t") for record in listed)
    cleaned.oids |= {path: entry.split()[1] for entry, _, path in entries if path not in cleaned.refused}


def _update(git: Git, paths: Sequence[str], aside: Mapping[str, str], deadline: float) -> None:
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    git.run("update-index", "--add", "-z", "--stdin", input=names, extra_env=aside, deadline=deadline)


def _quoted(path: str) -> bytes:
    """A path as git unquotes it (git-config(1), core.quotePath), whatever bytes it has."""
    plain = b"".join(
        b"\\%03o" % byte if byte < 0x20 or byte >= 0x7F or byte in b'"\\' else bytes((byte,))
        for byte in os.fsencode(path)
    )
    return b'"' + plain + b'"'
