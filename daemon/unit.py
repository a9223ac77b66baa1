"""The systemd unit: its text, where it belongs, and writing it without touching one that someone else wrote.

Sources: systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.syntax(7), all of systemd 252.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from gitferry.config.errors import GitferryError
from gitferry.config.paths import SYSTEM_SETTINGS, home, settings_to_create, state_dir
from gitferry.daemon.hardening import hardening
from gitferry.daemon.unit_seal import Writing, digest, sealed, writing

NAME = "gitferry.service"
Scope = Literal["user", "system"]

_MARK = "# Written by `gitferry service install`"
_TARGETS: dict[Scope, str] = {"user": "default.target", "system": "multi-user.target"}
_SYSTEM_UNITS = Path("/etc/systemd/system")
# What a manager gives to its services where nothing else is said (systemd.exec(5), $PATH), on both kinds of system.
_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Without a path it is looked for in /etc/credstore.encrypted, and one that is not there is no fault: systemd.exec(5).
_CREDENTIALS = (
    "# The vault's key, where `systemd-creds encrypt` put one: docs/vault.md.",
    "LoadCredentialEncrypted=gitferry-vault-key",
    "LoadCredentialEncrypted=gitferry-vault-key-next",
)
_DIRECTORIES = ("GITFERRY_STATE_DIR", "GITFERRY_RUNTIME_DIR")
_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]+")


class NotOurUnit(GitferryError):
    """A unit of that name stands there which `gitferry service install` did not write."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was not written by gitferry, so it is left alone",
            "move it away (`systemctl unmask` where it is a link to /dev/null), then try again",
        )


class UnitNotWritable(GitferryError):
    """The directory for units, or the file in it, cannot be changed."""

    def __init__(self, path: Path, failure: OSError) -> None:
        hint = "free some space and check that the disk is mounted for writing"
        if failure.errno in (errno.EACCES, errno.EPERM):
            hint = "for a system service run it as root (sudo); --user needs no root"
        super().__init__(f"{path} cannot be changed: {failure.strerror or failure}", hint)


class UnstartableProgram(GitferryError):
    """systemd starts no program whose path holds quotes, a backslash or control characters (string_is_safe)."""

    def __init__(self, program: Path) -> None:
        super().__init__(
            f"systemd does not start a program with such a path: {str(program)!r}",
            "install gitferry in a directory without quotes, backslashes and control characters in its path",
        )


@dataclass(frozen=True, slots=True)
class Service:
    """What the unit runs. `environment` is given to the daemon besides what the manager gives.

    `account` is the user that the system's service runs as.
    """

    scope: Scope
    program: Path
    settings: Path | None = None
    environment: tuple[tuple[str, str], ...] = ()
    account: str = "root"


def service(
    scope: Scope, program: Path, settings: Path | None, environ: Mapping[str, str], account: str = "root"
) -> Service:
    """Return the service that reads and writes what a command line with `--config settings` in `environ` does.

    A manager does not hand on what a shell has set, so what differs from the defaults is written down. A system's
    service of another account than root's is given the system's settings, unless others were named.
    Raises UnstartableProgram, NoHome.
    """
    if not str(program).isprintable() or set(str(program)) & set("\"'\\"):
        raise UnstartableProgram(program)
    chosen = settings is not None or environ.get("GITFERRY_CONFIG") or environ.get("XDG_CONFIG_HOME")
    path = settings_to_create(settings, environ).absolute() if chosen else None
    if settings is None and path == home(environ) / ".config" / "gitferry" / "config.yaml":
        path = None
    if scope == "system" and account != "root" and path is None:
        path = SYSTEM_SETTINGS
    given = {}
    if scope == "user":
        # Not StateDirectory=, which is below ~/.config for a user's services until systemd 254.
        given["GITFERRY_STATE_DIR"] = str(state_dir(environ).absolute())
        if environ.get("GITFERRY_RUNTIME_DIR"):
            given["GITFERRY_RUNTIME_DIR"] = str(Path(environ["GITFERRY_RUNTIME_DIR"]).absolute())
    git = shutil.which("git", path=environ.get("PATH", os.defpath))
    if git is not None and str(Path(git).absolute().parent) not in _USUAL_PATH.split(":"):
        given["PATH"] = f"{Path(git).absolute().parent}:{_USUAL_PATH}"
    return Service(scope, program, path, tuple(given.items()), account)


def text(wanted: Service) -> str:
    """Return the unit file, sealed with the form that this version writes. Pure."""
    return sealed(_lines(wanted), form())


@cache
def form() -> str:
    """Return a name for the form in which this version writes units: another one, and it would write another unit."""
    program, settings, environment = Path("/usr/bin/gitferry"), Path("/etc/gitferry.yaml"), (("NAME", "value"),)
    samples = [
        Service("user", program, settings, environment),
        Service("system", program, settings, environment),
        Service("system", program, settings, environment, account="gitferry"),
    ]
    return digest([line for sample in samples for line in _lines(sample)])


def written(content: str) -> Writing:
    """Return whether this version would write a unit of ours so, an older one did, or a person changed it."""
    return writing(content, form)


def install_command(scope: Scope, content: str | None = None) -> str:
    """Return what a person types to have the unit written anew, by the settings that the one there names."""
    settings = None if content is None else settings_of(content)
    if scope == "system" and settings == SYSTEM_SETTINGS:
        settings = None
    config = "" if settings is None else f" --config {shlex.quote(str(settings))}"
    return f"gitferry{config} service install{' --system' if scope == 'system' else ''}"


