"""A bounded set of threads that never spends one on waiting for a remote host's turn."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

log = logging.getLogger(__name__)

Work = Callable[[], None]


class Pool:
    """Runs work in at most `workers` threads, at most `per_host` pieces at once for one host.

    Work whose host is busy stays in the queue and is passed over, so that one hanging server
    cannot occupy the threads that other hosts' work needs. Work without a host (None) has no such limit.
    """

    def __init__(self, workers: int, per_host: int = 2) -> None:
        self._per_host = per_host
        self._wanted = workers
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

    def _staff(self) -> None:
        while len(self._threads) < min(self._wanted, self._running + len(self._queue)):
            self._started += 1
            # Daemon threads: a git program that ignores its deadline must not keep a stopped process alive.
            thread = threading.Thread(target=self._work, name=f"lane-worker-{self._started}", daemon=True)
            self._threads.add(thread)
            thread.start()

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
                    if self._stopping or len(self._threads) > self._wanted:
                        self._threads.discard(threading.current_thread())
                        return
                    self._changed.wait()
                host, work = job
                self._running += 1
                if host is not None:
                    self._hosts[host] += 1
            try:
                work()
            except Exception:
                log.exception("work in the pool failed", extra={"action": "pool"})
            finally:
                with self._changed:
                    self._running -= 1
                    if host is not None:
                        self._hosts[host] -= 1
                    self._changed.notify_all()
