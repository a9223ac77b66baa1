"""How HEAD came to where it is, as git's own log of it says (git-reflog(1))."""

from __future__ import annotations

from itertools import islice

from gitferry.repos.objects import Objects

_STEPS = 200
#: The first word of what git writes down for commands that take the working tree along.
_WITH_THE_TREE = (
    *("pull", "merge", "rebase", "commit", "checkout", "switch", "cherry-pick", "revert", "am", "clone", "initial"),
    "gitferry",
)


def left_files_behind(objects: Objects, since: str) -> bool:
    """Return whether HEAD was moved, after it was at `since`, by something that leaves the files as they were.

    `git reset --mixed` does, and plumbing; where the log does not tell, it is assumed.
    """
    for entry in islice(objects.repo.lookup_reference("HEAD").log(), _STEPS):
        if str(entry.oid_new) == since:
            return False
        words = (entry.message or "").replace(":", " ").split(" ", 1)
        if words[0] not in _WITH_THE_TREE:
            return True
    return True


def amended_from(objects: Objects, since: str) -> bool:
    """Return whether HEAD came from `since` by commits and amends alone: what differs was done on purpose then."""
    for entry in islice(objects.repo.lookup_reference("HEAD").log(), _STEPS):
        if str(entry.oid_new) == since:
            return True
        if not (entry.message or "").startswith(("commit:", "commit (amend):")):
            return False
    return False
