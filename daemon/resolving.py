"""A person's answer to a conflict: looked at before anything crosses, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.pushback.outcome import Answer, Outcome, PushStatus, State, Take
from gitferry.repos.tree_names import check_name

if TYPE_CHECKING:
    from gitferry.pushback.outcome import TaskState
    from gitferry.pushback.versions import Held
    from gitferry.repos.content import File

#: What `conflicts` shows and `resolve` answers.
OPEN = frozenset({PushStatus.CONFLICT, PushStatus.IN_REVIEW})
_DONE = frozenset({PushStatus.COMPLETED, PushStatus.NOT_REQUIRED})


class NotInConflict(GitferryError):
    """There is nothing to answer."""

    def __init__(self, state: TaskState) -> None:
        where = f": {state.reason}" if state.reason else ""
        status = state.push_status.value.replace("_", " ")
        super().__init__(
            f"{state.name} is not in conflict; its push status is {status}{where}",
            "`gitferry conflicts` lists the tasks that are",
        )


class NoCleanMerge(GitferryError):
    """A merge was asked for where there is none."""

    def __init__(self, state: TaskState, held: Held) -> None:
        why = "; ".join(f"{file.path} ({file.conflict})" for file in held.files if file.conflict)
        hint = "`--take local` or `--take remote` takes one side"
        if not held.together and all(file.text for file in held.files if file.conflict):
            hint = f"`gitferry resolve {state.name} --edit` merges by hand; {hint}"
        super().__init__(
            f"{state.name} does not merge by itself: {why or 'its files do not fit together'}",
            hint,
        )


class ChangedSince(GitferryError):
    """A side of the conflict is not what was looked at. Nothing was done."""

    exit_code = 4

    def __init__(self, task: str) -> None:
        super().__init__(
            f"{task} was changed again since you looked, so nothing was done",
            f"`gitferry conflicts {task}` shows what it is now",
        )


class Joined(GitferryError):
    """What a person made of one half of a rename says nothing of the other half."""

    def __init__(self, state: TaskState, held: Held) -> None:
        super().__init__(
            f"{state.name} cannot be merged by hand: a rename joins it to {', '.join(held.together)}",
            "one answer is for all of them: `--take local` or `--take remote`, or `--take merged` where that is clean",
        )


class Misplaced(GitferryError):
    """A file of an answer lies in another task."""

    def __init__(self, state: TaskState, path: str) -> None:
        super().__init__(f"{path} is no file of {state.name}", "give files of the task alone")


def answers_to(
    state: TaskState, known: Sequence[Held], take: Take, version: str | None, files: Mapping[str, File | None]
) -> dict[str, Answer]:
    """Return the answer as a crossing takes it, by path: to the task, and to those that a rename joins to it.

    `known` are the held tasks of its repository; `version` is what its author saw, None: what stands there now.
    Raises NotInConflict, ChangedSince, NoCleanMerge, Joined, Misplaced, UnsafeName.
    """
    held = next((each for each in known if each.unit == state.path), None)
    if state.push_status not in OPEN or held is None:
        raise NotInConflict(state)
    if version is not None and version != held.version:
        raise ChangedSince(state.name)
    if take is Take.MERGED and held.merged is None:
        raise NoCleanMerge(state, held)
    if take is Take.GIVEN and held.together:
        raise Joined(state, held)
    for path in files:
        check_name(path)
        if not _covers(state, path):
            raise Misplaced(state, path)
    units = {held.unit, *held.together}
    return {each.unit: Answer(take, each.version, dict(files)) for each in known if each.unit in units}


def is_resolved(state: TaskState, outcome: Outcome) -> bool:
    """Return whether the crossing answered the task for good."""
    now = next((each for each in outcome.tasks if each.id == state.id), None)
    if now is None:
        return outcome.error is None and outcome.state in (State.HEALTHY, State.CONFLICT)
    return now.push_status in _DONE


def _covers(state: TaskState, path: str) -> bool:
    return state.kind == "repository" or path == state.path or path.startswith(f"{state.path}/")
