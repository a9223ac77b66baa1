"""The transport of one crossing, which notes whether the remote's host answered, and asks no host known to be lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from gitferry.repos.remote_error import RemoteError
from gitferry.repos.transport import Seconds

if TYPE_CHECKING:
    from gitferry.pushback.host import Transport
    from gitferry.repos.git import Git
    from gitferry.repos.transport import Accepted, Refused, Timeouts

T = TypeVar("T")

_USUAL = Seconds()
_ANSWERED = frozenset({"auth", "not_found"})  # it is there, and says no


def out_of_reach(why: str) -> RemoteError:
    """Return what is raised where a host is not asked, as it is known to be lost."""
    return RemoteError("offline", why, "it is tried again by itself, at once when the network returns")


@dataclass(slots=True)
class Reach:
    """Passes on to `inner`; `reached` then tells whether the host answered once.

    Where `lost` says why the host is out of reach, nothing is passed on and that is raised at once, as a RemoteError.
    """

    inner: Transport
    lost: str | None = None
    reached: bool = False

    def remote_refs(self, git: Git, remote: str, *patterns: str, timeouts: Timeouts = _USUAL) -> dict[str, str]:
        """Return the refs that the remote shows."""
        return self._asked(lambda: self.inner.remote_refs(git, remote, *patterns, timeouts=timeouts))

    def fetch(
        self, git: Git, remote: str, branch: str, *, timeouts: Timeouts = _USUAL, tracking_ref: str | None = None
    ) -> str | None:
        """Fetch one branch and return its tip, None where the remote has no such branch."""
        return self._asked(lambda: self.inner.fetch(git, remote, branch, timeouts=timeouts, tracking_ref=tracking_ref))

    def push(
        self,
        git: Git,
        remote: str,
        branch: str,
        new: str,
        expected: str | None,
        *,
        timeouts: Timeouts = _USUAL,
        is_ancestor: Callable[[str, str], bool] | None = None,
    ) -> Accepted | Refused:
        """Move one branch from `expected` to a descendant of it."""
        return self._asked(
            lambda: self.inner.push(git, remote, branch, new, expected, timeouts=timeouts, is_ancestor=is_ancestor)
        )

    def delete(
        self, git: Git, remote: str, branch: str, expected: str, *, timeouts: Timeouts = _USUAL
    ) -> Accepted | Refused:
        """Delete a branch that stands at `expected`."""
        return self._asked(lambda: self.inner.delete(git, remote, branch, expected, timeouts=timeouts))

    def _asked(self, ask: Callable[[], T]) -> T:
        if self.lost is not None:
            raise out_of_reach(self.lost)
        try:
            answer = ask()
        except RemoteError as error:
            self.reached |= error.kind in _ANSWERED
            raise
        self.reached = True
        return answer
