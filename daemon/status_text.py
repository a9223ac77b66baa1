"""The one line in which `systemctl status` tells how the repositories stand. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gitferry.daemon.board import Known
from gitferry.pushback.outcome import State

#: What stands in the way of whole repositories, in the order in which it is told.
_TOLD = (State.FAILING, State.WAITING, State.PAUSED)


def text(known: Sequence[Known], settings_fault: str | None) -> str:
    """Return `12 repositories, 2 pending, 1 conflict`, say; `settings_fault` is why the last good ones are in force."""
    parts = [_counted(len(known), "repository", "repositories")]
    pending, conflicts = sum(each.pending for each in known), sum(each.conflicts for each in known)
    parts += [f"{pending} pending"] if pending else []
    parts += [_counted(conflicts, "conflict", "conflicts")] if conflicts else []
    for state in _TOLD:
        count = sum(1 for each in known if each.state == state.value)
        parts += [f"{count} {state.value}"] if count else []
    line = ", ".join(parts)
    if settings_fault is None:
        return line
    # The error's headline, one line a fault, and its remedy further in.
    faults = [each for each in settings_fault.splitlines() if each and not each.startswith(" ")]
    return f"{line}; settings fault: {(faults[1:] or faults or ['they cannot be read'])[0]}"


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
