"""One question to several repositories at once; one that cannot answer keeps no other from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from gitferry.config.errors import GitferryError

if TYPE_CHECKING:
    from gitferry.config.model import Repository

T = TypeVar("T")

_AT_ONCE = 4


def in_parallel(ask: Callable[[Repository], T], repositories: Sequence[Repository]) -> list[T | GitferryError]:
    """Return what each repository answers, or why it could not, in their order."""

    def answer(repository: Repository) -> T | GitferryError:
        try:
            return ask(repository)
        except GitferryError as error:
            return error

    if len(repositories) < 2:
        return [answer(each) for each in repositories]
    with ThreadPoolExecutor(min(_AT_ONCE, len(repositories)), thread_name_prefix="ask") as pool:
        return list(pool.map(answer, repositories))
