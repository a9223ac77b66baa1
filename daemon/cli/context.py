"""What a verb is given: the options, the environment, and the engine to ask, be it the daemon's or one in-process."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import click

#: A JSON object as contracts §3 and §4 describe it.
Row: TypeAlias = dict[str, Any]


class Verbs(Protocol):
    """What verbs ask. The running daemon's client and the engine in this process both answer it.

    Every method may raise GitferryError.
    """

    def status(self, repository: str | None = None) -> Row: ...
    def tasks(self, repository: str | None = None, modified: bool = False) -> Row: ...
    def push_status(self) -> Row: ...
    def names(self) -> Row: ...
    def diff(self, task: str, remote: bool = False) -> Row: ...
    def push(self, tasks: list[str], all: bool = False, message: str | None = None, dry_run: bool = False) -> Row: ...
    def pull(self, repositories: list[str]) -> Row: ...
    def sync(self, repositories: list[str]) -> Row: ...
    def log(self, repository: str | None = None, limit: int = 50) -> Row: ...
    def show(self, op: str) -> Row: ...
    def undo(self, op: str) -> Row: ...
    def pause(self, repository: str | None = None, seconds: float | None = None) -> Row: ...
    def resume(self, repository: str | None = None) -> Row: ...
    def survey_for_add(self, path: str, branch: str | None = None) -> Row: ...
    def hold(self, path: str) -> Row: ...
    def release(self, path: str) -> Row: ...
    def reload(self) -> Row: ...
    def close(self) -> None: ...


class Context:
    """One run of the command line. `config`, `json` and `verbose` are set while options are parsed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.config: Path | None = None
        self.json = False
        self.verbose = False
        self.doing = "gitferry"
        self._daemon: Verbs | None = None
        self._asked_for_daemon = False
        self._engine: Verbs | None = None

    def daemon(self) -> Verbs | None:
        """Return the running daemon; None where none answers, or where it keeps other settings than asked for."""
        if not self._asked_for_daemon:
            from gitferry.daemon import client

            self._asked_for_daemon = True
            self._daemon = client.connect(self.environ, self._wanted_settings())
        return self._daemon

    def control(self) -> Verbs:
        """Return who answers: the running daemon, else the same engine in this process, under the same locks."""
        if self.verbose:
            _log_to_stderr()
        daemon = self.daemon()
        if daemon is not None:
            return daemon
        if self._engine is None:
            from gitferry.daemon.control import Control

            self._engine = Control(self.config, self.environ)
        return self._engine

    def settings_path(self) -> Path:
        """Return the settings file to edit: the running daemon's own, else the one that would be read."""
        daemon = self.daemon()
        if daemon is not None:
            return Path(daemon.status()["daemon"]["settings_path"])
        from gitferry.config.paths import settings_path

        return settings_path(self.config, self.environ)

    def reload(self) -> None:
        """Have a running daemon read its settings now instead of at its next look; without one there is no need."""
        daemon = self.daemon()
        if daemon is not None:
            daemon.reload()

    def close(self) -> None:
        """End the connection to the daemon, or the engine with its database."""
        for opened in (self._daemon, self._engine):
            if opened is not None:
                opened.close()
        self._daemon = self._engine = None

    def _wanted_settings(self) -> Path | None:
        if self.config is not None:
            return self.config
        named = self.environ.get("GITFERRY_CONFIG")
        return Path(named) if named else None


def context_of(context: click.Context) -> Context:
    """Return what `main` gave to this run."""
    found = context.find_root().obj
    if not isinstance(found, Context):
        raise TypeError("the command line was started without its Context")
    return found


def _log_to_stderr() -> None:
    import logging

    from gitferry.security.redact import RedactingFilter

    root = logging.getLogger("gitferry")
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(RedactingFilter())
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
