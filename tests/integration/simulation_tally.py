"""What simulated histories met, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields

from gitferry.tests.integration.simulation_oracle import Lost, Rewritten, Unconverged, Violation

_KINDS: dict[type[Violation], str] = {Lost: "lost", Rewritten: "rewritten", Unconverged: "unconverged"}


@dataclass
class Tally:
    """Counts over any number of histories."""

    histories: int = 0
    steps: int = 0
    crossings: int = 0
    conflicts: int = 0  # tasks that both sides changed, each counted once for each clone that met it
    answered: int = 0  # of these, by a strategy or a resolve
    undone: int = 0
    crashes: int = 0
    user_actions: int = 0
    faults: int = 0  # of the network, the disk, the remote's rules
    lost: int = 0
    rewritten: int = 0
    unconverged: int = 0
    other: int = 0  # any other promise that was broken

    def add(self, other: Tally) -> None:
        """Add another's counts."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def broken(self, how: Violation) -> None:
        """Count a broken promise."""
        name = _KINDS.get(type(how), "other")
        setattr(self, name, getattr(self, name) + 1)

    def __str__(self) -> str:
        return ", ".join(f"{getattr(self, one.name):,} {one.name.replace('_', ' ')}" for one in fields(self))
