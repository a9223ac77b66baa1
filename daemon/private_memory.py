"""The process's memory, through which credentials pass, is for itself alone: no core dump, no look from outside."""

from __future__ import annotations

import ctypes
import os
import resource

from gitferry.config.errors import GitferryError

_PR_SET_DUMPABLE = 4  # prctl(2)


class MemoryOpen(GitferryError):
    """The kernel does not keep other processes from our memory."""


def keep_memory_private() -> None:
    """Leave no core dump (setrlimit(2)) and let no other process of the user read our memory (prctl(2)).

    Children begin with the limit, and are as open as their own program. Raises MemoryOpen.
    """
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        raise MemoryOpen(f"core dumps cannot be turned off: {error}", "see the service's LimitCORE=") from error
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise MemoryOpen(
            f"the process cannot close its memory to others: {os.strerror(ctypes.get_errno())}",
            "see what filters its system calls",
        )
