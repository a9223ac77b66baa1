"""What a crossing takes from outside: the clock, the environment, who and where we are, and what is remembered."""

from __future__ import annotations

import getpass
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gitferry.repos.known import Known
from gitferry.repos.manifest_tree import ManifestTrees


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a service account without a name
        return str(os.getuid())


@dataclass(frozen=True, slots=True)
class Host:
    """Passed to every crossing; tests give their own clock and environment."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    clock: Callable[[], datetime] = _now  # aware
    hostname: str = field(default_factory=socket.gethostname)
    user: str = field(default_factory=_user)
    cancel: threading.Event | None = None  # set: a long network call ends
    manifests: ManifestTrees = field(default_factory=ManifestTrees, repr=False)
    known: Known = field(default_factory=Known, repr=False)
    lock_wait: float = 30.0  # seconds to wait for another process's crossing of the same repository
