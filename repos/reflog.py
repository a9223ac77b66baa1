"""How HEAD came to where it is, as git's own log of it says (git-reflog(1))."""

from __future__ import annotations

from itertools import islice

from gitferry.repos.objects import Objects

_STEPS = 200
#: The first word of what git writes down for commands that take the working tree along.
_WITH_THE_TREE = (
    *("pull", "merge", "rebase", "commit", "checkout", "switch", "cherry-pick", "revert", "am", "clone", "initial"),
    *("Branch", "branch", "gitferry"),  # its renaming, and git switch --force-create of the one that HEAD is on
)


def left_behind(objects: Objects, since: str) -> tuple[str, ...]:
    """Return the commits at which HEAD's moves after it was at `since` may have left the files, the newest first.

    `git reset --mixed` leaves them, and plumbing does; where the log does not reach back, it is assumed of `since`.
    """
    found: dict[str, None] = {}
    for entry in islice(objects.repo.lookup_reference("HEAD").log(), _STEPS):
        before, after = str(entry.oid_old), str(entry.oid_new)
        if after == since:
            return tuple(found)
        words = (entry.message or "").replace(":", " ").split(" ", 1)
        # `git stash` and a plain `git reset` are in the log too, though they move nothing.
        if words[0] not in _WITH_THE_TREE and before != after and objects.has(before):
            found[before] = None
        if before == since:
            return tuple(found)  # what came before may have expired
    return (*found, *({since} - found.keys()))


def was_at(objects: Objects, commit: str) -> bool:
    """Return whether HEAD lately stood at a commit."""
    log = islice(objects.repo.lookup_reference("HEAD").log(), _STEPS)
    return any(commit in (str(entry.oid_old), str(entry.oid_new)) for entry in log)


def amended_from(objects: Objects, since: str) -> bool:
    """Return whether HEAD came from `since` by commits and amends alone: what differs was done on purpose then."""
    for entry in islice(objects.repo.lookup_reference("HEAD").log(), _STEPS):
        if str(entry.oid_new) == since:
            return True
        if not (entry.message or "").startswith(("commit:", "commit (amend):")):
            return False
    return False
