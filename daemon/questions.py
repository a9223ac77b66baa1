"""What the repositories answer when they are asked together, and which of them cannot: tasks, operations, anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from gitferry.config.errors import GitferryError
from gitferry.daemon import address
from gitferry.daemon.arrival import require_there
from gitferry.daemon.parallel import in_parallel

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.house import House
    from gitferry.daemon.rows import Row
    from gitferry.pushback.outcome import Operation, TaskState

T = TypeVar("T")


class Questions:
    """Asked of the repositories of one house. One that is asked for by its name must answer; of all, some may not."""

    def __init__(self, house: House) -> None:
        self._house = house

    def chosen(self, repository: str | None) -> tuple[Repository, ...]:
        """Return the one named, or all. Raises UnknownRepository."""
        return self._house.roster.chosen([] if repository is None else [repository])

    def read(
        self, ask: Callable[[Repository], Iterable[T]], repositories: Sequence[Repository], go_on: bool
    ) -> tuple[list[T], list[Row]]:
        """Return what the repositories answer, and a row for each that could not; unless to `go_on`, that raises."""
        found: list[T] = []
        unreadable: list[Row] = []

        def of_tree(each: Repository) -> Iterable[T]:
            require_there(each)
            return ask(each)

        for each, answer in zip(repositories, in_parallel(of_tree, repositories), strict=True):
            if not isinstance(answer, GitferryError):
                found.extend(answer)
            elif go_on:
                unreadable.append({"repository": each.name, "error": answer.title, "hint": answer.hint})
            else:
                raise answer
        return found, unreadable

    def states(self, repository: str | None) -> tuple[list[TaskState], list[Row]]:
        """Return the states of all tasks, and which repositories could not be read."""
        states, unreadable = self.read(self._house.ferry.survey, self.chosen(repository), repository is None)
        return self._house.with_history(states), unreadable

    def find(self, tasks: Sequence[str]) -> list[TaskState]:
        """Return the states of the tasks that are meant. Raises UnknownTask, AmbiguousTask."""
        states, unreadable = self.states(None)
        roots = {each.name: str(each.path) for each in self._house.roster.settings.repositories}
        missing = [row["repository"] for row in unreadable]
        return [address.find(task, states, roots, missing) for task in dict.fromkeys(tasks)]

    def operations(self, repository: str | None) -> tuple[list[Operation], list[Row]]:
        """Return operations, newest first, and which repositories could not be read."""
        found, unreadable = self.read(self._house.ferry.log, self.chosen(repository), repository is None)
        return sorted(found, key=lambda done: (done.at, done.id), reverse=True), unreadable

    def operation(self, op: str) -> Operation:
        """Return the one whose id begins like this. Raises UnknownOperation, AmbiguousOperation."""
        found, unreadable = self.operations(None)
        return address.operation(op, found, [row["repository"] for row in unreadable])
