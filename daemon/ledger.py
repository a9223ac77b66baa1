"""The index as the house uses it: opened when first needed, written after every crossing, never in anyone's way."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gitferry.config.errors import GitferryError
from gitferry.pushback.outcome import PushStatus

if TYPE_CHECKING:
    from gitferry.pushback.operations import Travel
    from gitferry.pushback.outcome import Outcome, TaskState
    from gitferry.store.faults import StoreError
    from gitferry.store.rescue import Rescued
    from gitferry.store.rows import KnownPath, RepositoryRow, TaskRow
    from gitferry.store.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")


class Ledger:
    """Git is the truth and this only an index of it: what goes wrong with it is said, and stops no crossing.

    `fault` is the sentence that says so, None while all is well; `rescued` is what became of the credentials when a
    damaged one was moved aside in this process.
    """

    def __init__(self, url: str, *, had_vault: Callable[[], bool] = lambda: True) -> None:
        """`had_vault` tells whether there ever was a vault here: without one, none can have been lost."""
        self.fault: str | None = None
        self.rescued: str | None = None
        self._url = url
        self._had_vault = had_vault
        self._store: Store | None = None
        self._roots: dict[str, KnownPath] = {}
        self._known: set[str] = set()
        self._opening = threading.Lock()
        self._closed = False
        self._broken: StoreError | None = None

    def open(self) -> Store:
        """Return the store, opened and migrated at the first call; a broken one is moved aside. Raises StoreError."""
        with self._opening:
            if self._closed:
                raise GitferryError("the index is closed")
            if self._store is None:
                self._store, rescued = _opened(self._url, self._broken, self._had_vault)
                self._broken, self.rescued = None, rescued or self.rescued
            return self._store

    def close(self) -> None:
        """Close the store for good."""
        with self._opening:
            self._closed = True
            if self._store is not None:
                self._store.close()
                self._store = None

    def repositories(self) -> dict[str, RepositoryRow]:
        """Return what is remembered of every repository, by name."""
        return self._asked(lambda store: {row.name: row for row in store.repositories()}, {})

    def heard(self, outcome: Outcome) -> None:
        """Remember one crossing."""
        self._asked(lambda store: store.save_outcome(outcome), None)

    def rebuild(self, name: str, states: Sequence[TaskState], travels: Mapping[str, Travel]) -> None:
        """Remember all tasks of a repository as they were just read, whatever was remembered before."""
        known = self.with_history(states, travels)
        self._asked(lambda store: store.replace_tasks(name, known), None)

    def knows(self, name: str) -> bool:
        """Return whether the tasks of a repository were ever read as a whole."""
        if name not in self._known and self._asked(lambda store: bool(store.tasks(name)), True):
            self._known.add(name)
        return name in self._known

    def forget(self, name: str) -> None:
        """Remember nothing of a repository."""
        self._roots.pop(name, None)
        self._known.discard(name)
        self._asked(lambda store: store.forget(name), None)

    def root(self, name: str) -> KnownPath | None:
        """Return where the repository's tree was last seen; None: it never was. Raises StoreError."""
        row = self.open().repository(name)
        return None if row is None else row.known_path

    def remember_root(self, name: str, root: KnownPath) -> None:
        """Remember where the repository's tree was seen."""
        self._asked(lambda store: store.remember_root(name, root), None)
        self._roots[name] = root

    def seen_here(self, name: str) -> KnownPath | None:
        """Return where this process saw the repository's tree; None: it did not look yet."""
        return self._roots.get(name)

    def task_names(self) -> list[str]:
        """Return the names by which tasks can be asked for."""
        states: tuple[TaskRow, ...] = self._asked(lambda store: store.tasks(), ())
        names = Counter(state.name for state in states)
        return sorted(
            {state.name if names[state.name] == 1 else f"{state.repository}/{state.name}" for state in states}
        )

    def with_history(self, states: Sequence[TaskState], travels: Mapping[str, Travel]) -> list[TaskState]:
        """Return the states with when each last travelled, and as which commit.

        That is remembered here; where it was removed, it is what the log of operations tells (`travels`, by task id).
        """
        past: dict[str, TaskRow] = self._asked(lambda store: {row.id: row for row in store.tasks()}, {})
        return [_with_history(state, past.get(state.id), travels.get(state.id)) for state in states]

    def _asked(self, ask: Callable[[Store], T], otherwise: T) -> T:
        try:
            answer = ask(self.open())
        except GitferryError as error:
            self._give_up_broken(error)
            if self.fault != error.title and not self._closed:
                log.error("%s", error, extra={"action": "store"})
            self.fault = error.title
            return otherwise
        self.fault = None
        return answer

    def _give_up_broken(self, error: GitferryError) -> None:
        """Have the next one who asks open a damaged index anew, which moves it aside."""
        from gitferry.store.faults import CorruptStore

        with self._opening:
            if isinstance(error, CorruptStore) and self._store is not None:
                self._store.close()
                self._store, self._broken = None, error
                self._known.clear()
                self._roots.clear()


