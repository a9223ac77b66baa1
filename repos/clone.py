"""A clone appears at its place complete or not at all.

A clone that was cut off half way looks like a repository in which every file was deleted, and that must never cross
to the remote. So git clones beside the place, and one rename puts the result there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.repos.git import Git
from gitferry.repos.remote_error import branch_ref
from gitferry.repos.signing_in import offered
from gitferry.repos.ssh_connections import Connections
from gitferry.repos.talk import Seconds, Timeouts, talk
from gitferry.security.login import Login
from gitferry.security.urls import check_remote_url


class PlaceTaken(GitferryError):
    """Something is where the clone should go; it was left alone."""


class PlaceUnusable(GitferryError):
    """The directory for the clone cannot be made or written."""


def clone(
    url: str,
    path: Path,
    branch: str | None = None,
    *,
    timeouts: Timeouts | None = None,
    environ: Mapping[str, str] | None = None,
    cancel: threading.Event | None = None,
    login: Login | None = None,
    connections: Connections | None = None,
) -> None:
    """Clone `url` to `path`, which must be absent or an empty directory, with `branch` (None: the remote's HEAD)
    checked out and its remote named origin. `login` signs in there, None leaves that to git.

    An empty remote gives an empty repository on an unborn branch. On failure everything made here is removed again.
    Raises PlaceTaken, PlaceUnusable, UnsafeUrl, RemoteError, GitCancelled, NoPrivatePlace.
    """
    address = check_remote_url(url)
    if address.scheme == "file" and "://" not in url:
        url = str(Path(url).absolute())
    path = path.absolute()
    _require_free(path)
    with _made_parents(path.parent):
        scratch = _scratch_for(path)
        try:
            git = Git(scratch, environ=environ, cancel=cancel)
            known = os.environ if environ is None else environ
            git.access = lambda: offered(login, url, environ=known, connections=connections)
            _clone_into(git, url, scratch / "clone", branch, timeouts or Seconds())
            _put(scratch / "clone", path)
        except OSError as failure:
            raise _unusable(path, failure) from failure
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _require_free(path: Path) -> None:
    try:
        taken = os.path.lexists(path) and (path.is_symlink() or not path.is_dir() or any(path.iterdir()))
    except OSError as failure:
        raise _unusable(path, failure) from failure
    if taken:
        raise PlaceTaken(
            f"{path} is not empty, so nothing is cloned there",
            "give another path, or move what is there away; a repository that is there already is added by its path",
        )


@contextlib.contextmanager
def _made_parents(parent: Path) -> Iterator[None]:
    """`parent` exists inside; the directories made for it are removed again if the body fails."""
    missing = [directory for directory in (parent, *parent.parents) if not directory.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise _unusable(parent, failure) from failure
    try:
        yield
    except BaseException:
        for directory in missing:
            with contextlib.suppress(OSError):  # somebody put a file there meanwhile: theirs to keep
                directory.rmdir()
        raise


def _scratch_for(path: Path) -> Path:
    """A private directory on the file system that `path` will be on: beside it, or inside where it is a mount."""
    beside = path.parent
    inside = path.is_dir() and (path.is_mount() or not os.access(beside, os.W_OK))
    try:
        return Path(tempfile.mkdtemp(prefix=f".{path.name}.cloning-", dir=path if inside else beside))
    except OSError as failure:
        raise _unusable(path, failure) from failure


def _clone_into(
    git: Git,
    url: str,
    target: Path,
    branch: str | None,
    timeouts: Timeouts,
) -> None:
    wanted = () if branch is None else (f"--branch={branch_ref(branch).removeprefix('refs/heads/')}",)
    talk(
        git,
        url,
        "clone",
        "--quiet",
        "--origin=origin",
        "--no-recurse-submodules",
        *wanted,
        "--",
        url,
        str(target),
        timeouts=timeouts,
    )


def _put(clone: Path, path: Path) -> None:
    """Move a finished clone to its place; rename(2) also replaces an empty directory, but no mount point."""
    if clone.parent.parent != path:
        clone.chmod(path.stat().st_mode if path.is_dir() else clone.stat().st_mode)
        clone.rename(path)
        return
    for child in sorted(clone.iterdir(), key=lambda child: child.name == ".git"):
        child.rename(path / child.name)  # .git last: until then there is no repository that lacks files


def _unusable(path: Path, failure: OSError) -> PlaceUnusable:
    full = failure.errno in {errno.ENOSPC, errno.EDQUOT}
    return PlaceUnusable(
        f"{path} cannot be written: {failure.strerror or failure}",
        "free some space there" if full else "give another path, or make this one writable for the user running this",
    )
