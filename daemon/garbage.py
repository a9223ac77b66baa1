"""When Python looks for cyclic garbage: not while modules are loaded, of which all stays, and not at the end.

Measured: a third of what the daemon's start and end take, and a sixth of `gitferry status` without a daemon.
"""

from __future__ import annotations

import atexit
import gc

_SELDOM = 100_000  # objects more than at the last look, in place of 700: so a verb that lives on does not grow for ever
_USUAL = gc.get_threshold()


def look_seldom() -> None:
    """Have Python look for garbage seldom from now on, and not at the exit: the memory goes with the process."""
    gc.set_threshold(_SELDOM)
    atexit.unregister(gc.freeze)  # for whoever comes here twice
    atexit.register(gc.freeze)


def look_as_usual() -> None:
    """Have it look as often as it does by itself, but not among what is there now, such as loaded modules."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
