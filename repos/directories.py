"""A set of directories, each watched by the kernel, or looked at now and then where it has no watch left."""

from __future__ import annotations

import os
import stat
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from watchdog.observers.inotify_c import WatchCallback, WatchDescriptor

from gitferry.repos.inotify import Exhausted, Inotify, Watch

#: What tells a changed file without reading it: mode, inode, size, times of content and of inode (ns).
Stamp = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a directory holds: names of files (symbolic links too) and of directories."""

    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What a look at a directory without a watch found: an entry that is new, changed or gone."""

    directory: str
    name: str
    is_directory: bool
    gone: bool


def parent(path: str) -> str:
    """Return the directory that holds `path`, '' for the topmost."""
    return path.rpartition("/")[0]


def child(directory: str, name: str) -> str:
    """Return the path of `name` in `directory`, which is '' for the topmost."""
    return f"{directory}/{name}" if directory else name


def listing(path: str) -> Listing | None:
    """Return what the directory at `path` holds; nothing where it may not be read, None where there is none."""
    files: list[str] = []
    directories: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                (directories if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    except PermissionError:
        return Listing()
    except OSError:  # removed, or replaced by a file, since it was named: an event of its own tells of that
        return None
    return Listing(tuple(files), tuple(directories))


def stamps(path: str, seen: Listing) -> dict[str, Stamp]:
    """Return the stamp of each entry of the directory at `path`; of a directory only mode and inode."""
    result: dict[str, Stamp] = {}
    for name in (*seen.files, *seen.directories):
        try:
            now = os.lstat(f"{path}/{name}")
        except OSError:  # gone since the listing, which the next look tells
            continue
        if stat.S_ISDIR(now.st_mode):
            result[name] = (stat.S_IFDIR, now.st_ino, 0, 0, 0)
        else:
            result[name] = (now.st_mode, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
    return result


class Directories:
    """The covered directories below `base`, named relative to it ('' is itself). Safe for several threads."""

    def __init__(self, base: str, inotify: Inotify | None, listener: WatchCallback) -> None:
        self._base = base
        self._inotify = inotify
        self._listener = listener
        self._lock = threading.Lock()
        self._watches: dict[str, Watch | None] = {}  # None: no watch, so it is in _stamps
        self._stamps: dict[str, dict[str, Stamp]] = {}
        self._by_wd: dict[WatchDescriptor, str] = {}
        self._children: defaultdict[str, set[str]] = defaultdict(set)
        self._unreadable: set[str] = set()

    def __contains__(self, directory: str) -> bool:
        return directory in self._watches

    @property
    def names(self) -> frozenset[str]:
        """All covered directories."""
        with self._lock:
            return frozenset(self._watches)

    @property
    def watched(self) -> int:
        """How many of them the kernel watches."""
        with self._lock:
            return len(self._watches) - len(self._stamps)

    @property
    def polled(self) -> tuple[str, ...]:
        """The topmost directories without a watch, for want of watches."""
        with self._lock:
            without = self._stamps.keys() - self._unreadable
            return tuple(sorted(name for name in without if not name or parent(name) not in without))

    def path(self, directory: str) -> str:
        """The file system's path of one of them."""
        return child(self._base, directory) if directory else self._base

    def at(self, wd: WatchDescriptor) -> str | None:
        """The directory that a kernel event's descriptor means; None when it is none of ours any longer."""
        with self._lock:
            return self._by_wd.get(wd)

    def cover(self, directory: str) -> Listing | None:
        """Watch `directory`, then list it: what appears in it is either listed or an event (or both).

        Doing it again is right where its watch may be stale. None: there is no such directory (any more).
        """
        with self._lock:
            watch = self._watches[directory] = self._watch(directory)
            if watch is None:
                self._stamps.setdefault(directory, {})
            if directory:
                self._children[parent(directory)].add(directory)
        seen = listing(self.path(directory))
        if seen is None:
            self.drop(directory)
        elif watch is None:
            now = stamps(self.path(directory), seen)
            with self._lock:
                if directory in self._stamps:
                    self._stamps[directory] = now
        return seen

    def _watch(self, directory: str) -> Watch | None:
        """Set a watch if there is one to be had, and take the place of an older one of the same directory."""
        if self._inotify is None:
            return None
        old = self._watches.get(directory)
        self._unreadable.discard(directory)
        try:
            watch = self._inotify.add(self.path(directory), self._listener)
        except Exhausted:
            watch = None
        except PermissionError:
            self._unreadable.add(directory)
            watch = None
        except OSError:  # no directory any more; the listing that follows says so
            watch = None
        stale = [old] if old is not None else []
        if watch is not None:
            previous = self._by_wd.get(watch.wd)
            if previous is not None and previous != directory:  # it was moved, and that event is still under way
                moved = self._watches.pop(previous)
                stale += [moved] if moved is not None else []
                self._children[parent(previous)].discard(previous)
            self._by_wd[watch.wd] = directory
            self._stamps.pop(directory, None)
        if old is not None and (watch is None or watch.wd != old.wd):
            self._by_wd.pop(old.wd, None)
        self._inotify.remove(stale)
        return watch

    def _forget(self, directory: str) -> Watch | None:
        """Take one directory out of the books; return the watch to end."""
        watch = self._watches.pop(directory, None)
        self._stamps.pop(directory, None)
        self._unreadable.discard(directory)
        if (siblings := self._children.get(parent(directory))) is not None:
            siblings.discard(directory)
        if watch is not None and self._by_wd.get(watch.wd) == directory:
            del self._by_wd[watch.wd]
        return watch

    def drop(self, *directories: str) -> None:
        """Cover these and all below them no longer."""
        ending: list[Watch] = []
        with self._lock:
            todo = list(directories)
            while todo:
                name = todo.pop()
                todo.extend(self._children.pop(name, ()))
                if (watch := self._forget(name)) is not None:
                    ending.append(watch)
        self._end(ending)

    def clear(self) -> None:
        """Cover nothing any longer."""
        with self._lock:
            ending = [watch for watch in self._watches.values() if watch is not None]
            for book in (self._watches, self._stamps, self._by_wd, self._children, self._unreadable):
                book.clear()
        self._end(ending)

    def _end(self, watches: list[Watch]) -> None:
        if self._inotify is not None and watches:
            self._inotify.remove(watches)  # without our lock, which the reader needs

    def ended(self, wd: WatchDescriptor) -> str | None:
        """Forget a watch that the kernel ended; return the directory if it was still covered by it."""
        with self._lock:
            if self._inotify is not None:
                self._inotify.ended(wd)
            directory = self._by_wd.pop(wd, None)
            if directory is not None:
                self._watches.pop(directory, None)
        return directory

    def blind(self) -> None:
        """From now on look at everything: the kernel's queue is out of order."""
        with self._lock:
            self._inotify = None
            self._by_wd.clear()
            names = list(self._watches)
            for name in names:
                self._watches[name] = None
                self._stamps.setdefault(name, {})
        for name in names:
            now = stamps(self.path(name), listing(self.path(name)) or Listing())
            with self._lock:
                if name in self._stamps:
                    self._stamps[name] = now

    def look(self) -> Iterator[Difference]:
        """Compare the directories without a watch with the last look, and try for watches again, until one fails."""
        with self._lock:
            todo = sorted(self._stamps)
        retry = True
        for directory in todo:
            with self._lock:
                before = self._stamps.get(directory)
                if before is None:  # dropped meanwhile
                    continue
                if retry:
                    watch = self._watches[directory] = self._watch(directory)
                    retry = watch is not None or directory in self._unreadable
            after = stamps(self.path(directory), listing(self.path(directory)) or Listing())
            with self._lock:
                if directory in self._stamps:
                    self._stamps[directory] = after
            yield from _differences(directory, before, after)


def _differences(directory: str, before: dict[str, Stamp], after: dict[str, Stamp]) -> Iterator[Difference]:
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        was, is_now = _is_directory(old), _is_directory(new)
        if old is not None and (new is None or was or is_now):
            yield Difference(directory, name, was, gone=True)
        if new is not None:
            yield Difference(directory, name, is_now, gone=False)


def _is_directory(stamp: Stamp | None) -> bool:
    return stamp is not None and stamp[0] == stat.S_IFDIR
