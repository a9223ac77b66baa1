"""Which task is meant: by id, by name, by `repository/name` or by path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.config.listing import first_of

if TYPE_CHECKING:
    from gitferry.pushback.outcome import Operation, TaskState


class UnknownTask(GitferryError):
    """No task answers to the name; it may be one of a repository in `unreadable`."""

    def __init__(self, name: str, unreadable: Sequence[str] = ()) -> None:
        hint = "`gitferry tasks` lists names, paths and ids."
        super().__init__(f"no task is named {name!r}", _and_unreadable(hint, unreadable))


class AmbiguousTask(GitferryError):
    """Several tasks answer to the name."""

    def __init__(self, name: str, found: Sequence[TaskState]) -> None:
        choices = first_of([f"{state.repository}/{state.path} ({state.id})" for state in found], 5)
        super().__init__(f"{name!r} names {len(found)} tasks: {choices}", "Use the id, or repository/path.")


class UnknownOperation(GitferryError):
    """No operation has the id; it may be one of a repository in `unreadable`."""

    def __init__(self, name: str, unreadable: Sequence[str] = ()) -> None:
        super().__init__(f"no operation has the id {name!r}", _and_unreadable("`gitferry log` lists them.", unreadable))


class AmbiguousOperation(GitferryError):
    """Several operations' ids begin like this."""

    def __init__(self, name: str, found: Sequence[Operation]) -> None:
        choices = ", ".join(f"{done.id} ({done.repository})" for done in found[:5])
        super().__init__(f"{len(found)} operations begin with {name!r}", f"Give more of the id: {choices}.")


def find(name: str, states: Iterable[TaskState], roots: Mapping[str, str], unreadable: Sequence[str] = ()) -> TaskState:
    """Return the one task `name` means. An id wins over a name, a name over a path.

    A path is the task's in its repository, or absolute (`roots`: repository → the top of its working tree); an
    absolute path of a file means the task it lies in. Raises UnknownTask, which names the repositories that are
    `unreadable`, or AmbiguousTask.
    """
    states = tuple(states)
    for spelled in (_by_id, _by_name, _by_path):
        found = [state for state in states if spelled(state, name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise AmbiguousTask(name, found)
    if name.startswith("/"):
        holding = [state for state in states if _holds(_place(state, roots), name)]
        if holding:
            return max(holding, key=lambda state: len(state.path))
    raise UnknownTask(name, unreadable)


def operation(prefix: str, operations: Iterable[Operation], unreadable: Sequence[str] = ()) -> Operation:
    """Return the one operation whose id is, or begins with, `prefix`.

    Raises UnknownOperation, which names the repositories that are `unreadable`, or AmbiguousOperation.
    """
    found = [done for done in operations if prefix and done.id.startswith(prefix)]
    found = [done for done in found if done.id == prefix] or found
    if not found:
        raise UnknownOperation(prefix, unreadable)
    if len(found) > 1:
        raise AmbiguousOperation(prefix, found)
    return found[0]


def _and_unreadable(hint: str, repositories: Sequence[str]) -> str:
    if not repositories:
        return hint
    return f"{hint} {', '.join(repositories)} could not be read: `gitferry status` tells why."


def _by_id(state: TaskState, name: str) -> bool:
    return state.id == name


def _by_name(state: TaskState, name: str) -> bool:
    return name in (state.name, f"{state.repository}/{state.name}")


def _by_path(state: TaskState, name: str) -> bool:
    return name.rstrip("/") in (state.path, f"{state.repository}/{state.path}")


def _place(state: TaskState, roots: Mapping[str, str]) -> str:
    root = roots[state.repository]
    return root if state.path in ("", ".") else f"{root}/{state.path}"


def _holds(place: str, path: str) -> bool:
    return path == place or path.startswith(f"{place}/")
