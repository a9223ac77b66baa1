"""How every git command that talks to a remote is run: its timeouts, its settings, its failures sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gitferry.repos.git import Completed, Git, GitError, GitTimeout, GitUnconnected
from gitferry.repos.remote_error import RemoteError, classify
from gitferry.security.redact import redact

_TRANSPORTS: Final = "https:http:ssh:git:file"  # those that security.urls knows


class Timeouts(Protocol):
    """How long a remote may take, in seconds: to take a connection, and for one whole command."""

    @property
    def connect(self) -> float: ...
    @property
    def transfer(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Seconds:
    """Timeouts for who has no settings at hand; the defaults are those of the settings."""

    connect: float = 15.0
    transfer: float = 300.0


def talk(
    git: Git, remote: str, *args: str, timeouts: Timeouts, check: bool = True, config: Sequence[str] = ()
) -> Completed:
    """Run ``git <args>``, which talks to `remote` (a name or URL, used in messages only), under both timeouts.

    Raises RemoteError: of kind offline (no connection came about) and timeout always, for an exit code that is not 0
    unless `check` is false.
    """
    name = redact(remote)
    try:
        done = git.run(
            *args,
            deadline=timeouts.transfer,
            connect=timeouts.connect,
            cancellable=True,
            told=True,
            check=False,
            extra_env=_environment(git, timeouts),
            extra_config=(*_settings(timeouts), *config),
        )
    except GitUnconnected as silent:
        raise RemoteError(
            "offline",
            f"{name} took no connection within {timeouts.connect:g} s",
            "gitferry tries again; is it behind a VPN or firewall? timeouts.connect in the settings allows more",
        ) from silent
    except GitTimeout as slow:
        raise RemoteError(
            "timeout",
            f"{name} did not finish within {timeouts.transfer:g} s",
            "gitferry tries again; timeouts.transfer in the settings allows more",
        ) from slow
    if check and done.code != 0:
        raise classify(remote, done.stderr) from GitError(git.root, args, done.code, done.stderr)
    return done


def _environment(git: Git, timeouts: Timeouts) -> dict[str, str]:
    """No setting of a repository's makes git start another transport's helper: git(1), GIT_ALLOW_PROTOCOL."""
    wanted = {"GITFERRY_CONNECT_TIMEOUT": str(max(1, round(timeouts.connect)))}
    return wanted if git.has("GIT_ALLOW_PROTOCOL") else wanted | {"GIT_ALLOW_PROTOCOL": _TRANSPORTS}


def _settings(timeouts: Timeouts) -> tuple[str, ...]:
    """git-config(1) settings for one command.

    A server that sends nothing at all is given up after four connect timeouts: a slow hook on it may be silent for
    longer than a handshake, but its keep-alives (receive.keepAlive, 5 s) are not.
    """
    return (
        "http.lowSpeedLimit=1",
        f"http.lowSpeedTime={max(1, round(min(timeouts.connect * 4, timeouts.transfer)))}",
        "protocol.ext.allow=never",
        "http.sslVerify=true",
        "color.ui=false",
        "color.remote=false",
        "color.push=false",
        "color.transport=false",
    )
