"""What a monitor asks of the daemon: whether it lives, whether it is ready, and its figures. Answered from memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from gitferry.daemon import health
from gitferry.daemon.clock_watch import since_boot
from gitferry.daemon.crash import version
from gitferry.daemon.rows import Row

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.house import House
    from gitferry.daemon.metrics import Figures

_NOT_YET = (None, "being set up")


class Probes:
    """Asked often and by machines: nothing here waits for a crossing, a disk or the database."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._ready = False
        #: Says what does not go on, None while all does. A process that is stuck without knowing does not answer.
        self.stuck: Callable[[], str | None] = lambda: None

    def live(self) -> Row:
        """Return `status` ok, or stuck with the reason."""
        why = self.stuck()
        return {"status": "ok"} if why is None else {"status": "stuck", "reason": why}

    def ready(self) -> Row:
        """Return `status` starting or ready, and how many repositories there are and how far they came.

        Ready is when each is watched, or it is known why not, which also asks for its first crossing. It stays so:
        a repository that is added later, or a remote that does not answer, does not take it back.
        """
        repositories = self._house.roster.settings.repositories
        states = [self._house.watching(each.name) for each in repositories]
        seen = [self._house.vitals.standing(each.name, since_boot()).seen for each in repositories]
        found = Counter(self._figures(each).health for each in repositories)
        watched = sum(state not in _NOT_YET for state in states)
        self._ready = self._ready or watched == len(repositories)
        return {
            "status": "ready" if self._ready else "starting",
            "repositories": len(repositories),
            "watched": watched,
            "crossed": sum(seen),
            "healthy": found[health.Health.HEALTHY],
        }

    def metrics(self) -> bytes:
        """Return the figures in Prometheus' text format."""
        from gitferry.daemon.metrics import Snapshot, text

        house = self._house
        kinds = Counter(row["kind"] for row in house.attention.alerts())
        return text(
            Snapshot(
                version(),
                tuple(self._figures(each) for each in house.roster.settings.repositories),
                house.vitals.totals(),
                house.roster.lanes.load(),
                tuple(sorted(kinds.items())),
            )
        )

    def _figures(self, repository: Repository) -> Figures:
        from gitferry.daemon.metrics import Figures

        house, name = self._house, repository.name
        known, vital, watching = house.board.get(name), house.vitals.of(name, since_boot()), house.watching(name)
        thresholds = house.roster.settings.daemon.health
        found = health.condition(known, vital, watching=watching, thresholds=thresholds)
        return Figures(
            name,
            found.health,
            known.conflicts,
            known.pending,
            health.lag(known, house.ferry.host.clock()),
            watching == "all",
            known.last_crossing_at.timestamp() if known.last_crossing_at else None,
        )
