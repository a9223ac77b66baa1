"""Credentials in what would be pushed: in the lines that a task's files, or the commits of a range, add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import pathspec

from gitferry.config.errors import GitferryError
from gitferry.pushback.findings import Finding, Weight
from gitferry.pushback.own_changes import against_parents, own
from gitferry.repos.added import added, lines
from gitferry.repos.content import REGULAR, Content, Entry
from gitferry.repos.objects import CommitInfo, Objects
from gitferry.security.secrets import Found, scan

#: Bytes; what is larger is not read, and a warning says so. Nothing that people write by hand comes near it.
LARGEST: Final = 64 << 20

_REMEDY: Final = (
    "remove it and revoke it; if it is none, say so in a comment on that line (pragma: allowlist secret) "
    "or by its path in pushback.secrets_ignore"
)


class BadPattern(GitferryError):
    """A line of `secrets_ignore` that gitignore(5) gives no meaning."""


def secrets_in(objects: Objects, before: Content, after: Content, *, ignore: Sequence[str]) -> tuple[Finding, ...]:
    """Return what looks like a credential in the lines that `after` adds to `before`, by path and line.

    A file that only moved adds nothing; of what is no file, a symlink's target or a submodule, nothing is looked at.
    What an `ignore` pattern (a line of .gitignore) or a comment excuses is told as excused where it would stop.
    Raises BadPattern, MissingObject, NoScanner.
    """
    ignored = _patterns(ignore)
    moved = {entry.oid for entry in before.values()}
    found: list[Finding] = []
    for path, entry in sorted(after.items()):
        if entry.mode in REGULAR and entry.oid not in moved:
            found += _in_file(objects, path, entry, (before.get(path),), ignored)
    return tuple(found)


def secrets_in_commits(
    objects: Objects, commits: Iterable[str], *, ignore: Sequence[str]
) -> tuple[tuple[str, Finding], ...]:
    """Return (commit, finding) for what looks like a credential in the lines that each of the commits adds.

    So one is found that a later commit removes again. A merge adds the lines that no parent of it has: what it brings
    together is in its parents' commits. A parent that a shallow clone lacks is as none. Raises as `secrets_in`.
    """
    ignored = _patterns(ignore)
    found: list[tuple[str, Finding]] = []
    seen: set[tuple[str, str, tuple[Entry | None, ...]]] = set()
    for commit in commits:
        for path, entry, parents in _changed(objects, objects.info(commit)):
            if (path, entry.oid, parents) not in seen:
                seen.add((path, entry.oid, parents))
                found += ((commit, each) for each in _in_file(objects, path, entry, parents, ignored))
    return tuple(found)


def _changed(objects: Objects, commit: CommitInfo) -> Iterator[tuple[str, Entry, tuple[Entry | None, ...]]]:
    """Yield the files that a commit has otherwise than every parent: path, entry, and the parents' entries."""
    sides = against_parents(objects, commit)
    moved = {old.oid for side in sides for old in objects.content(side.tree, side.paths).values()}
    for path, entry in sorted(objects.content(commit.tree, own(sides)).items()):
        if entry.mode in REGULAR and entry.oid not in moved:
            yield path, entry, tuple(objects.file_at(side.tree, path) for side in sides)


def _in_file(
    objects: Objects, path: str, entry: Entry, before: Iterable[Entry | None], ignored: pathspec.GitIgnoreSpec
) -> Iterator[Finding]:
    """Yield what the lines hold that `entry` has and none of the entries `before` it."""
    new = objects.blob(entry.oid)
    if len(new) > LARGEST:
        message = f"too large to be scanned for credentials ({len(new) >> 20} MiB)"
        yield Finding("secret", Weight.WARN, path, message, "keep large files in git-lfs")
        return
    fresh = set.intersection(*({number for number, _ in added(_old(objects, old), new)} for old in before))
    if not fresh:
        return
    # The whole file is read, for a key's first line or a vendor's name may stand in lines that were there before.
    for each in scan(path, lines(new), touching=fresh):
        finding = _finding(path, each, ignored=ignored.match_file(path))
        if finding is not None:
            yield finding


def _old(objects: Objects, entry: Entry | None) -> bytes | None:
    return objects.blob(entry.oid) if entry is not None and entry.mode in REGULAR else None


def _finding(path: str, found: Found, *, ignored: bool) -> Finding | None:
    """Return the finding; nothing where it would only warn and is excused."""
    if found.excused or ignored:
        if not found.known:
            return None
        how = "a comment says that it is none" if found.excused else "secrets_ignore names the file"
        message = f"looks like a credential ({found.kind}); {how}"
        return Finding("secret", Weight.EXCUSED, path, message, "", found.line)
    if found.known:
        return Finding("secret", Weight.STOP, path, f"looks like a credential ({found.kind})", _REMEDY, found.line)
    return Finding("secret", Weight.WARN, path, f"may be a credential ({found.kind})", _REMEDY, found.line)


def _patterns(ignore: Sequence[str]) -> pathspec.GitIgnoreSpec:
    try:
        return pathspec.GitIgnoreSpec.from_lines(ignore)
    except ValueError as error:
        raise BadPattern(
            f"a pattern of pushback.secrets_ignore has no meaning: {error}",
            "write it as a line of .gitignore (see gitignore(5))",
        ) from error
