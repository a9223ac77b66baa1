"""What a person's word on tasks asks of each repository that has some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from gitferry.pushback.outcome import Request, Strategy, Word

if TYPE_CHECKING:
    from gitferry.pushback.outcome import TaskState


def pushes(states: Iterable[TaskState], message: str | None, strategy: str | None) -> dict[str, Request]:
    """Return the requests to push these tasks, by repository; `strategy` answers their conflicts, this once."""

    def wish(state: TaskState) -> Request:
        strategies = {} if strategy is None else {state.id: Strategy(strategy)}
        return Request("request", tasks=frozenset({state.id}), message=message, strategies=strategies, by_hand=True)

    return _by_repository(states, wish)


def words(states: Iterable[TaskState], by: str, *, granted: bool) -> dict[str, Request]:
    """Return the requests that say a person's word on the changes of these tasks, by repository."""

    def wish(state: TaskState) -> Request:
        return Request("request", words={state.id: Word(state.version_seen or "", by, granted)}, by_hand=True)

    return _by_repository(states, wish)


def _by_repository(states: Iterable[TaskState], wish: Callable[[TaskState], Request]) -> dict[str, Request]:
    found: dict[str, Request] = {}
    for state in states:
        asked = wish(state)
        found[state.repository] = asked.merge(found.get(state.repository, asked))
    return found
