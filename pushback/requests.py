"""Review requests as forges know them: pull requests, merge requests. What a forge's client is asked, and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """One wish: look at what `source` has, and bring it to `target`. The branch is at the remote by then."""

    repository: str  # the remote's URL, without any password
    source: str  # branches, without refs/heads/
    target: str
    title: str
    body: str
    commit: str  # the source's tip


class ReviewRequests(Protocol):
    """A forge, as far as review branches need it."""

    def open(self, wanted: ReviewRequest) -> str:
        """Open a request and return its URL; where one is open for that source already, return that one's.

        It is asked again after a crash between its answer and our noting that down. Raises GitferryError.
        """
        ...
