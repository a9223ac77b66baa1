"""What a verb is given: the options, the environment, and the engine to ask, be it the daemon's or one in-process."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from gitferry.daemon.cli.output import print_json

if TYPE_CHECKING:
    from gitferry.daemon.client import Client
    from gitferry.daemon.control import Control

    #: What verbs ask: the same of the running daemon and of the engine in this process.
    Verbs: TypeAlias = Client | Control


class Context:
    """One run of the command line. `config`, `json` and `verbose` are set while options are parsed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.given = environ
        self._agreed: Mapping[str, str] | None = None
        self.config: Path | None = None
        self.json = False
        self.verbose = 0
        self.patience: float | None = None  # seconds that a silent daemon has to say that it lives
        self.doing = "gitferry"
        self._daemon: Client | None = None
        self._asked_for_daemon = False
        self._engine: Control | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        """What was given, with the directories of the system's service where that is the caller's own.

        Asked once the options are parsed: `--config` may lead elsewhere.
        """
        if self._agreed is None:
            from gitferry.daemon.agreed import agreed

            self._agreed = agreed(self.given, self.config)
        return self._agreed

    def daemon(self) -> Client | None:
        """Return the running daemon; None where none answers, or where it keeps other settings than asked for."""
        if not self._asked_for_daemon:
            from gitferry.daemon import client

            self._asked_for_daemon = True
            self._daemon = client.connect(self.environ, self.config, patience=self.patience)
        return self._daemon

    def control(self) -> Verbs:
        """Return who answers: the running daemon, else the same engine in this process, under the same locks."""
        if self.verbose:
            _log_to_stderr(debug=self.verbose > 1)
        daemon = self.daemon()
        if daemon is not None:
            if self.verbose:
                daemon.tell = _tell
            return daemon
        return self._engine_here()

    def _engine_here(self) -> Control:
        if self._engine is None:
            _log_nowhere()
            from gitferry.daemon.control import Control

            self._engine = Control(self.config, self.environ)
        return self._engine

    def settings_path(self) -> Path:
        """Return the settings file to edit: the running daemon's own, else the one that would be read."""
        daemon = self.daemon()
        if daemon is not None:
            return Path(daemon.daemon()["settings_path"])
        from gitferry.config.paths import settings_path

        return settings_path(self.config, self.environ)

    def reload(self, *keys: str) -> None:
        """Have a running daemon read its settings now instead of at its next look.

        It puts on record what changed; without one this process does: `keys` of the file, as `config set` names them.
        """
        daemon = self.daemon()
        if daemon is not None:
            daemon.reload()
        else:
            self._engine_here().note_settings(keys)

    def show(self, answer: Mapping[str, Any], lines: Iterable[str]) -> None:
        """Print the answer: as JSON where that was asked for, else its lines."""
        if self.json:
            print_json(dict(answer))
            return
        for line in lines:
            click.echo(line)

    def close(self) -> None:
        """End the connection to the daemon, or the engine with its database; who is asked next looks anew."""
        for opened in (self._daemon, self._engine):
            if opened is not None:
                opened.close()
        self._daemon = self._engine = self._agreed = None
        self._asked_for_daemon = False


def context_of(context: click.Context) -> Context:
    """Return what `main` gave to this run."""
    found = context.find_root().obj
    if not isinstance(found, Context):
        raise TypeError("the command line was started without its Context")
    return found


def _log_nowhere() -> None:
    """What goes wrong is told by the answer: logging's last resort would print it a second time."""
    import logging

    if not logging.getLogger("gitferry").handlers:
        logging.getLogger("gitferry").addHandler(logging.NullHandler())


def _log_to_stderr(*, debug: bool) -> None:
    import logging

    from gitferry.daemon.logs import TextLines
    from gitferry.security.redact import RedactingFilter

    root = logging.getLogger("gitferry")
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(RedactingFilter())
        handler.setFormatter(TextLines())
        root.addHandler(handler)
        root.setLevel(logging.DEBUG if debug else logging.INFO)


def _tell(said: str) -> None:
    import logging

    logging.getLogger(__name__).info("%s", said)
