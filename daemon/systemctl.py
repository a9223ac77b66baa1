"""systemd's manager, the system's or the user's, asked by systemctl(1)."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.daemon.unit import NAME, Scope

_ANSWER = 10.0  # seconds for a question
_CHANGE = 120.0  # seconds for a start or stop: systemd's own limit for a start is 90
_LINGER = Path("/var/lib/systemd/linger")  # loginctl(1), enable-linger
_ASKED = ("LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "Result", "NeedDaemonReload")


class ManagerRefused(GitferryError):
    """systemd did not do what it was asked."""

    def __init__(self, words: str, said: str, scope: Scope) -> None:
        # `enable` tells of its links first, on the same stream.
        lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("Created symlink")]
        reason = lines[0] if lines else "it said nothing"
        # journalctl(1): a user's own journal is asked with --user too.
        option = "--user " if scope == "user" else ""
        super().__init__(
            f"`{words}` failed: {reason}", f"`journalctl {option}-u gitferry -n 20` tells more; then run it again"
        )


@dataclass(frozen=True, slots=True)
class UnitState:
    """What the manager knows of our unit, in its own words; `pid` is None where nothing runs."""

    load: str
    active: str
    sub: str
    enabled: str
    pid: int | None
    result: str
    outdated: bool  # the file was changed since the manager read it


class Manager:
    """One systemd manager, which may not be there: containers have none, and a shell without a session no user's."""

    def __init__(self, scope: Scope, environ: Mapping[str, str]) -> None:
        self.scope = scope
        self._environ = dict(environ) | {"LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}

    def reachable(self) -> bool:
        """Return whether the manager answers."""
        return self._ask("show", "--property=Version") is not None

    def state(self) -> UnitState | None:
        """Return what it knows of our unit; None where it does not answer."""
        answer = self._ask("show", NAME, f"--property={','.join(_ASKED)}")
        if answer is None:
            return None
        found = dict(line.partition("=")[::2] for line in answer.splitlines())
        pid = found.get("MainPID", "0")
        return UnitState(
            load=found.get("LoadState", ""),
            active=found.get("ActiveState", ""),
            sub=found.get("SubState", ""),
            enabled=found.get("UnitFileState", ""),
            pid=int(pid) if pid.isdigit() and int(pid) else None,
            result=found.get("Result", ""),
            outdated=found.get("NeedDaemonReload") == "yes",
        )

    def environment(self) -> dict[str, str] | None:
        """Return what it gives to every service it starts; None where it does not answer."""
        answer = self._ask("show-environment")
        return None if answer is None else dict(line.partition("=")[::2] for line in answer.splitlines())

    def do(self, *words: str) -> None:
        """Have it do something and wait until it is done. Raises ManagerRefused."""
        try:
            done = self._run(words, _CHANGE)
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise ManagerRefused(self.command(*words), str(failure), self.scope) from failure
        if done.returncode != 0:
            raise ManagerRefused(self.command(*words), done.stderr or done.stdout, self.scope)

    def command(self, *words: str) -> str:
        """Return what a person types to have the same done."""
        return " ".join(["systemctl", *(["--user"] if self.scope == "user" else []), *words])

    def _ask(self, *words: str) -> str | None:
        if shutil.which("systemctl", path=self._environ.get("PATH")) is None:
            return None
        try:
            done = self._run(words, _ANSWER)
        except (OSError, subprocess.TimeoutExpired):
            return None  # a manager that cannot be asked is one that is not there
        return done.stdout if done.returncode == 0 else None

    def _run(self, words: tuple[str, ...], seconds: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["systemctl", f"--{self.scope}", "--no-ask-password", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=self._environ,
            timeout=seconds,
            check=False,
        )


def lingers(user: str, directory: Path = _LINGER) -> bool:
    """Return whether the user's services run also while that user is not logged in."""
    return (directory / user).exists()


def user_name() -> str:
    """Return the login name of who asks, the number where the account has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