def _opened(url: str, broken: StoreError | None, had_vault: Callable[[], bool]) -> tuple[Store, str | None]:
    """Return the store at `url`; one that is `broken`, or shows to be, is moved aside and made anew.

    Beside it what became of the credentials then, as a sentence: git cannot make those again.
    """
    from gitferry.store.aside import alone, is_unfinished
    from gitferry.store.faults import CorruptStore, OutdatedStore

    if broken is None and not is_unfinished(url):
        with suppress(CorruptStore, OutdatedStore):
            return _tried(url), None
    with alone(url):
        return _made_anew(url, broken, had_vault)


def _made_anew(url: str, broken: StoreError | None, had_vault: Callable[[], bool]) -> tuple[Store, str | None]:
    from gitferry.store.aside import brought_over, move_aside, unfinished
    from gitferry.store.faults import CorruptStore, OutdatedStore
    from gitferry.store.store import Store

    aside, store = unfinished(url), None  # of a process that died over it
    if broken is None:
        try:
            store = _tried(url)
        except (CorruptStore, OutdatedStore) as error:
            broken = error
    if broken is not None:
        aside = move_aside(url)
        if aside is None:
            raise broken
        said = "%s: it is kept as %s, and made anew from the repositories"
        log.error(said, broken.title, aside, extra={"action": "store_aside"})
    store = store or Store(url)
    if aside is None:
        brought_over(url)
        return store, None  # another process made it anew meanwhile
    found = _rescued(aside, store)
    brought_over(url)
    lost = found.said
    if lost is None or not (found.names or had_vault()):
        return store, None
    told = f"the database was damaged and is kept as {aside}: {lost}"
    log.error("%s", told, extra={"action": "store_aside"})
    return store, told


def _rescued(aside: Path, store: Store) -> Rescued:
    from gitferry.store.rescue import rescue

    try:
        return rescue(aside, store)
    except BaseException:
        store.close()
        raise


def _tried(url: str) -> Store:
    from gitferry.store.store import Store

    store = Store(url)
    try:
        store.repositories()
    except GitferryError:
        store.close()
        raise
    return store


def _with_history(state: TaskState, past: TaskRow | None, travel: Travel | None) -> TaskState:
    if past is None and travel is None:
        return state
    synced = None if past is None else past.last_registry_sync
    if travel is not None and (past is None or past.commit is None):
        pushed, commit, synced = travel.pushed, travel.commit, synced or travel.at
    else:
        pushed, commit = past is not None and past.push_status == PushStatus.COMPLETED, past.commit if past else None
    status = state.push_status
    if status is PushStatus.NOT_REQUIRED and pushed and commit:
        status = PushStatus.COMPLETED
    return replace(
        state,
        push_status=status,
        last_registry_sync=state.last_registry_sync or synced,
        commit=state.commit or commit,
        pull_request_url=state.pull_request_url or (None if past is None else past.pull_request_url),
    )
