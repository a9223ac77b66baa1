"""What is too much to push unasked: pure checks that turn pushes into waits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from gitferry.pushback.decision import Action, Decision, Policy, wait
from gitferry.pushback.feature_branch import is_there

_FEW = 3  # tasks; below it, deleting most of them is nothing unusual
_MANY = 50  # deletions that wait in a repository of any size


@dataclass(frozen=True, slots=True)
class Load:
    """The size of one task's change: bytes and files that its push would carry."""

    bytes: int
    files: int


def guarded(
    decisions: Sequence[Decision],
    policy: Policy,
    *,
    remembered: Collection[str] = (),
    total_tasks: Callable[[], int],
    load: Callable[[Decision], Load],
    batch_limit: int,
    files_limit: int,
) -> list[Decision]:
    """Return the decisions with what needs a person's word made to wait.

    `remembered` are deletions that waited before: that some came back since is no word for the others. `total_tasks`
    counts the tasks HEAD has; it is asked only when something was deleted. Limits are for one push.
    """
    pushes = [d for d in decisions if d.action in (Action.PUSH, Action.MERGE) and not policy.asks(d.unit)]
    pushes = [d for d in pushes if not is_there(d.view, policy)]
    pushes = [d for d in pushes if d.committed is not Action.MERGE]  # a commit of the user's, brought together
    stopped: dict[str, str] = {}
    deleted = [d for d in pushes if not d.carried]
    if len(deleted) > 1:
        total = total_tasks()
        if len(deleted) > _MANY or (total >= _FEW and 2 * len(deleted) > total):
            reason = f"{len(deleted)} of {total} tasks were deleted here: `gitferry push all` if that is meant"
            stopped |= {d.unit: reason for d in deleted}
    word = "deleted together with many others: `gitferry push all` if that is meant"
    stopped |= {d.unit: word for d in deleted if d.unit in remembered and d.unit not in stopped}
    guarded_deletions = frozenset(stopped)
    going = [d for d in pushes if d.unit not in stopped]
    loads = [load(d) for d in going]
    size, files = sum(one.bytes for one in loads), sum(one.files for one in loads)
    if size > batch_limit:
        reason = f"{size:,} bytes to push at once, over {batch_limit:,} (pushback.limits.batch): push by hand"
        stopped |= {d.unit: reason for d in going}
    elif files > files_limit:
        reason = f"{files:,} files to push at once, over {files_limit:,} (pushback.limits.files): push by hand"
        stopped |= {d.unit: reason for d in going}
    return [
        replace(wait(d, stopped[d.unit], pending=True), guarded=d.unit in guarded_deletions) if d.unit in stopped else d
        for d in decisions
    ]
