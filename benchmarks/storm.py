"""Ten thousand saves in a minute, over fifty repositories: every file's last content arrives, and when."""

from __future__ import annotations

import random
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass, field

import pygit2
from footprint import Footprint, memory
from scale import await_all, repositories, write_settings
from workplace import GITFERRY, STOPPED_WITHIN, Failure, Workplace

REPOSITORIES = 50
FILES = 20  # that are saved in each
_ARRIVES_WITHIN = 300.0  # seconds after the last save
_LOOK = 0.5  # seconds between two looks at all remotes
_BEHIND = 5.0  # seconds that the saving itself may fall behind

Key = tuple[int, str]  # repository, file


@dataclass
class _Arrivals:
    """What was saved last in each file, and how long the last content took to arrive."""

    place: Workplace
    saved: dict[Key, tuple[pygit2.Oid, float]] = field(default_factory=dict)
    lags: dict[Key, float] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def note(self, key: Key, content: bytes) -> None:
        with self.mutex:
            self.saved[key] = pygit2.hash(content), time.monotonic()
            self.lags.pop(key, None)

    def missing(self) -> int:
        with self.mutex:
            return len(self.saved.keys() - self.lags.keys())

    def watch(self) -> None:
        """Look at all remotes again and again until `ended`."""
        remotes = [pygit2.Repository(str(self.place.root / f"r{number}.git")) for number in range(REPOSITORIES)]
        while not self.ended.wait(_LOOK):
            for number, remote in enumerate(remotes):
                tree = remote[remote.lookup_reference("refs/heads/main").target].tree
                now = time.monotonic()
                with self.mutex:
                    for key in [key for key in self.saved if key[0] == number and key not in self.lags]:
                        content, at = self.saved[key]
                        if key[1] in tree and tree[key[1]].id == content:
                            self.lags[key] = now - at


def storm(place: Workplace, *, saves: int, seconds: float) -> Footprint:
    """Save so often within so many seconds and wait until all has arrived. Lags are exact to half a second."""
    rows = repositories(place, REPOSITORIES)
    write_settings(place, rows, pulls=False)
    figures: dict[str, float] = {}
    arrivals = _Arrivals(place)
    looking = threading.Thread(target=arrivals.watch)
    with (place.root / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen([GITFERRY, "run"], env=place.environment, stdout=log, stderr=log)
    try:
        await_all(place, daemon, lambda row: row["last_crossing_at"] is not None)
        looking.start()
        chance, began = random.Random(1), time.monotonic()  # noqa: S311 - reproducible
        for number in range(saves):
            late = time.monotonic() - began - seconds * number / saves
            if late > _BEHIND:
                raise Failure("this machine could not save so fast")
            time.sleep(max(0.0, -late))
            repository, name = chance.randrange(REPOSITORIES), f"saved-{chance.randrange(FILES)}.txt"
            content = f"save {number}\n".encode()
            (place.root / f"r{repository}" / name).write_bytes(content)
            arrivals.note((repository, name), content)
            if number == saves // 2:
                figures["PSS at half time, MB"] = memory(daemon.pid)
        until = time.monotonic() + _ARRIVES_WITHIN
        while arrivals.missing() and time.monotonic() < until:
            time.sleep(_LOOK)
        figures["PSS at the end, MB"] = memory(daemon.pid)
    finally:
        arrivals.ended.set()
        looking.join()
        daemon.terminate()
        daemon.wait(STOPPED_WITHIN)
    lags = sorted(arrivals.lags.values())
    figures["last contents that arrived"] = len(lags)
    figures["last contents that are missing"] = arrivals.missing()
    figures["lag: median, s"] = statistics.median(lags)
    figures["lag: 95th percentile, s"] = lags[int(0.95 * len(lags))]
    figures["lag: longest, s"] = lags[-1]
    what = f"{saves} saves in {seconds:g} s over {REPOSITORIES} repositories"
    return Footprint(what, figures, {"last contents that are missing": 0})
