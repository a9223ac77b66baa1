"""When a burst of changes is over: a quiet period that each change restarts, bounded by a maximum wait.

Times are seconds of a monotonic clock: the wall clock decides nothing here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

#: From here on asking git about the whole tree is cheaper than naming each path.
MANY = 5_000

#: More paths than this are not even remembered one by one.
MEMORABLE = 20 * MANY

#: One change as it arrived: when, and which paths (None: something, nobody knows where).
Arrival = tuple[float, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one repository's changes may settle; `quiet` and `max_wait` in seconds."""

    quiet: float = 2.0
    max_wait: float = 30.0


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Changes of one repository that wait to be crossed."""

    first_change: float
    last_change: float
    changed_at: Mapping[str, float] = field(default_factory=dict)  # path -> its last change
    everywhere_at: float | None = None  # when something changed that no path names

    @property
    def paths(self) -> frozenset[str] | None:
        """The changed paths; None means: look at the whole tree."""
        if self.everywhere_at is not None or len(self.changed_at) > MANY:
            return None
        return frozenset(self.changed_at)


def record(state: Unsettled | None, paths: frozenset[str] | None, now: float) -> Unsettled:
    """Return `state` with one more change in it. No path at all (an empty set) tells that refs moved."""
    return fold(state, ((now, paths),)) or Unsettled(now, now)


def fold(state: Unsettled | None, arrivals: Iterable[Arrival]) -> Unsettled | None:
    """Return `state` with all `arrivals` (oldest first) in it; one copy for a whole burst."""
    changed_at = dict(state.changed_at) if state else {}
    everywhere_at = state.everywhere_at if state else None
    first = state.first_change if state else None
    last = state.last_change if state else 0.0
    for now, paths in arrivals:
        first = now if first is None else first
        last = now
        if paths is None:
            everywhere_at = now
        else:
            changed_at.update(dict.fromkeys(paths, now))
    if len(changed_at) > MEMORABLE:
        changed_at, everywhere_at = {}, last
    return None if first is None else Unsettled(first, last, changed_at, everywhere_at)


def next_deadline(state: Unsettled, patience: Patience) -> float:
    """Return when `state` is due if nothing more changes."""
    return min(state.last_change + patience.quiet, state.first_change + patience.max_wait)


def due(state: Unsettled, patience: Patience, now: float) -> bool:
    """Return whether the changes were quiet long enough, or have waited for as long as they may."""
    return now >= next_deadline(state, patience)


def busy_paths(state: Unsettled, patience: Patience, now: float) -> frozenset[str] | None:
    """Return the paths that changed within the last `quiet` seconds: a task with one of them is still being saved.

    None means that something changed which no path names (the kernel lost events), so that nothing is known quiet.
    """
    since = now - patience.quiet
    if state.everywhere_at is not None and state.everywhere_at > since:
        return None
    return frozenset(path for path, at in state.changed_at.items() if at > since)


def remaining(state: Unsettled, patience: Patience, now: float) -> Unsettled | None:
    """Return what is left to settle once `state` was handed over at `now`: what is still being changed.

    A path in use at the maximum wait may see no further event, so it has to come up again by itself.
    """
    since = now - patience.quiet
    left = {path: at for path, at in state.changed_at.items() if at > since}
    everywhere = state.everywhere_at if state.everywhere_at is not None and state.everywhere_at > since else None
    times = [*left.values(), *(() if everywhere is None else (everywhere,))]
    return Unsettled(now, max(times), left, everywhere) if times else None


@dataclass(slots=True)
class _Repository:
    patience: Patience
    state: Unsettled | None = None
    arrived: list[Arrival] = field(default_factory=list)

    def settle(self) -> None:
        if self.arrived:
            self.state = fold(self.state, self.arrived)
            self.arrived = []


class Settler:
    """Calls `on_due(name, paths)` from its own thread once a repository's changes have settled.

    `paths` is None for "look at the whole tree", and empty when only refs moved. `on_due` should only enqueue a
    request: what changes while the crossing runs is kept, and comes as the next call. Nothing is ever interrupted.
    """

    def __init__(
        self,
        on_due: Callable[[str, frozenset[str] | None], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_due = on_due
        self._clock = clock
        self._condition = threading.Condition()
        self._repositories: dict[str, _Repository] = {}
        self._thread: threading.Thread | None = None
        self._woken = False
        self._closed = False

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="gitferry-settle", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether what has settled is handed over."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Stop the thread; what has not settled is forgotten (the next start looks at whole trees)."""
        with self._condition:
            self._closed = True
            self._wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def set(self, name: str, patience: Patience) -> None:
        """Know a repository, or change how long it settles; changes under way are kept."""
        with self._condition:
            if (known := self._repositories.get(name)) is not None:
                known.patience = patience
            else:
                self._repositories[name] = _Repository(patience)
            self._wake()

    def remove(self, name: str) -> None:
        """Forget a repository and its changes."""
        with self._condition:
            self._repositories.pop(name, None)

    def changed(self, name: str, paths: frozenset[str] | None) -> None:
        """Take a change: cheap, from any thread. Unknown names are late events of a removed repository."""
        with self._condition:
            repository = self._repositories.get(name)
            if repository is None:
                return
            idle = repository.state is None and not repository.arrived
            repository.arrived.append((self._clock(), paths))
            if len(repository.arrived) >= MANY:
                repository.settle()
            if idle:  # otherwise the thread wakes at the old deadline and sees that it has moved
                self._wake()

    def busy(self, name: str) -> frozenset[str] | None:
        """Return the paths of `name` in use right now, as `busy_paths` does; for the crossing to ask as it observes."""
        with self._condition:
            repository = self._repositories.get(name)
            if repository is None:
                return frozenset()
            repository.settle()
            if repository.state is None:
                return frozenset()
            return busy_paths(repository.state, repository.patience, self._clock())

    def step(self) -> float | None:
        """Hand over all that is due; return the seconds until something may be due, None for nothing in sight."""
        ready: list[tuple[str, frozenset[str] | None]] = []
        deadlines: list[float] = []
        with self._condition:
            now = self._clock()
            for name, repository in self._repositories.items():
                repository.settle()
                state, patience = repository.state, repository.patience
                if state is not None and due(state, patience, now):
                    ready.append((name, state.paths))
                    state = repository.state = remaining(state, patience, now)
                if state is not None:
                    deadlines.append(next_deadline(state, patience))
        for name, paths in ready:
            try:
                self._on_due(name, paths)
            except Exception:  # one repository's trouble must not end the watching of all others
                log.exception("changes could not be handed over", extra={"action": "settle", "repository": name})
        return max(0.0, min(deadlines) - self._clock()) if deadlines else None

    def _wake(self) -> None:
        self._woken = True  # a notify alone is not heard by a thread that is in the middle of a step
        self._condition.notify()

    def _run(self) -> None:
        while True:
            wait = self.step()
            with self._condition:
                if not self._woken:
                    self._condition.wait(wait)
                self._woken = False
                if self._closed:
                    return
