"""The watcher: tells which paths of which repository changed, for all repositories with two threads.

The reader thread (watchdog's) takes the kernel's events and does no work of its own. The tending thread asks git what
is ignored, covers new directories, and every `poll` seconds looks at what the kernel does not tell: directories for
which it has no watch left, and roots that were replaced, unmounted or came back.
"""

from __future__ import annotations

import errno
import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitferry.repos.inotify import Inotify
from gitferry.repos.progress import Hands, Step
from gitferry.repos.tree_watch import TreeWatch

log = logging.getLogger(__name__)

_END: Final = 2.0  # seconds that the tending thread has to end: git may wait for a disk that does not answer
_LIMITS: Final = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a repository is watched; `remedy` says what to do where that is not as it should be."""

    directories: int  # that the kernel watches
    polled: tuple[str, ...]  # the topmost directories that are looked at instead ('' is the whole tree)
    lost: bool  # the root is not there (an unmounted disk, a moved directory); it is looked for
    overflows: int  # how often the kernel dropped events, each answered by a look at the whole tree
    remedy: str = ""


class Watcher:
    """Watches working trees.

    `on_change(name, paths)`: paths of the repository that may have changed, relative with `/`, undecodable bytes as
    surrogates (PEP 383). A path that is or was a directory stands for all below it. None: anything may have changed.
    `on_refs(name)`: a branch, HEAD, the index or an operation's state moved. Both are called from the two threads,
    one change often more than once; they must return at once (put it into a `Settler`). They may call `coverage`, but
    neither `add` nor `remove`.
    """

    def __init__(
        self,
        on_change: Callable[[str, frozenset[str] | None], None],
        on_refs: Callable[[str], None],
        poll: float = 10.0,
        max_watches: int | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Start both threads. `poll` in seconds; `max_watches` makes an early end of watches, for tests."""
        self._on_change = on_change
        self._on_refs = on_refs
        self._poll = poll
        self._environ = environ
        self._trees: dict[str, TreeWatch] = {}
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._closed = False
        self._no_instance = False
        self._hands = Hands()
        self._inotify = self._open(max_watches)
        self._thread = threading.Thread(target=self._run, name="gitferry-watch", daemon=True)
        self._thread.start()

    def _open(self, max_watches: int | None) -> Inotify | None:
        try:
            return Inotify(max_watches)
        except OSError as failure:
            if failure.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOSYS}:
                raise
            self._no_instance = True
            log.warning("no inotify instance: %s", failure.strerror, extra={"action": "watch"})
            return None

    def add(self, name: str, root: Path, git_dir: Path, common_dir: Path) -> None:
        """Watch a repository, in place of an earlier one of that name. Returns when its watches are set.

        What was there before is not reported: look at the whole tree after this returned. A root that is not there
        is no error: `coverage` calls it lost, and its return is reported as a change of everything. After `close` this
        does nothing.
        """
        self.remove(name)
        tree = TreeWatch(
            root,
            git_dir,
            common_dir,
            self._inotify,
            changed=functools.partial(self._tell, name),
            refs=functools.partial(self._tell_refs, name),
            later=self._work.set,
            environ=self._environ,
        )
        with self._lock:
            if self._closed:
                return
            other = self._trees.pop(name, None)  # it may be added by two at once
            self._trees[name] = tree
        if other is not None:
            other.close()
        tree.open()
        self._work.set()
        if remedy := self._remedy(tree, tree.directories.polled):
            log.warning("%s", remedy, extra={"action": "watch", "repository": name})

    def remove(self, name: str) -> None:
        """Watch a repository no longer; a name that is not watched is no error."""
        with self._lock:
            tree = self._trees.pop(name, None)
        if tree is not None:
            tree.close()

    def refresh(self, name: str) -> None:
        """Ask git again what is ignored; for the periodic reconcile (a user's global ignore file may have changed)."""
        with self._lock:
            tree = self._trees.get(name)
        if tree is not None:
            tree.refresh()

    def coverage(self, name: str) -> Coverage:
        """Return how `name` is watched; raises KeyError for a name that is not."""
        with self._lock:
            tree = self._trees[name]
        polled = tree.directories.polled
        return Coverage(tree.directories.watched, polled, tree.lost, tree.overflows, self._remedy(tree, polled))

    @property
    def alive(self) -> bool:
        """Whether trees are tended; a reader that ended is made up for by looking."""
        return self._thread.is_alive()

    def steps(self) -> tuple[Step, ...]:
        """Return what the tending thread has in hand."""
        return self._hands.steps()

    def close(self) -> None:
        """End all watches and both threads."""
        with self._lock:
            self._closed = True
            names = list(self._trees)
        for name in names:
            self.remove(name)
        self._work.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_END)
        if self._inotify is not None:
            self._inotify.close()

    def _remedy(self, tree: TreeWatch, polled: tuple[str, ...]) -> str:
        if tree.lost:
            return f"{tree.root} is not there: mount or move it back, or take the repository out of the settings"
        if not polled:
            return ""
        limit = "max_user_instances" if self._no_instance else "max_user_watches"
        return (
            f"changes in {len(polled)} director{'y is' if len(polled) == 1 else 'ies are'} noticed only every "
            f"{self._poll:g} s, because fs.inotify.{limit} ({_limit(limit)}) is used up: raise it with "
            f"`sudo sysctl fs.inotify.{limit}={_advised(limit)}`, and put that into /etc/sysctl.d/gitferry.conf to stay"
        )

    def _tell(self, name: str, paths: frozenset[str] | None) -> None:
        try:
            self._on_change(name, paths)
        except Exception:  # it would end the thread that watches all repositories
            log.exception("a change could not be taken", extra={"action": "watch", "repository": name})

    def _tell_refs(self, name: str) -> None:
        try:
            self._on_refs(name)
        except Exception:  # as above
            log.exception("a change of refs could not be taken", extra={"action": "watch", "repository": name})

    def _run(self) -> None:
        next_look = time.monotonic() + self._poll
        while not self._closed:
            self._work.wait(max(0.0, next_look - time.monotonic()))
            self._work.clear()
            looking = time.monotonic() >= next_look
            with self._lock:
                trees = list(self._trees.items())
            if looking:
                self._check_reader(trees)
            for name, tree in trees:
                try:
                    with self._hands.busy(f"the watch of {name}"):
                        (tree.look if looking else tree.tend)()
                except Exception:
                    # The other repositories go on. Of this one something was missed, so all of it is looked at.
                    log.exception("watching failed", extra={"action": "watch", "repository": name})
                    self._tell(name, None)
            if looking:
                next_look = time.monotonic() + self._poll

    def _check_reader(self, trees: list[tuple[str, TreeWatch]]) -> None:
        """Fall back to looking if the reader thread died, which watchdog lets happen at a read error."""
        if self._inotify is None or self._inotify.alive:
            return
        log.error("the inotify reader ended; all trees are polled from now on", extra={"action": "watch"})
        self._inotify = None
        for _name, tree in trees:
            tree.blind()


def _limit(name: str) -> str:
    try:
        return (_LIMITS / name).read_text().strip()
    except OSError:
        return "unknown"


def _advised(name: str) -> int:
    """Four times the limit of now, at least what distributions give desktops."""
    now = _limit(name)
    least = 1_024 if name == "max_user_instances" else 524_288
    return max(least, 4 * int(now)) if now.isdigit() else least
