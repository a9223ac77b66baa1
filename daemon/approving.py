"""A person's word on a change that needs approval: whether there is anything to say it to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.daemon.resolving import ChangedSince
from gitferry.pushback.outcome import PushStatus

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.pushback.outcome import TaskState

_DONE = frozenset({PushStatus.NOT_REQUIRED, PushStatus.COMPLETED})


class NothingToApprove(GitferryError):
    """A task has no change that a word could be said to."""


def require_approvable(state: TaskState, repository: Repository, version: str | None) -> None:
    """Raise NothingToApprove or ChangedSince where a word on this task would say nothing."""
    if repository.pushback.approval == "none":
        raise NothingToApprove(
            f"{repository.name} asks for no approval",
            f"`gitferry push task {state.name}` pushes it; `pushback: {{approval: required}}` asks for one",
        )
    if state.push_status in _DONE or state.version_seen is None:
        raise NothingToApprove(f"{state.name} has no change to approve", "`gitferry push status` names those that have")
    if version is not None and version != state.version_seen:
        raise ChangedSince(state.name)
