"""Pause and resume a repository, and hold its first pushes back.

The wish stands in the record, in git, so that it outlives the database.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gitferry.config.model import Repository
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.host import Host
from gitferry.pushback.readiness import tracked_branch
from gitferry.repos import record as records
from gitferry.repos.lock import lane_lock
from gitferry.repos.record import Record


def pause(repository: Repository, until: datetime | None, *, host: Host) -> None:
    """Let nothing cross by itself until `until` (None: until `resume`). Raises what opening raises."""
    ends = None if until is None else until.isoformat(timespec="seconds")
    _change(repository, host, paused=True, paused_until=ends)


def resume(repository: Repository, *, host: Host) -> None:
    """Let the repository cross by itself again, its first pushes included."""
    _change(repository, host, paused=False, paused_until=None, pushes_held=False)


def hold_pushes(repository: Repository, *, host: Host, held: bool = True) -> None:
    """Hold everything that would be pushed until `resume` or `push all`; `held` false releases it."""
    _change(repository, host, pushes_held=held)


def wishes(repository: Repository, *, host: Host) -> Record:
    """Return the record as it stands, which tells whether the repository is paused or its pushes are held."""
    with opened(repository, host) as ground:
        return _load(ground)


def _load(ground: Ground) -> Record:
    known = records.branches(ground.objects)
    branch = ground.settings.branch or (known[0] if len(known) == 1 else tracked_branch(ground))
    return records.load(ground.objects, branch)


def _change(repository: Repository, host: Host, **fields: object) -> None:
    with opened(repository, host) as ground, lane_lock(ground.place.common_dir, wait=host.lock_wait):
        record = _load(ground)
        changed = replace(record, **fields)  # type: ignore[arg-type]  # the fields are named by the three callers above
        if changed != record:
            records.save(ground.objects, changed, head=ground.state.head, at=host.clock())