def _lines(wanted: Service) -> list[str]:
    system = wanted.scope == "system"
    edit = "systemctl edit gitferry" if system else "systemctl --user edit gitferry"
    # In the program's own path `$` stands for itself: only arguments are searched for variables.
    words = [quoted(str(wanted.program))]
    if wanted.settings is not None:
        words += ["--config", quoted(str(wanted.settings), argument=True)]
    return [
        f"{_MARK}, which writes it anew: keep changes in `{edit}`.",
        "[Unit]",
        "Description=gitferry keeps working trees and their git remotes the same",
        *(["Wants=network-online.target", "After=network-online.target"] if system else []),
        "",
        "[Service]",
        "Type=notify",
        f"ExecStart={' '.join([*words, 'run'])}",
        "# kill(1) does not wait, so the second one does: a reload is over when the new settings are in force.",
        'ExecReload=/bin/sh -c "kill -HUP $MAINPID"',
        f"ExecReload={' '.join([*words, 'service', 'reload'])}",
        *(f"Environment={quoted(f'{name}={value}')}" for name, value in wanted.environment),
        # A user named here is given HOME, which git needs for its settings.
        *([f"User={wanted.account}"] if system else []),
        *(["StateDirectory=gitferry", "StateDirectoryMode=0700"] if system else []),
        *(["RuntimeDirectory=gitferry", "RuntimeDirectoryMode=0700"] if system else []),
        *(_CREDENTIALS if system else []),
        "Restart=on-failure",
        "RestartSec=10",
        "# Wrong usage does not heal by itself.",
        "RestartPreventExitStatus=2",
        "# SIGTERM lets the daemon finish the step in hand; git, which it is waiting for, must not get one too.",
        "KillMode=mixed",
        "KillSignal=SIGTERM",
        "TimeoutStopSec=10",
        "# Fed while every thread makes progress. It does not count while the machine sleeps.",
        "WatchdogSec=2min",
        "# A git that needs too much memory fails by itself; the daemon goes on.",
        "OOMPolicy=continue",
        *hardening(wanted.scope, root=wanted.account == "root"),
        "",
        "[Install]",
        f"WantedBy={_TARGETS[wanted.scope]}",
    ]


def quoted(word: str, *, argument: bool = False) -> str:
    """Return `word` so that systemd reads back exactly it: systemd.service(5), "COMMAND LINES".

    `argument` says that variables are substituted there, so that `$` must be doubled.
    """
    if _PLAIN.fullmatch(word):
        return word
    escaped = []
    for each in word:
        if each in '\\"':
            escaped.append(f"\\{each}")
        elif each == "%" or (each == "$" and argument):
            escaped.append(each * 2)
        elif each.isprintable():
            escaped.append(each)
        else:
            escaped += [f"\\x{byte:02x}" for byte in os.fsencode(each)]
    return f'"{"".join(escaped)}"'


def account_of(content: str) -> str:
    """Return the account that a system's unit of ours runs as."""
    return next((line.removeprefix("User=") for line in content.splitlines() if line.startswith("User=")), "root")


def directories_of(content: str) -> dict[str, str]:
    """Return the variables by which a unit of ours names the daemon's directories, with what they say."""
    lines = [line.removeprefix("Environment=") for line in content.splitlines() if line.startswith("Environment=")]
    given = [word.partition("=") for line in lines for word in _words(line)]
    return {name: value for name, _, value in given if name in _DIRECTORIES}


def started_by(content: str) -> list[str]:
    """Return the words of the command that a unit of ours starts; nothing where it has none."""
    line = next((line for line in content.splitlines() if line.startswith("ExecStart=")), "")
    return _words(line.removeprefix("ExecStart="))


def _words(value: str) -> list[str]:
    """Return the words of a unit's line, as `quoted` was given them; `$$` and escaped bytes stay as they are."""
    return [word.replace("%%", "%") for word in shlex.split(value)]


def settings_of(content: str) -> Path | None:
    """Return the settings that a unit of ours names; None where it leaves that to the defaults."""
    words = started_by(content)
    named = words[words.index("--config") + 1] if "--config" in words else None
    return None if named is None else Path(named.replace("$$", "$"))


def place(scope: Scope, environ: Mapping[str, str]) -> Path:
    """Return where the unit file of that scope belongs: systemd.unit(5), "UNIT FILE LOAD PATH"."""
    if scope == "system":
        return _SYSTEM_UNITS / NAME
    configured = Path(environ.get("XDG_CONFIG_HOME") or ".")
    base = configured if configured.is_absolute() else home(environ) / ".config"
    return base / "systemd" / "user" / NAME


def installed(path: Path) -> str | None:
    """Return the text of the unit at `path`; None where there is none. Raises NotOurUnit, UnitNotWritable."""
    try:
        found = path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        if path.is_symlink():
            raise NotOurUnit(path) from None
        return None
    except OSError as failure:
        raise UnitNotWritable(path, failure) from failure
    if path.is_symlink() or not found.startswith(_MARK):
        raise NotOurUnit(path)
    return found


def write(path: Path, content: str) -> bool:
    """Write the unit, whole or not at all, and return whether it changed. Raises NotOurUnit, UnitNotWritable."""
    if installed(path) == content:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{NAME}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise
    except OSError as failure:
        raise UnitNotWritable(path, failure) from failure
    return True


def remove(path: Path) -> bool:
    """Remove the unit and return whether there was one. Raises NotOurUnit, UnitNotWritable."""
    if installed(path) is None:
        return False
    try:
        for target in _TARGETS.values():
            # What `systemctl enable` made, where no manager can be asked to disable it.
            link = path.parent / f"{target}.wants" / NAME
            if link.is_symlink():
                link.unlink()
        path.unlink(missing_ok=True)
    except OSError as failure:
        raise UnitNotWritable(path, failure) from failure
    return True
