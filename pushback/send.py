"""The push: large files first, then one ref, with the value it must replace."""

from __future__ import annotations

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.pushback.commit import Tip
from gitferry.pushback.ground import Ground
from gitferry.pushback.hooked import ask_about_push
from gitferry.pushback.sides import Sides
from gitferry.repos import lfs
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.transport import Accepted, Refused
from gitferry.repos.upstream import Upstream


class PushRefused(GitferryError):
    """The remote moved, or will not take it. `stale`: fetch and plan again."""

    def __init__(self, message: str, *, stale: bool) -> None:
        hint = "" if stale else "the remote's own rules decide this; the change is tried again when it is edited"
        super().__init__(f"the remote refused the push: {message}", hint)
        self.stale = stale


def send(ground: Ground, upstream: Upstream, sides: Sides, tip: Tip) -> None:
    """Push the tip, expecting the upstream tip that was planned with; the tracking ref follows.

    Raises HookRefused; PushRefused; NotUploaded; RemoteError where it is not known whether the push arrived.
    """
    commit, old = tip.commit, sides.upstream_commit
    if commit is None:
        return
    timeouts = ground.settings.timeouts
    ask_about_push(ground, upstream.url or "", upstream.remote, upstream.branch, commit, old)
    if lfs.carries_pointers(ground.objects, commit, old):
        # Commits whose pointers nobody can follow must not arrive.
        lfs.upload(ground.git, upstream.remote, upstream.branch, commit, old, deadline=timeouts.transfer)
    fp("push.before")
    try:
        answer = ground.host.transport.push(
            ground.git,
            upstream.remote,
            upstream.branch,
            commit,
            old,
            timeouts=timeouts,
            is_ancestor=ground.objects.is_ancestor,
        )
    except RemoteError as error:
        if not (error.retry and _arrived(ground, upstream, commit)):
            raise
        answer = Accepted(commit)
    fp("push.sent")
    if isinstance(answer, Refused):
        raise PushRefused(answer.message, stale=answer.kind == "stale")
    fp("push.acked_before_db")
    # `git push` moves it where the remote has a fetch refspec for the branch, which is the rule.
    known = ground.objects.ref(upstream.tracking_ref)
    if known is None or not ground.objects.is_ancestor(commit, known):
        ground.git.run("update-ref", "-m", "gitferry: pushed", upstream.tracking_ref, commit)


def _arrived(ground: Ground, upstream: Upstream, commit: str) -> bool:
    """Whether the remote has it although the connection broke off: asked once; who cannot answer has not."""
    try:
        tip = ground.host.transport.fetch(
            ground.git,
            upstream.remote,
            upstream.branch,
            timeouts=ground.settings.timeouts,
            tracking_ref=upstream.tracking_ref,
        )
    except RemoteError:
        return False
    return tip is not None and ground.objects.has(tip) and ground.objects.is_ancestor(commit, tip)
