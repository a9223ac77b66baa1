"""Large files: the objects that git-lfs pointers name must reach the server before the commits that hold them.

Source: the pointer format of git-lfs (docs/spec.md there) and its `pre-push` command, which git-lfs's own hook calls.
Hooks are off in what gitferry starts, so it calls that command itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gitferry.config.errors import GitferryError
from gitferry.repos.content import SUBMODULE, Entry
from gitferry.repos.git import Completed, Git, GitTimeout
from gitferry.repos.objects import EMPTY_TREE, Objects

_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_LARGEST_POINTER = 1024  # bytes; the specification's bound
# Words of git-lfs 3 and of Go's net package for a server that is not there now; the others are an answer.
_PASSING = re.compile(
    r"dial tcp|connection (?:refused|reset)|no such host|i/o timeout|TLS handshake timeout|unexpected EOF|: EOF"
    r"|Fatal error:|rate limit|LFS: Put|LFS: Post"
)
_NOISE = re.compile(
    r"Uploading LFS objects: |hint: |Errors logged to |Use `git lfs logs|.*\.locksverify |Remote .* locking API"
)


class NotUploaded(GitferryError):
    """The large files of a push did not reach their server, so neither did the push. `retry`: it may pass by itself."""

    def __init__(self, title: str, hint: str, *, retry: bool) -> None:
        super().__init__(title, hint)
        self.retry = retry


def has_pointers(objects: Objects, entries: Iterable[Entry]) -> bool:
    """Return whether any of these files is a pointer to a large file."""
    for entry in entries:
        if entry.mode == SUBMODULE or objects.size(entry.oid) > _LARGEST_POINTER:
            continue
        if objects.blob(entry.oid).startswith(_POINTER):
            return True
    return False


def carries_pointers(objects: Objects, new: str, old: str | None) -> bool:
    """Return whether any commit that `new` has and `old` has not brings a pointer, also where a later one takes it."""
    return has_pointers(objects, _brought(objects, new, old))


def _brought(objects: Objects, new: str, old: str | None) -> Iterator[Entry]:
    seen = set()
    for commit in objects.between(() if old is None else (old,), new):
        before = objects.tree_of(commit.parents[0]) if commit.parents else EMPTY_TREE
        for path in objects.changed(before, commit.tree):
            entry = objects.file_at(commit.tree, path)
            if entry is not None and entry.oid not in seen:
                seen.add(entry.oid)
                yield entry


def upload(git: Git, remote: str, branch: str, new: str, old: str | None, *, deadline: float) -> None:
    """Send the large files of the commits between `old` and `new`; `deadline` is in seconds. Raises NotUploaded."""
    ref = f"refs/heads/{branch}"
    line = f"{ref} {new} {ref} {old or '0' * 40}\n".encode()
    asked = ("lfs", "pre-push", remote, remote)
    try:
        done = git.run(*asked, input=line, deadline=deadline, cancellable=True, check=False)
    except GitTimeout as slow:
        raise NotUploaded(
            f"git-lfs had not sent the large files after {deadline:g} s",
            "it goes on where it stopped; timeouts.transfer in the settings allows more",
            retry=True,
        ) from slow
    if done.code:
        raise _not_uploaded(done)


def _not_uploaded(done: Completed) -> NotUploaded:
    if "'lfs' is not a git command" in done.stderr:
        return NotUploaded("large files cannot be sent: git-lfs is not installed here", "install git-lfs", retry=False)
    said = done.stderr.splitlines() + done.text.splitlines()
    lines = [line.strip() for line in said if line.strip() and not _NOISE.match(line.strip())]
    words = "; ".join(dict.fromkeys(lines)) or f"it ended with code {done.code}"
    passing = _PASSING.search(words) is not None
    hint = (
        "it is tried again"
        if passing
        else "see that the remote keeps large files and that you may send them: git lfs env, git lfs push"
    )
    return NotUploaded(f"git-lfs could not send large files: {words}", hint, retry=passing)
