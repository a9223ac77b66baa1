"""The tasks that links join, also by way of others. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def grouped(units: Iterable[str], links: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return these tasks in groups, one that nothing joins alone in its own; groups and members are sorted."""
    group = {unit: {unit} for unit in units}
    for one, two in links:
        if one in group and two in group and group[one] is not group[two]:
            joined = group[one] | group[two]
            group |= dict.fromkeys(joined, joined)
    return sorted({tuple(sorted(members)) for members in group.values()})
