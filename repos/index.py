"""The user's index, made to follow HEAD where the user has not staged something else."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from gitferry.repos.content import Entry
from gitferry.repos.git import Git, zsplit

_ZERO = "0" * 40
INTENDED = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git-add(1), --intent-to-add: the entry names the empty blob
_NAMED = 200
_COMMAND_LINE = 64 * 1024  # bytes

#: Time in nanoseconds, size and inode of the index; zeros where there is none yet.
Moment: TypeAlias = tuple[int, int, int]


def follow(
    git: Git,
    entries: Mapping[str, Entry | None],
    *,
    known: Mapping[str, Staged] | None = None,
    skip: Collection[str] | None = None,
    extra_env: Mapping[str, str] | None = None,
) -> None:
    """Set these paths' index entries (None removes), then their stat data, so that `git status` is clean and fast.

    Only stat data is taken from the working tree, never content: an edit made meanwhile stays an unstaged edit
    (git-update-index(1), --index-info; git-add(1), --refresh). Flags that hide a path from git stay as `known` has
    them (read now where it is not given), unless `skip` names those that are skip-worktree. Raises GitError, also
    where index.lock is held.
    """
    if not entries:
        return
    known = read(git, entries) if known is None else known
    made = [replace(known.get(path, Staged(path, None)), entry=e) for path, e in entries.items() if e is not None]
    if skip is not None:
        made = [replace(entry, skip_worktree=entry.path in skip) for entry in made]
    hidden = [entry for entry in made if entry.skip_worktree]
    plain = entries.keys() - {entry.path for entry in hidden}
    # Removals first: a file may give way to a directory of the same name.
    removals_first = sorted(plain, key=lambda path: entries[path] is not None)
    if removals_first:
        rows = b"".join(_row(path, entries[path]) for path in removals_first)
        git.run("update-index", "-z", "--replace", "--index-info", input=rows, extra_env=extra_env)
    for some in _chunks(hidden):
        # In one go: an entry whose file is absent is at no moment one that is not hidden.
        told = [f"{e.entry.mode:o},{e.entry.oid},{e.path}" for e in some if e.entry is not None]
        infos = [word for info in told for word in ("--cacheinfo", info)]
        names = [entry.path for entry in some]
        git.run("update-index", "--add", "--replace", *infos, "--skip-worktree", "--", *names, extra_env=extra_env)
    hide(git, [entry for entry in made if entry.assume_unchanged], extra_env=extra_env)
    refresh(git, [entry.path for entry in made if not entry.skip_worktree], extra_env=extra_env)


def _chunks(entries: Sequence[Staged]) -> Iterator[Sequence[Staged]]:
    """Yield the entries in runs whose names, said twice, fit a command line (execve(2), ARG_MAX)."""
    start = size = 0
    for at, entry in enumerate(entries):
        size += 2 * len(os.fsencode(entry.path)) + 80
        if size > _COMMAND_LINE and at > start:
            yield entries[start:at]
            start, size = at, 2 * len(os.fsencode(entry.path)) + 80
    if start < len(entries):
        yield entries[start:]


def moment(git_dir: Path) -> Moment | None:
    """Return what tells the index as it is now from one written later; None where it is being written now."""
    if os.path.lexists(git_dir / "index.lock"):
        return None
    try:
        found = (git_dir / "index").stat()
    except FileNotFoundError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(frozen=True, slots=True)
class Staged:
    """One path's index entry (None: unmerged) and the flags that hide its working tree from git."""

    path: str
    entry: Entry | None
    skip_worktree: bool = False
    assume_unchanged: bool = False


def read(git: Git, paths: Collection[str]) -> dict[str, Staged]:
    """Return what the index holds now at these paths; what is not in it is left out (git-ls-files(1), -v and -s)."""
    if not paths:
        return {}
    named = paths if len(paths) <= _NAMED else ()  # beyond that the whole list is as cheap, and fits a command line
    done = git.run("--literal-pathspecs", "ls-files", "-v", "-s", "-z", "--", *named)
    found: dict[str, Staged] = {}
    for row in zsplit(done.stdout):
        head, _, path = row.partition("\t")
        tag, mode, oid, stage = head.split(" ")
        if path in paths:
            merged = stage == "0" and path not in found
            entry = Entry(int(mode, 8), oid) if merged else None
            found[path] = Staged(path, entry, skip_worktree=tag.upper() == "S", assume_unchanged=tag.islower())
    return found


def hide(git: Git, entries: Sequence[Staged], *, extra_env: Mapping[str, str] | None = None) -> None:
    """Set the flags again that entries had: writing an entry clears them (git-update-index(1))."""
    for flag in ("skip_worktree", "assume_unchanged"):
        names = b"".join(os.fsencode(entry.path) + b"\0" for entry in entries if getattr(entry, flag))
        if names:
            git.run("update-index", f"--{flag.replace('_', '-')}", "-z", "--stdin", input=names, extra_env=extra_env)


def rehide(
    git: Git,
    *,
    before: Collection[str],
    after: Collection[str],
    extra_env: Mapping[str, str] | None = None,
) -> None:
    """Make skip-worktree of `after` what was so of `before`: the checkout was narrowed or widened meanwhile."""
    for flag, names in (
        ("--skip-worktree", set(after) - set(before)),
        ("--no-skip-worktree", set(before) - set(after)),
    ):
        if names:
            told = b"".join(os.fsencode(path) + b"\0" for path in names)
            git.run("update-index", flag, "-z", "--stdin", input=told, extra_env=extra_env)


def refresh(git: Git, paths: Iterable[str], *, extra_env: Mapping[str, str] | None = None) -> None:
    """Record the stat data of tracked paths whose content is what the index says.

    One behind a symbolic link is a file that is gone to git, which would refuse all of them over it.
    """
    behind: dict[str, bool] = {"": False}
    names = b"".join(os.fsencode(path) + b"\0" for path in paths if not _behind_link(git.root, path, behind))
    if names:
        git.run(
            "--literal-pathspecs",
            "add",
            "--refresh",
            "--sparse",  # or git refuses names outside a sparse checkout, those that are there too
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
            input=names,
            extra_env=extra_env,
        )


def _behind_link(root: Path, path: str, known: dict[str, bool]) -> bool:
    """Whether a directory of the path is a symbolic link by now; `known` are those that were looked at."""
    above = path.rpartition("/")[0]
    if above not in known:
        known[above] = _behind_link(root, above, known) or (root / above).is_symlink()
    return known[above]


def _row(path: str, entry: Entry | None) -> bytes:
    mode, oid = (0, _ZERO) if entry is None else (entry.mode, entry.oid)
    return b"%o %s\t%s\0" % (mode, oid.encode(), os.fsencode(path))
