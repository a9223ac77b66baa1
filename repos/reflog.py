"""How HEAD came to where it is, as git's own log of it says (git-reflog(1))."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from gitferry.repos.objects import Objects

_STEPS = 200  # how far back anything is looked for
#: The first word of what git writes down for commands that take the working tree along.
_WITH_THE_TREE = (
    *("pull", "merge", "rebase", "commit", "checkout", "switch", "cherry-pick", "revert", "am", "clone", "initial"),
    *("Branch", "branch", "gitferry"),  # its renaming, and git switch --force-create of the one that HEAD is on
)


def newest(objects: Objects, commit: str | None = None) -> str | None:
    """Return a name of the newest entry in HEAD's log; None without one, or where it tells of no move to `commit`.

    Times are not in it: of the entries that tell of the same move, it says which one this is.
    """
    log = list(_steps(objects))
    if not log or commit not in (None, log[0].after):
        return None
    return f"{log[0].move} {sum(step.move == log[0].move for step in log)}"


def left_behind(objects: Objects, since: str, entry: str | None = None) -> tuple[str, ...]:
    """Return the commits at which HEAD's moves after it was at `since` may have left the files, the newest first.

    `entry` names the newest in the log then. Where that is gone, HEAD was at `since` for the last time.
    `git reset --mixed` leaves them, and plumbing does; where the log does not reach back, it is assumed of `since`.
    """
    log = list(_steps(objects))
    known = None if entry is None else _find(log, entry)
    found: dict[str, None] = {}
    for step in log[:known]:
        if known is None and step.after == since:
            return tuple(found)
        command = step.message.replace(":", " ").split(" ", 1)[0]
        # `git stash` and a plain `git reset` are in the log too, though they move nothing.
        if command not in _WITH_THE_TREE and step.before != step.after and objects.has(step.before):
            found[step.before] = None
        if known is None and step.before == since:
            return tuple(found)  # what came before may have expired
    if known is None:
        found[since] = None
    return tuple(found)


def was_at(objects: Objects, commit: str) -> bool:
    """Return whether HEAD lately stood at a commit."""
    return any(commit in (step.before, step.after) for step in _steps(objects))


def amended_from(objects: Objects, since: str) -> bool:
    """Return whether HEAD came from `since` by commits and amends alone: what differs was done on purpose then."""
    for step in _steps(objects):
        if step.after == since:
            return True
        if not step.message.startswith(("commit:", "commit (amend):")):
            return False
    return False


@dataclass(frozen=True, slots=True)
class _Step:
    """One move of HEAD, from one commit to another."""

    before: str
    after: str
    message: str

    @property
    def move(self) -> str:
        """The move as a name of it begins."""
        return f"{self.before} {self.after}"


def _steps(objects: Objects) -> Iterator[_Step]:
    """Yield HEAD's latest moves, the newest first."""
    for entry in islice(objects.repo.lookup_reference("HEAD").log(), _STEPS):
        yield _Step(str(entry.oid_old), str(entry.oid_new), entry.message or "")


def _find(log: Sequence[_Step], entry: str) -> int | None:
    """Return where an entry of that name is; the oldest that may be it, where older ones have expired since."""
    move, _, which = entry.rpartition(" ")
    alike = [number for number, step in enumerate(log) if step.move == move]
    return alike[-min(int(which), len(alike))] if alike else None
