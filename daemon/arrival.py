"""How a working tree comes to be here: cloned once by its url, and noticed where another took a known one's place."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.daemon.reach import out_of_reach
from gitferry.daemon.remote_host import remote_url
from gitferry.pushback.access import login_of
from gitferry.pushback.readiness import Waits
from gitferry.repos.clone import clone
from gitferry.security.redact import redact
from gitferry.store.rows import KnownPath

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.ferry import Ferry
    from gitferry.daemon.ledger import Ledger
    from gitferry.pushback.host import Host

log = logging.getLogger(__name__)


def clone_if_new(repository: Repository, ledger: Ledger, host: Host, lost: str | None = None) -> bool:
    """Clone the repository where its path is missing and was never seen; return whether that was done.

    A known path that vanished is an unmounted disk rather than a wish to clone: the crossing will say so and wait.
    Where `lost` says why the remote's host is out of reach, it is not asked, and that is raised as a RemoteError.
    Raises what `repos.clone.clone` raises, and StoreError where nobody knows whether it was seen.
    """
    if repository.url is None or os.path.lexists(repository.path):
        return False
    known = ledger.root(repository.name)
    if known is not None and Path(known.path) == repository.path:
        return False
    if lost is not None:
        raise out_of_reach(lost)
    log.info("cloning %s", repository.name, extra={"action": "clone", "repository": repository.name})
    clone(
        repository.url,
        repository.path,
        repository.branch,
        timeouts=repository.timeouts,
        environ=host.environ,
        cancel=host.cancel,
        login=login_of(repository, host),
        connections=host.connections,
    )
    return True


class Unmounted(Waits):
    """What is at a registered path holds no repository: a disk that is not mounted leaves an empty directory."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(
            f"{repository.path} holds no git repository",
            f"mount the disk that it is on, or clone it there again; `gitferry remove {repository.name}` forgets it",
        )


def require_there(repository: Repository) -> None:
    """Raise Unmounted where a directory is at the path and no repository in it."""
    if repository.path.is_dir() and not os.path.lexists(repository.path / ".git"):
        raise Unmounted(repository)


def take_in(repository: Repository, ledger: Ledger, ferry: Ferry) -> None:
    """See that the working tree is the one that was tracked here, and remember it.

    The pushes of a new clone of the same remote wait until `resume`, as nobody has seen yet what is in it. Raises
    Waits where it is a repository of another remote, and what reading the record raises.
    """
    name, root = repository.name, _directory(repository)
    known = ledger.seen_here(name)
    if root is None or (known is not None and _same(root, known)):
        return  # once a process is enough for a tree that stays where it is, as asking for the remote costs
    if is_new_clone(repository, ledger, ferry):
        ferry.hold(repository, held=True)
        log.warning(
            "%s is a new clone: its pushes are held until `gitferry resume %s`",
            name,
            name,
            extra={"action": "new_clone", "repository": name},
        )
    accept(repository, ledger, ferry)


def accept(repository: Repository, ledger: Ledger, ferry: Ferry) -> None:
    """Remember the working tree that is there now, whatever was there before; one that cannot be read is none."""
    root = _directory(repository)
    if root is None:
        return
    try:
        url = remote_url(repository, ferry.host.environ)
    except GitferryError:
        return  # the crossing says why it cannot be read
    ledger.remember_root(repository.name, replace(root, url=redact(url) if url else None))


def is_new_clone(repository: Repository, ledger: Ledger, ferry: Ferry) -> bool:
    """Return whether the tracked directory was replaced by another clone of the same remote.

    A directory that has our record is the same repository, wherever it was moved or restored from. Raises Waits
    where it is a repository of another remote, and what reading the record raises.
    """
    root = _directory(repository)
    try:
        known = ledger.root(repository.name)
        url = remote_url(repository, ferry.host.environ) if root and known and not _same(root, known) else None
    except GitferryError:
        return False  # the index may be lost, and the crossing says why a repository cannot be read
    if root is None or known is None or known.path != root.path or _same(root, known):
        return False
    if known.url is not None and url is not None and redact(url) != known.url:
        raise Waits(
            f"another repository is at {root.path}: its remote is {redact(url)}, and was {known.url}",
            f"put the one back that was there, or `gitferry resume {repository.name}` if this one is meant",
        )
    return ferry.record(repository).oid is None


def _directory(repository: Repository) -> KnownPath | None:
    """Return which directory the working tree is now, its remote not asked for; None where there is none."""
    try:
        found = repository.path.stat()
    except OSError:
        return None
    return KnownPath(str(repository.path), found.st_dev, found.st_ino)


def _same(one: KnownPath, other: KnownPath) -> bool:
    return (one.path, one.device, one.inode) == (other.path, other.device, other.inode)
