"""Watches every repository and wishes for a crossing when its changes have settled."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.daemon.alarms import Alarms
from gitferry.daemon.disk import disk_of, mount_points
from gitferry.daemon.pool import Pool
from gitferry.daemon.restless import Restless
from gitferry.daemon.stills import Stills
from gitferry.pushback.outcome import WATCH, Request
from gitferry.repos.progress import Step
from gitferry.repos.settle import Patience, Settler
from gitferry.repos.state import locate
from gitferry.repos.stillness import stillness
from gitferry.repos.watch import Watcher

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.pushback.outcome import Outcome
    from gitferry.repos.state import Place

log = logging.getLogger(__name__)

#: Repositories whose watches are being set at once; one that waits so many seconds for its disk is replaced by another.
_SETTING_UP, _PATIENCE = 4, 2.0
#: How many may wait for one disk: there are threads for the others then, however many lie on one that does not answer.
_PER_DISK = 12
#: How many may wait in all: one server that is down is often several disks.
_MOST = 8 * _PER_DISK
#: Seconds between two looks at a repository that could not be watched for a reason that nobody expected.
_POLL = 60.0
#: Seconds that first crossings wait for the watches of all repositories: a save is noticed before it is looked for.
_WATCHES_FIRST = 10.0


class Watching:
    """An attendant of the roster. `wish` must only enqueue.

    A repository's first wish (cause "start", the remote asked too) comes when its watches are set, so that no change
    falls between the first look at the whole tree and the first event; and when those of the others that came with it
    are, which takes a few milliseconds each and a crossing many.
    """

    def __init__(
        self,
        wish: Callable[[str, Request], None],
        environ: Mapping[str, str],
        place: Callable[[Repository], Place] | None = None,
        crash: Callable[[BaseException, str], object] | None = None,
    ) -> None:
        """`place` tells where a repository lies, and raises what `locate` raises; without it git is asked.

        `crash` logs an exception that nobody expected, and keeps a report of it.
        """
        self._crash = crash or _log_crash
        self._wish = wish
        self._environ = environ
        self._place = place or (lambda repository: locate(repository.path, environ))
        self._set: deque[str] = deque()  # whose watches are set, and whose first wish is to come
        self._to_set = 0
        self._first = threading.Lock()
        self._late: threading.Timer | None = None
        self._settler = Settler(self._settled)
        self._watcher = Watcher(self._settler.changed, self._refs_moved, environ=environ)
        self._alarms = Alarms()
        self._setting_up = Pool(
            _SETTING_UP, _PER_DISK, alarms=self._alarms, patience=_PATIENCE, most=_MOST, name="watch-setup"
        )
        self._known: dict[str, Repository] = {}
        self._troubles: dict[str, str] = {}
        self._restless = Restless()
        self._places: dict[str, Place] = {}
        self._stills = Stills()
        self._looking: set[str] = set()  # at whose files somebody looks, or will
        self._unseen: set[str] = set()  # where a crossing had to wait or failed before it looked at files
        self._closed = False
        self._settler.start()

    def put(self, repository: Repository) -> None:
        """Watch `repository`, as its settings now say; returns at once."""
        self._known[repository.name] = repository
        self._looking.discard(repository.name)  # it may lie on another disk than the one that is waited for
        with self._first:
            if not self._to_set:
                # Also where the disk of one of them does not answer.
                self._late = threading.Timer(_WATCHES_FIRST, self._begin)
                self._late.daemon = True
                self._late.start()
            self._to_set += 1
        self._soon(repository, partial(self._set_up, repository))

    def drop(self, name: str) -> None:
        """Watch it no longer."""
        self._known.pop(name, None)
        self._troubles.pop(name, None)
        self._places.pop(name, None)
        self._alarms.clear(("poll", name))
        self._stills.forget(name)
        self._restless.forget(name)
        self._unseen.discard(name)
        self._settler.remove(name)
        self._watcher.remove(name)

    def heard(self, name: str, request: Request, outcome: Outcome) -> None:
        """Take note of a crossing: a repository that could not be watched may be there now."""
        self._stills.heard(name, request, outcome)
        self._restless.heard(name, request, outcome)
        self._look_back(name, request, outcome)
        repository = self._known.get(name)
        if repository is not None and name in self._troubles and not self._closed:
            self._soon(repository, partial(self._watch_late, repository))

    def busy(self, name: str, request: Request) -> frozenset[str] | None:
        """Return the paths that were changed too recently to travel with `request`, which is carried out now.

        None: unknown which. The watcher's own may have waited for its turn: what was saved since is no
        quieter than for any other, but for what it takes along although it never rests.
        """
        busy = self._settler.busy(name)
        return busy if busy is None or request.cause != WATCH else self._restless.stays(name, busy)

    def reconcile(self, name: str) -> None:
        """Have the whole tree looked at where anything may have changed since the last look; returns at once."""
        if not self._closed and name not in self._looking:  # a disk that does not answer keeps one thread busy, not all
            self._looking.add(name)
            self._soon(self._known.get(name), partial(self._reconcile, name))

    def state(self, name: str) -> str | None:
        """Return in a few words how a repository is watched; None before it is known."""
        repository = self._known.get(name)
        if repository is None:
            return None
        if not repository.watch.enabled:
            return "off: edits go out with each pull"
        if name in self._troubles:
            return self._troubles[name]
        try:
            coverage = self._watcher.coverage(name)
        except KeyError:
            return "being set up"
        return coverage.remedy or "all"

    @property
    def alive(self) -> bool:
        """Whether changes are noticed and handed over."""
        return self._watcher.alive and self._settler.alive

    def steps(self) -> tuple[Step, ...]:
        """Return what the watcher has in hand. Setting up is left out: it waits for disks that do not answer."""
        return self._watcher.steps()

    def close(self) -> None:
        """End every watch. What has not settled is found by the next start."""
        self._closed = True
        with self._first:
            if self._late is not None:
                self._late.cancel()
        self._setting_up.stop()
        self._alarms.close()
        self._settler.close()
        self._watcher.close()

    def _soon(self, repository: Repository | None, work: Callable[[], None]) -> None:
        self._setting_up.submit(None if repository is None else disk_of(repository.path, mount_points()), work)

    def _set_up(self, repository: Repository) -> None:
        try:
            self._watch(repository)
        finally:
            self._is_set(repository)

    def _is_set(self, repository: Repository) -> None:
        with self._first:
            self._to_set -= 1
            if self._known.get(repository.name) == repository:
                self._set.append(repository.name)
            waits = self._to_set > 0 and self._late is not None
        if not waits:
            self._begin()

    def _begin(self) -> None:
        """Wish for the first crossings of those whose watches are set."""
        with self._first:
            if self._late is not None:
                self._late.cancel()
            self._late = None  # whose watches are set from now on is begun at once
            ready = tuple(self._set)
            self._set.clear()
        for name in ready:
            if name in self._known and not self._closed:
                self._wish(name, Request("start", fetch=True))

    def _watch_late(self, repository: Repository) -> None:
        if repository.name in self._troubles and self._watch(repository):
            self._wish(repository.name, Request("reconcile"))  # what was saved since the crossing that found it there

    def _watch(self, repository: Repository) -> bool:
        """Set the watches anew; return whether they are set."""
        name = repository.name
        if not repository.watch.enabled:
            self._settler.remove(name)
            self._watcher.remove(name)
            return False
        try:
            place = self._place(repository)
            self._settler.set(name, Patience(repository.watch.quiet, repository.watch.max_wait))
            self._watcher.add(name, place.root, place.git_dir, place.common_dir)
            self._places[name] = place
        except (GitferryError, OSError) as error:
            if name not in self._troubles:
                log.warning("%s is not watched: %s", name, error, extra={"action": "watch", "repository": name})
            self._troubles[name] = f"not watched: {getattr(error, 'title', error)}"
            return False
        except Exception as error:
            if name not in self._troubles:
                self._crash(error, f"setting the watches of {name}")
            said = f"not watched: a fault of gitferry ({type(error).__name__}); it is looked at every minute"
            self._troubles[name] = said
            # The crossing that comes of it tries to watch again.
            self._alarms.set(("poll", name), time.monotonic() + _POLL, partial(self._poll, name))
            return False
        self._troubles.pop(name, None)
        known = self._known.get(name)
        if known is None:
            self._settler.remove(name)
            self._watcher.remove(name)
        elif known is not repository and self._watch(known):  # its new settings were in force before: not the old ones
            self._wish(name, Request("reconcile"))  # what was saved since those watches ended
        return known is not None

    def _look_back(self, name: str, request: Request, outcome: Outcome) -> None:
        """Have the whole tree looked at once it can be: of what was saved while it waited no other event tells."""
        if not outcome.looked:
            self._unseen.add(name)
        elif name in self._unseen:
            self._unseen.discard(name)
            if request.paths is not None:
                self._wish(name, Request("reconcile"))

    def _poll(self, name: str) -> None:
        if name in self._troubles and not self._closed:
            self._wish(name, Request("reconcile"))

    def _reconcile(self, name: str) -> None:
        place = self._places.get(name)
        now_ns = time.time_ns()
        seen = None
        try:
            if place is not None:
                seen = stillness(place.root, place.git_dir, place.common_dir, self._environ)
        except Exception as error:  # then git looks at the whole tree
            self._crash(error, f"looking at the files of {name}")
        finally:
            self._looking.discard(name)
        if self._stills.needless(name, seen, now_ns):
            return
        self._watcher.refresh(name)  # what is ignored
        self._wish(name, Request("reconcile"))

    def _refs_moved(self, name: str) -> None:
        self._settler.changed(name, frozenset())

    def _settled(self, name: str, paths: frozenset[str] | None) -> None:
        self._restless.rested(name, self._settler.busy(name) or frozenset())
        self._wish(name, Request(WATCH, paths=paths))


def _log_crash(error: BaseException, doing: str) -> None:
    log.error("a fault of gitferry while %s", doing, exc_info=error, extra={"action": "crash"})
