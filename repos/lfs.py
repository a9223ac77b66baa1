"""Large files: the objects that git-lfs pointers name must reach the server before the commits that hold them.

Source: the pointer format of git-lfs (docs/spec.md there) and its `pre-push` command, which git-lfs's own hook calls.
Hooks are off in what gitferry starts, so it calls that command itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitferry.config.errors import GitferryError
from gitferry.repos.content import SUBMODULE, Entry
from gitferry.repos.git import Git, GitError
from gitferry.repos.objects import Objects

_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_LARGEST_POINTER = 1024  # bytes; the specification's bound


class NotUploaded(GitferryError):
    """The large files of a push did not reach their server, so neither did the push."""


def has_pointers(objects: Objects, entries: Iterable[Entry]) -> bool:
    """Return whether any of these files is a pointer to a large file."""
    for entry in entries:
        if entry.mode == SUBMODULE:
            continue
        data = objects.blob(entry.oid)
        if len(data) <= _LARGEST_POINTER and data.startswith(_POINTER):
            return True
    return False


def upload(git: Git, remote: str, branch: str, new: str, old: str | None, *, deadline: float) -> None:
    """Send the large files of the commits between `old` and `new`; `deadline` is in seconds. Raises NotUploaded."""
    ref = f"refs/heads/{branch}"
    line = f"{ref} {new} {ref} {old or '0' * 40}\n"
    try:
        git.run("lfs", "pre-push", remote, remote, input=line.encode(), deadline=deadline, cancellable=True)
    except GitError as error:
        raise NotUploaded(
            f"git-lfs could not send large files: {error.stderr.strip() or error.title}",
            "install git-lfs, and see that the remote keeps large files: git lfs env",
        ) from error
