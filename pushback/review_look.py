"""What the remote has of our review branches, and what others committed there, is fetched before a crossing plans.

Where that fails for what stands on one branch, only that branch's tasks wait.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from gitferry.pushback.ground import Ground
from gitferry.repos import drop_refs
from gitferry.repos.objects import Objects
from gitferry.repos.record import Record
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.review import Review

REVIEW_REFS = "refs/gitferry/review/"
AMENDED_REFS = "refs/gitferry/amended/"
HEADS = "refs/heads/"

_ITS_OWN = frozenset({"timeout", "other"})  # kinds of failure


def is_its_own(error: RemoteError) -> bool:
    """Return whether a failure, at a remote that has just answered, may well lie in the one branch that was asked for.

    It may be more than fits into `timeouts.transfer`, or hold what git takes for malformed.
    """
    return error.kind in _ITS_OWN


def review_ref(branch: str) -> str:
    """Return the local ref that keeps our tip of a review branch."""
    return REVIEW_REFS + quote(branch, safe="")


def amended_ref(branch: str) -> str:
    """Return the local ref that keeps what others made of a review branch."""
    return AMENDED_REFS + quote(branch, safe="")


def forget(ground: Ground, branch: str) -> None:
    """Drop our refs of a review branch; what was sent stays reachable from its operations."""
    names = [name for name in (review_ref(branch), amended_ref(branch)) if ground.objects.ref(name) is not None]
    if names:
        drop_refs.drop(ground.place.common_dir, names)


def looked(ground: Ground, record: Record, remote: str) -> Record:
    """Return the record with where its review branches stand at the remote. Raises RemoteError.

    One that is over, and gone there, is forgotten.
    """
    if not record.reviews:
        return record
    names = [HEADS + review.branch for review in record.reviews]
    refs = ground.host.transport.remote_refs(ground.git, remote, *names, timeouts=ground.settings.timeouts)
    kept = []
    for review in record.reviews:
        there = refs.get(HEADS + review.branch)
        if review.over is not None and there is None:
            forget(ground, review.branch)
        else:
            kept.append(replace(review, there=_there(ground, review, there, remote)))
    return replace(record, reviews=tuple(kept))


def _there(ground: Ground, review: Review, there: str | None, remote: str) -> str | None:
    """Return what `Review.there` says of a branch that is at `there` now."""
    if review.tip is None or there in (review.tip, ground.objects.ref(review_ref(review.branch))):
        return None  # as we left it, or as a push of ours that nobody acknowledged did
    if there is None:
        return ""
    if unseen(ground.objects, review) and there == review.there and not ground.by_hand:
        return there  # to try that at each crossing would keep all that it carries waiting
    try:
        return there if fetched(ground, review.branch, there, remote) else review.there
    except RemoteError as error:
        if not is_its_own(error):
            raise
        ground.notes.append(f"what others did on {review.branch} could not be fetched: {error.title}")
        return there


def unseen(objects: Objects, review: Review) -> bool:
    """Return whether a branch stands, as far as is known, at a commit that could not be fetched."""
    return bool(review.there and not objects.has(review.there))


def fetched(ground: Ground, branch: str, there: str, remote: str) -> bool:
    """Fetch a review branch that is at `there`, unless that is here; return whether it is now. Raises RemoteError."""
    if not ground.objects.has(there):
        timeouts = ground.settings.timeouts
        ground.host.transport.fetch(ground.git, remote, branch, timeouts=timeouts, tracking_ref=amended_ref(branch))
    return ground.objects.has(there)
