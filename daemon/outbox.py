"""When a target of notifications is sent which message: in batches, none twice, few while it is out of reach. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

#: Seconds: what comes within so much of the first is one message,
WINDOW: Final = 10.0
#: and so much is between two messages at least.
BETWEEN: Final = 60.0
#: The first and the longest wait after a message that did not get through, and after how long it is given up.
FIRST_WAIT: Final = 5.0
LONGEST_WAIT: Final = 600.0
GIVEN_UP: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Batch:
    """One message: its id, the same at every try, and the ids of the alerts that it tells."""

    message: str
    alerts: tuple[str, ...]


class Outbox:
    """What one target is to be told. Times are seconds of a clock that nobody sets back; `new_id` names a message.

    Of what is open it is sent what it was not told. A batch once begun keeps its id and takes in nothing more, so that
    the other side knows it again whose answer was lost; what came meanwhile is in the next one. What is over by the
    time of a try is left out.
    """

    def __init__(self, new_id: Callable[[], str], *, told: Iterable[str] = (), begun: Batch | None = None) -> None:
        """`told` are alerts that need not be sent again, `begun` a batch of which nobody knows whether it arrived."""
        self._new_id = new_id
        self._told = set(told)
        self._batch = begun
        self._tried_since: float | None = None
        self._tries = 0
        self._next_try = 0.0
        self._fresh_since: float | None = None
        self._not_before = 0.0

    def due(self, open_alerts: Collection[str], now: float) -> Batch | None:
        """Return what is to be sent now; None: nothing, or not yet. `ended` or `failed` must follow."""
        self._told.intersection_update(open_alerts)
        if self._batch is not None and not set(self._batch.alerts) & set(open_alerts):
            self._drop()
        if self._batch is None:
            self._begin(open_alerts, now)
        if self._batch is None or now < self._next_try:
            return None
        return Batch(self._batch.message, tuple(each for each in self._batch.alerts if each in open_alerts))

    def wait(self, open_alerts: Collection[str], now: float) -> float | None:
        """Return after how many seconds to look again; None: when something changes."""
        if self._batch is not None:
            return max(0.0, self._next_try - now)
        if not self._fresh(open_alerts):
            return None
        return 0.0 if self._fresh_since is None else max(0.0, self._fresh_since + WINDOW - now, self._not_before - now)

    def ended(self, now: float) -> None:
        """Note that the batch arrived, or never will."""
        if self._batch is not None:
            self._told.update(self._batch.alerts)
            self._not_before = now + BETWEEN
        self._tries, self._next_try = 0, 0.0
        self._drop()

    def failed(self, now: float, chance: float) -> bool:
        """Note that it did not get through; return whether it is tried again. `chance` (0 to 1) spreads the tries.

        The waits grow as long as nothing gets through, whichever batch it is.
        """
        self._tried_since = now if self._tried_since is None else self._tried_since
        if now - self._tried_since >= GIVEN_UP:
            return False
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._tries, 20))
        self._tries += 1
        self._next_try = now + wait * (0.75 + chance / 2)
        return True

    def hurry(self, now: float) -> None:
        """Try again at once: the network came back."""
        self._next_try = min(self._next_try, now)
        self._tries = 0

    def _begin(self, open_alerts: Collection[str], now: float) -> None:
        fresh = self._fresh(open_alerts)
        if not fresh:
            self._fresh_since = None
            return
        if self._fresh_since is None:
            self._fresh_since = now
        if now >= max(self._fresh_since + WINDOW, self._not_before):
            self._batch = Batch(self._new_id(), fresh)
            self._fresh_since = None

    def _fresh(self, open_alerts: Collection[str]) -> tuple[str, ...]:
        return tuple(each for each in open_alerts if each not in self._told)

    def _drop(self) -> None:
        self._batch, self._tried_since = None, None
