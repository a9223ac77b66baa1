"""Hosts that cannot be reached, and whose turn it is to try: one repository tries for all that wait for its host."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(slots=True)
class Outage:
    """One host out of reach: why, after how many tries, and which repositories wait for it, the next to try first."""

    said: str
    tries: int = 0
    waiting: list[str] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)  # since the last real try, without coming to one
    scout: str | None = None  # who tries now


class Outages:
    """What is known of hosts, from crossings alone. Not safe for threads: the lanes ask with their mutex held."""

    def __init__(self) -> None:
        self._known: dict[str, Outage] = {}

    def get(self, host: str) -> Outage | None:
        """Return the outage of a host; None where it was in reach when last tried."""
        return self._known.get(host)

    def hosts(self) -> tuple[str, ...]:
        """Return the hosts that are out of reach."""
        return tuple(self._known)

    def lost(self, host: str, name: str, said: str) -> bool:
        """Note that a repository tried in vain; return whether that is news of the host."""
        known = self._known.get(host)
        outage = known or self._known.setdefault(host, Outage(said))
        outage.said, outage.tries = said, outage.tries + 1
        outage.tried.clear()
        if outage.scout == name:
            outage.scout = None
        self.waits(host, name)
        return known is None

    def waits(self, host: str, name: str) -> None:
        """Note that a repository waits for the host; after those that do already, whoever tried last at the end."""
        outage = self._known[host]
        if name in outage.waiting:
            outage.waiting.remove(name)
        outage.waiting.append(name)

    def found(self, host: str) -> tuple[str, ...]:
        """Note that a host that was lost answered; return the repositories that waited for it."""
        return tuple(self._known.pop(host).waiting)

    def next_scout(self, host: str, able: Collection[str]) -> str | None:
        """Return which of the `able` repositories tries now; None: all that wait have come to no try in this round."""
        outage = self._known[host]
        outage.scout = next((name for name in outage.waiting if name in able and name not in outage.tried), None)
        if outage.scout is None:
            outage.tried.clear()
        else:
            outage.tried.add(outage.scout)
        return outage.scout

    def start_over(self, host: str) -> None:
        """Count the tries from the beginning: something changed that may bring the host back."""
        outage = self._known[host]
        outage.tries = 0
        outage.tried.clear()

    def leave(self, name: str) -> None:
        """Forget a repository; a host for which none waits any more is forgotten too."""
        for host, outage in tuple(self._known.items()):
            if name in outage.waiting:
                outage.waiting.remove(name)
            if outage.scout == name:
                outage.scout = None
            if not outage.waiting:
                del self._known[host]
