"""One side of the demo: a person with a clone, settings of their own, and a daemon that looks after it."""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitferry.config.errors import GitferryError
from gitferry.config.paths import SOCKET_NAME
from gitferry.daemon.client import Client, DaemonNotRunning
from gitferry.daemon.demo_registry import Files, worktree
from gitferry.daemon.program import command
from gitferry.repos.git import Git

REPOSITORY = "tasks"

_START = 20.0  # seconds for a daemon to answer and to have looked at its clone
_STOP = 20.0  # seconds from SIGTERM to SIGKILL
_LOOK = 0.1  # seconds between two looks
_FOREIGN = ("GIT_", "GITFERRY_", "XDG_", "LISTEN_")
_SYSTEMD = ("NOTIFY_SOCKET", "STATE_DIRECTORY", "RUNTIME_DIRECTORY")

# Short, so that the demo is: the defaults are 2 s of quiet and a pull every five minutes.
_SETTINGS = {
    "watch": {"quiet": "300ms", "max_wait": "3s"},
    "pull": {"every": "1s", "jitter": "0%"},
    "retry": {"initial": "500ms", "max": "2s"},
    "pushback": {"conflict_strategy": "fail"},
}


class DemoFailed(GitferryError):
    """The demo did not come to what it shows."""


def environment(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which no settings of this user's or machine's git and gitferry count."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_FOREIGN) and name not in _SYSTEMD}
    return kept | {
        "HOME": str(root / "home"),
        # Else Python would look for gitferry's own packages below the new HOME.
        "PYTHONUSERBASE": site.getuserbase(),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


class Side:
    """A clone of `remote` at `root`/tasks and, between `start` and `stopped`, its daemon."""

    def __init__(self, name: str, root: Path, remote: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self.tree = root / REPOSITORY
        self.settings = root / "config.yaml"
        self.log = root / "daemon.log"
        self._root = root
        self._remote = remote
        self._process: subprocess.Popen[bytes] | None = None
        person = {"NAME": name, "EMAIL": f"{name.lower()}@example.org"}
        self.environ = dict(environ) | {
            **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()},
            "GITFERRY_CONFIG": str(self.settings),
            "GITFERRY_STATE_DIR": str(root / "state"),
            "GITFERRY_RUNTIME_DIR": str(root / "run"),
        }

    def clone(self) -> None:
        """Clone the remote and write the settings. Raises GitError."""
        self._root.mkdir()
        self.git(self._root, "clone", "--quiet", "--template=", "--", str(self._remote), str(self.tree))
        repositories = [{"name": REPOSITORY, "path": str(self.tree)}]
        # JSON is YAML.
        wanted = {"version": 1, "defaults": _SETTINGS, "repositories": repositories}
        self.settings.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")

    def git(self, where: Path, *words: str) -> str:
        """Return what `git words` prints as this person. Raises GitError."""
        return Git(where, environ=self.environ).run(*words).text

    def start(self) -> None:
        """Start the daemon; `wait` for it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command(), "--config", str(self.settings), "run"],
                cwd=self._root,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # ^C is for us: we stop the daemons, in order.
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return when the daemon answers and has looked at its clone. Raises DemoFailed."""
        give_up = time.monotonic() + _START
        while time.monotonic() < give_up:
            self.require_running()
            row = self.row()
            if row is not None and row["state"] == "healthy":
                return
            time.sleep(_LOOK)
        raise DemoFailed(f"{self.name}'s daemon was not ready within {_START:g} s: {self.trouble()}", self.hint())

    def require_running(self) -> None:
        """Raise DemoFailed where the daemon has ended."""
        code = self._process.poll() if self._process is not None else None
        if code is not None:
            raise DemoFailed(f"{self.name}'s daemon ended by itself with exit code {code}: {self._last_words()}")

    def stop(self) -> None:
        """Ask the daemon to end; see `stopped`."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stopped(self) -> int | None:
        """Return the exit code of the daemon that was asked to end; None where none ran. A hanging one is killed."""
        process, self._process = self._process, None
        if process is None:
            return None
        try:
            return process.wait(_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def client(self) -> Client:
        """Return who asks the daemon."""
        return Client(self._root / "run" / SOCKET_NAME)

    def row(self) -> dict[str, Any] | None:
        """Return the daemon's row on the clone; None where it does not answer yet."""
        try:
            rows: list[dict[str, Any]] = self.client().status()["repositories"]
        except DaemonNotRunning:
            return None
        return rows[0]

    def conflicts(self) -> list[dict[str, Any]]:
        """Return the tasks in conflict."""
        tasks: list[dict[str, Any]] = self.client().push_status()["tasks"]
        return [each for each in tasks if each["push_status"] == "conflict"]

    def files(self) -> Files:
        """Return what the working tree holds."""
        return worktree(self.tree)

    def says(self, *words: str) -> str:
        """Return what `gitferry words` prints on this side, 76 columns wide."""
        done = subprocess.run(
            [*command(), *words],
            cwd=self._root,
            env=self.environ | {"COLUMNS": "76", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise DemoFailed(f"`gitferry {' '.join(words)}` failed: {done.stderr.strip()}", self.hint())
        return done.stdout

    def trouble(self) -> str:
        """Return the reason the daemon gives for not going on."""
        row = self.row()
        if row is None:
            return self._last_words()
        return str(row["last_error"] or row["waiting_for"] or f"it says {row['state']}, and gives no reason")

    def hint(self) -> str:
        """Return where more can be read."""
        return f"the log of {self.name}'s daemon is {self.log}; it ends: {self._last_words()}"

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return lines[-1] if lines else "its log is empty"
