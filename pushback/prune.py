"""What is older than a repository keeps goes: operations from the log, and the records of the generation before last.

Operations are the log; what a crossing read or replaced is in the records too. So a clock that jumped can shorten the
log to its newest entries, and takes no content: a chain of records ages by what passed between them, each step bounded.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pygit2

from gitferry.config.errors import GitferryError
from gitferry.pushback import operations
from gitferry.pushback.ground import Ground
from gitferry.repos import drop_refs
from gitferry.repos import record as records
from gitferry.repos.large_files import LargeFiles

NEWEST = 50  # operations of a branch that stay whatever the clock says
SHORTEST = 100  # records that a chain holds before another is begun

_EVERY = timedelta(days=1)
log = logging.getLogger(__name__)


def prune(ground: Ground, branch: str, at: datetime) -> None:
    """Let go of what is too old, once a day in each process. The caller has the lane's lock, and its crossing is over.

    Trouble with it is logged and ends nothing.
    """
    last = ground.host.known.pruned.get(ground.place.common_dir)
    if last is not None and last <= at < last + _EVERY:
        return
    done = True
    try:
        done = _prune(ground, branch, at)
    except (GitferryError, pygit2.GitError, OSError) as error:
        said = "%s: what is too old could not be removed: %s"
        log.warning(said, ground.settings.name, error, extra={"action": "prune", "repository": ground.settings.name})
    if done:
        ground.host.known.pruned[ground.place.common_dir] = at


def _prune(ground: Ground, branch: str, at: datetime) -> bool:
    """Return whether that was all for a day; it is not where something else is in the way for a moment."""
    objects = ground.objects
    keep = timedelta(seconds=ground.settings.keep_operations)
    record = records.load(objects, branch)
    if record.journal is not None:
        return False
    chain = records.chain(objects, record.oid)
    if chain.age >= keep and chain.length >= SHORTEST:
        records.begin_chain(objects, record, head=objects.ref(f"refs/heads/{branch}"), at=at)
    LargeFiles(ground.place, ground.state.config).drop(at - keep)
    old = operations.outdated(objects, at - keep, newest=NEWEST)
    return drop_refs.drop(ground.place.common_dir, old)
