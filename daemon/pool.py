"""A bounded set of threads: none waits for a remote host's turn, and those that a slow host holds up are replaced."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gitferry.daemon.alarms import Alarms

log = logging.getLogger(__name__)

Work = Callable[[], None]

#: Seconds after which a piece of work no longer counts as one of the workers': it waits for a server or a disk.
_PATIENCE: Final = 5.0
_MOST: Final = 32  # threads in all, where nothing else is said


class Pool:
    """Runs work in `workers` threads, at most `per_host` pieces at once for one host.

    Work whose host is busy stays in the queue and is passed over, so that one hanging server
    cannot occupy the threads that other hosts' work needs. Work without a host (None) has no such limit.
    For each piece that takes long there is one thread more, so that many hanging servers cannot do so either.
    """

    def __init__(
        self,
        workers: int,
        per_host: int = 2,
        *,
        alarms: Alarms | None = None,
        patience: float = _PATIENCE,
        most: int = _MOST,
        name: str = "lane-worker",
    ) -> None:
        """`alarms` tells when a piece of work took longer than `patience`; without them there are `workers` threads.

        With them there are `most` at most.
        """
        self._patience = patience
        self._most = most
        self._per_host = per_host
        self._name = name
        self._wanted = workers
        self._alarms = alarms
        self._begun: dict[threading.Thread, float] = {}  # monotonic seconds
        self._threads: set[threading.Thread] = set()
        self._queue: deque[tuple[str | None, Work]] = deque()
        self._hosts: Counter[str] = Counter()
        self._running = 0
        self._stopping = False
        self._changed = threading.Condition()
        self._started = 0

    def submit(self, host: str | None, work: Work, *, first: bool = False) -> None:
        """Queue `work`; `first` puts it before everything that waits. Ignored once stopping."""
        with self._changed:
            if self._stopping:
                return
            if first:
                self._queue.appendleft((host, work))
            else:
                self._queue.append((host, work))
            self._staff()
            self._changed.notify_all()

    def resize(self, workers: int) -> None:
        """Use `workers` threads from now on; a thread too many ends after the work it has in hand."""
        with self._changed:
            self._wanted = workers
            self._staff()
            self._changed.notify_all()

    def load(self) -> tuple[int, int]:
        """Return how many threads work, and how many are wanted."""
        with self._changed:
            return self._running, self._wanted

    def stop(self) -> None:
        """Start nothing more: what is queued is forgotten, what runs goes on."""
        with self._changed:
            self._stopping = True
            self._queue.clear()
            self._changed.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nothing runs; return whether that came within `seconds`."""
        end = time.monotonic() + seconds
        with self._changed:
            while self._running:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def _allowed(self) -> int:
        """Return how many threads there may be now."""
        if self._alarms is None:
            return self._wanted
        late = time.monotonic() - self._patience
        return min(max(self._wanted, self._most), self._wanted + sum(begun <= late for begun in self._begun.values()))

    def _look_again(self) -> None:
        with self._changed:
            self._staff()
            self._changed.notify_all()

    def _staff(self) -> None:
        allowed = self._allowed()
        if self._alarms is not None and self._queue and self._running >= allowed:
            late = time.monotonic() - self._patience
            due = min((begun for begun in self._begun.values() if begun > late), default=None)
            if due is not None:
                self._alarms.set("pool", due + self._patience, self._look_again)
        while len(self._threads) < min(allowed, self._running + len(self._queue)):
            self._started += 1
            # Daemon threads: a git program that ignores its deadline must not keep a stopped process alive.
            thread = threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the machine, or the service's TasksMax, has no more
                log.warning("work waits for a thread: %s", error, extra={"action": "pool"})
                if self._alarms is not None:
                    self._alarms.set("pool", time.monotonic() + self._patience, self._look_again)
                return
            self._threads.add(thread)

    def _take(self) -> tuple[str | None, Work] | None:
        for index, (host, work) in enumerate(self._queue):
            if host is None or self._hosts[host] < self._per_host:
                del self._queue[index]
                return host, work
        return None

    def _work(self) -> None:
        while True:
            with self._changed:
                while (job := self._take()) is None:
                    if self._stopping or len(self._threads) > self._allowed():
                        self._threads.discard(threading.current_thread())
                        return
                    self._changed.wait()
                host, work = job
                self._running += 1
                self._begun[threading.current_thread()] = time.monotonic()
                self._staff()
                if host is not None:
                    self._hosts[host] += 1
            try:
                work()
            except Exception:
                log.exception("work in the pool failed", extra={"action": "pool"})
            finally:
                with self._changed:
                    self._running -= 1
                    del self._begun[threading.current_thread()]
                    if host is not None:
                        self._hosts[host] -= 1
                    self._changed.notify_all()
