"""A repository that the settings know by its url becomes a working tree, once."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from gitferry.store.rows import KnownPath

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.ledger import Ledger
    from gitferry.pushback.host import Host

log = logging.getLogger(__name__)


def clone_if_new(repository: Repository, ledger: Ledger, host: Host) -> bool:
    """Clone the repository where its path is missing and was never seen; return whether that was done.

    A known path that vanished is an unmounted disk rather than a wish to clone: the crossing will say so and wait.
    Raises what `repos.clone.clone` raises, and StoreError where nobody knows whether it was seen.
    """
    if repository.url is None or os.path.lexists(repository.path):
        return False
    known = ledger.root(repository.name)
    if known is not None and Path(known.path) == repository.path:
        return False
    from gitferry.repos.clone import clone

    log.info("cloning %s", repository.name, extra={"action": "clone", "repository": repository.name})
    clone(
        repository.url,
        repository.path,
        repository.branch,
        timeouts=repository.timeouts,
        environ=host.environ,
        cancel=host.cancel,
    )
    return True


def root_of(repository: Repository) -> KnownPath | None:
    """Return which directory the working tree is now; None where there is none."""
    try:
        found = repository.path.stat()
    except OSError:
        return None
    return KnownPath(str(repository.path), found.st_dev, found.st_ino)
