"""What a crossing takes from outside: the clock, the environment, who and where we are, and what is remembered."""

from __future__ import annotations

import getpass
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from gitferry.config.model import Repository
from gitferry.pushback.hooked import HookMemory
from gitferry.pushback.requests import ReviewRequests
from gitferry.pushback.schema_process import SchemaWorkers
from gitferry.pushback.validated import Validated
from gitferry.repos import transport as by_git
from gitferry.repos.git import Git
from gitferry.repos.known import Known
from gitferry.repos.manifest_tree import ManifestTrees
from gitferry.repos.objects import Objects
from gitferry.repos.ssh_connections import Connections
from gitferry.repos.transport import Accepted, Refused, Seconds, Timeouts
from gitferry.repos.worktree import Worktree
from gitferry.security.login import Login

_USUAL = Seconds()


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a service account without a name
        return str(os.getuid())


def _no_login(_repository: Repository) -> None:
    """Return that nothing is kept for it."""


class Transport(Protocol):
    """How a crossing talks to a remote; each call promises what its namesake in `repos.transport` does."""

    def remote_refs(self, git: Git, remote: str, *patterns: str, timeouts: Timeouts = _USUAL) -> dict[str, str]:
        """Return the refs that the remote shows."""
        ...

    def fetch(
        self, git: Git, remote: str, branch: str, *, timeouts: Timeouts = _USUAL, tracking_ref: str | None = None
    ) -> str | None:
        """Fetch one branch and return its tip, None where the remote has no such branch."""
        ...

    def push(
        self,
        git: Git,
        remote: str,
        branch: str,
        new: str,
        expected: str | None,
        *,
        timeouts: Timeouts = _USUAL,
        is_ancestor: Callable[[str, str], bool] | None = None,
    ) -> Accepted | Refused:
        """Move one branch from `expected` to a descendant of it."""
        ...

    def delete(
        self, git: Git, remote: str, branch: str, expected: str, *, timeouts: Timeouts = _USUAL
    ) -> Accepted | Refused:
        """Delete a branch that stands at `expected`."""
        ...


@dataclass(frozen=True, slots=True)
class Host:
    """Passed to every crossing; tests give their own clock, environment, transport and file system."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    clock: Callable[[], datetime] = _now  # aware
    hostname: str = field(default_factory=socket.gethostname)
    user: str = field(default_factory=_user)
    cancel: threading.Event | None = None  # set: a long network call ends
    manifests: ManifestTrees = field(default_factory=ManifestTrees, repr=False)
    hooks: HookMemory = field(default_factory=HookMemory, repr=False)
    validated: Validated = field(default_factory=Validated, repr=False)
    schema_workers: SchemaWorkers = field(default_factory=SchemaWorkers, repr=False)
    known: Known = field(default_factory=Known, repr=False)
    transport: Transport = by_git
    logins: Callable[[Repository], Login | None] = _no_login  # what the vault keeps for a repository
    connections: Connections | None = None  # None: each git command opens its own
    requests: ReviewRequests | None = None  # the forge that review branches are shown to
    objects: Callable[[Path], Objects] = Objects  # of a git directory
    worktree: Callable[[Path, Path], Worktree] = Worktree  # of a root and a scratch directory
    lock_wait: float = 30.0  # seconds to wait for another process's crossing of the same repository
