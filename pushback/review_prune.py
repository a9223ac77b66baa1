"""Review branches that are over go at the remote, when their user says so: each only where it stands as we left it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gitferry.config.model import Repository
from gitferry.pushback import operations
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.host import Host
from gitferry.pushback.own_changes import against_parents, own
from gitferry.pushback.readiness import Waits
from gitferry.pushback.review_end import Ending
from gitferry.pushback.review_look import HEADS, forget
from gitferry.repos import record as records
from gitferry.repos.lock import lane_lock
from gitferry.repos.record import Record
from gitferry.repos.review import Review
from gitferry.repos.tasks import WHOLE
from gitferry.repos.transport import Refused


@dataclass(frozen=True, slots=True)
class Finished:
    """A review branch that nothing goes to any more. `kept`: why it was not deleted after all."""

    branch: str
    why: str
    kept: str | None = None


def finished(repository: Repository, *, host: Host) -> tuple[Finished, ...]:
    """Return the review branches that `prune` would delete, as far as is known here."""
    with opened(repository, host) as ground:
        return tuple(Finished(each.branch, each.over or "") for _, each in _over(ground))


def prune(repository: Repository, *, host: Host) -> tuple[Finished, ...]:
    """Delete them at the remote and return what became of each.

    Their commits stay reachable here from the operations that pushed them. Raises RemoteError, Waits.
    """
    with opened(repository, host) as ground, lane_lock(ground.place.common_dir, wait=host.lock_wait):
        upstream = ground.state.upstream
        over = list(_over(ground))
        if not over:
            return ()
        if upstream is None:
            raise Waits(f"{ground.state.branch} has no upstream", "check out the branch that is synced")
        names = [HEADS + review.branch for _, review in over]
        refs = host.transport.remote_refs(ground.git, upstream.remote, *names, timeouts=ground.settings.timeouts)
        return tuple(
            _pruned(ground, record, review, upstream.remote, refs.get(HEADS + review.branch)) for record, review in over
        )


def _over(ground: Ground) -> Iterator[tuple[Record, Review]]:
    for branch in records.branches(ground.objects):
        record = records.load(ground.objects, branch)
        yield from ((record, review) for review in record.reviews if review.over is not None)


def _has_more(ground: Ground, review: Review, tip: str) -> bool:
    """Whether a branch has something of others that the tracked one has not.

    Where our change was taken back, that is all in which it still differs from where it began; else what others
    committed of what was not ours.
    """
    objects, upstream = ground.objects, ground.state.upstream
    tracked = None if upstream is None else objects.ref(upstream.tracking_ref)
    forks = () if tracked is None else objects.merge_bases(tip, tracked)
    there, here = objects.tree_of(tip), objects.tree_of(tracked)
    if review.over == Ending.WITHDRAWN.value:
        return there not in {objects.tree_of(fork) for fork in forks}
    ours = {commit for known in operations.read_all(objects) for commit in known.operation.commits}
    theirs = (each for each in objects.between(forks, tip) if each.oid not in ours)
    paths = frozenset[str]().union(*(own(against_parents(objects, commit)) for commit in theirs))
    return any(
        objects.file_at(there, path) != objects.file_at(here, path)
        for path in paths
        if not any(unit in (WHOLE, path) or path.startswith(unit + "/") for unit in review.units)
    )


def _pruned(ground: Ground, record: Record, review: Review, remote: str, there: str | None) -> Finished:
    done = Finished(review.branch, review.over or "")
    if there is not None and there != review.tip:
        return replace(done, kept="it was changed there")
    if there is not None and _has_more(ground, review, there):
        return replace(done, kept="it has changes of others")
    if there is not None:
        answer = ground.host.transport.delete(
            ground.git, remote, review.branch, there, timeouts=ground.settings.timeouts
        )
        if isinstance(answer, Refused):
            return replace(done, kept=answer.message)
    record = records.load(ground.objects, record.branch)  # one before it may have been deleted just now
    left = tuple(each for each in record.reviews if each.branch != review.branch)
    records.save(ground.objects, replace(record, reviews=left), head=ground.state.head, at=ground.host.clock())
    forget(ground, review.branch)
    return done
