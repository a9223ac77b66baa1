"""One inotify instance and one reader thread for every watched directory of every repository.

watchdog's observers start a thread for each scheduled watch and decide by themselves what lies below it. Its
`InotifyFD` (watchdog 7.1, `watchdog.observers.inotify_c`) is the layer under them: one descriptor, one thread, a
watch for each directory that we name, and a call when the kernel's queue overflowed. Why: docs/adr/0004-watching.md.
Source: inotify(7).
"""

from __future__ import annotations

import errno
import itertools
import os
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)

#: Events that can change content. Never open, access and close without writing, which reading alone causes.
CHANGES: Final = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_ATTRIB  # the executable bit
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_EXCL_UNLINK
    | InotifyConstants.IN_MASK_ADD  # two worktrees of one repository watch the same refs
)


_BATCH: Final = 1_000  # watches ended at once
_PAUSE: Final = 0.03  # seconds


class Exhausted(Exception):
    """The kernel has no watch left for this user (`fs.inotify.max_user_watches`)."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One directory's watch: the kernel's descriptor and our number for it."""

    wd: WatchDescriptor
    id: CallbackId


class Inotify:
    """The kernel's notification queue. Listeners are called from its one thread and must return soon."""

    def __init__(self, max_watches: int | None = None) -> None:
        """Open the queue and start its thread; raises OSError (EMFILE) where the user has no instance left.

        `max_watches` makes an early end of them, for a test of what happens then.
        """
        self._max_watches = max_watches
        self._ids = itertools.count(1)
        self._held: defaultdict[WatchDescriptor, set[CallbackId]] = defaultdict(set)
        self._lock = threading.Lock()
        self._reader = InotifyFD()
        self._reader.name = "gitferry-inotify"
        self._reader.start()

    @property
    def alive(self) -> bool:
        """False when the reader thread ended by an error of its own."""
        return self._reader.is_alive()

    def add(self, path: str, listener: WatchCallback) -> Watch:
        """Watch the directory at `path`. The same directory again gives the same `wd` and another id.

        Raises Exhausted, PermissionError, and other OSErrors (mostly: it is gone, or no directory any more).
        """
        with self._lock:
            watch_id = CallbackId(next(self._ids))
            try:
                wd = self._reader.add_callback(os.fsencode(path), CHANGES, listener, watch_id)
            except OSError as failure:
                if failure.errno == errno.ENOSPC:
                    raise Exhausted from failure
                raise
            if wd == -1:
                # watchdog 7.1 reports no EACCES and files the callback under -1, where the next one would clash.
                self._reader.remove_callbacks([(wd, watch_id)])
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            self._held[wd].add(watch_id)
            if self._max_watches is not None and len(self._held) > self._max_watches:
                del self._held[wd]
                self._reader.remove_callbacks([(wd, watch_id)])
                raise Exhausted
            return Watch(wd, watch_id)

    def remove(self, watches: Sequence[Watch]) -> None:
        """Stop these watches; one that the kernel has ended already is no error.

        The kernel queues an event for each, so that ending very many at once would make the queue overflow: they end
        by the batch, and the reader gets time in between.
        """
        rest = list(watches)
        while rest:
            batch, rest = rest[:_BATCH], rest[_BATCH:]
            with self._lock:
                known = [watch for watch in batch if watch.id in self._held.get(watch.wd, ())]
                for watch in known:
                    self._held[watch.wd].discard(watch.id)
                    if not self._held[watch.wd]:
                        del self._held[watch.wd]
                self._reader.remove_callbacks([(watch.wd, watch.id) for watch in known])
            if rest and threading.current_thread() is not self._reader:
                time.sleep(_PAUSE)

    def ended(self, wd: WatchDescriptor) -> None:
        """Forget a watch that the kernel ended (a listener's `on_watch_deleted` passes it on)."""
        with self._lock:
            self._held.pop(wd, None)

    def close(self) -> None:
        """End all watches and the thread."""
        with self._lock:
            self._held.clear()
        self._reader.stop()
        if self._reader is not threading.current_thread():
            self._reader.join()
