"""Where gitferry's files are, decided from the environment alone (contracts §1)."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitferry.config.errors import GitferryError

SYSTEM_SETTINGS = Path("/etc/gitferry/config.yaml")
SYSTEM_RUNTIME = Path("/run/gitferry")
SOCKET_NAME = "gitferry.sock"


class NoHome(GitferryError):
    """The environment has no HOME and the user database knows no home directory."""


def home(environ: Mapping[str, str]) -> Path:
    """Return the user's home directory: `$HOME`, else the user database's. Raises NoHome."""
    named = _absolute(environ, "HOME")
    if named is not None:
        return named
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError as error:
        raise NoHome(
            f"user {os.getuid()} has no home directory", "set HOME, or give --config and GITFERRY_STATE_DIR"
        ) from error


def expand(text: str, home_directory: Path | None, relative_to: Path | None) -> Path:
    """Return the path a person wrote: `~` and `~user` expanded, a relative path taken from `relative_to`.

    Where `home_directory` or `relative_to` is None, that part is left as written. Raises ValueError (with a
    message for a person) when the path is empty, holds a NUL, or names an unknown user.
    """
    if not text.strip():
        raise ValueError("is empty")
    if "\0" in text:
        raise ValueError("holds a NUL character")
    if text == "~" or text.startswith("~/"):
        path = Path(text) if home_directory is None else home_directory / text[2:]
    elif text.startswith("~"):
        user, _, rest = text[1:].partition("/")
        try:
            path = Path(pwd.getpwnam(user).pw_dir) / rest
        except KeyError as error:
            raise ValueError(f"names the unknown user {user}") from error
    else:
        path = Path(text)
    return path if relative_to is None else relative_to / path


def settings_path(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the settings file in force: `--config`, `$GITFERRY_CONFIG`, the user's, else the system's.

    The system's is returned only when it exists and the user's does not. The file returned may be missing.
    """
    chosen = settings_to_create(explicit, environ)
    if explicit is not None or environ.get("GITFERRY_CONFIG") or os.path.lexists(chosen):
        return chosen
    return SYSTEM_SETTINGS if SYSTEM_SETTINGS.exists() else chosen


def settings_to_create(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """Return where a new settings file belongs: as `settings_path`, but never the system's unasked."""
    if explicit is not None:
        return explicit
    named = environ.get("GITFERRY_CONFIG")
    if named:
        return Path(named)
    return _xdg(environ, "XDG_CONFIG_HOME", ".config") / "gitferry" / "config.yaml"


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return the directory of the database, vault and crash files; it may not exist yet."""
    own = _directory(environ, "GITFERRY_STATE_DIR") or _directory(environ, "STATE_DIRECTORY")
    return own or _xdg(environ, "XDG_STATE_HOME", ".local/state") / "gitferry"


def trees_dir(environ: Mapping[str, str]) -> Path:
    """Return where repositories are cloned that have a url and no path.

    Not in the state directory, which may be deleted without losing an edit (reliability promise 6).
    """
    return _xdg(environ, "XDG_DATA_HOME", ".local/share") / "gitferry"


def runtime_dir(environ: Mapping[str, str]) -> Path:
    """Return the directory of the socket and pid file that a daemon started here would use."""
    return next(_runtime_places(environ))


def socket_to_bind(environ: Mapping[str, str]) -> Path:
    """Return the socket that a daemon started in this environment binds."""
    return runtime_dir(environ) / SOCKET_NAME


def socket_path(environ: Mapping[str, str]) -> Path:
    """Return the socket a client speaks to: the first place that exists, the system service's last.

    `$GITFERRY_RUNTIME_DIR` is taken at its word: no other place is tried. Without any socket the
    one that a daemon would bind is returned.
    """
    bound = socket_to_bind(environ)
    if environ.get("GITFERRY_RUNTIME_DIR"):
        return bound
    own = next((place / SOCKET_NAME for place in _runtime_places(environ) if (place / SOCKET_NAME).exists()), None)
    if own is not None:
        return own
    # The system service's socket is for its own user; everyone else goes on without a daemon.
    system = SYSTEM_RUNTIME / SOCKET_NAME
    return system if os.access(system, os.W_OK) else bound


def _runtime_places(environ: Mapping[str, str]) -> Iterator[Path]:
    for variable in ("GITFERRY_RUNTIME_DIR", "RUNTIME_DIRECTORY"):
        named = _directory(environ, variable)
        if named is not None:
            yield named
    session = _absolute(environ, "XDG_RUNTIME_DIR")
    if session is not None:
        yield session / "gitferry"
    yield state_dir(environ) / "run"


def _directory(environ: Mapping[str, str], variable: str) -> Path | None:
    # systemd.exec(5): STATE_DIRECTORY and RUNTIME_DIRECTORY hold a colon-separated list when a unit has several.
    value = environ.get(variable, "")
    if variable in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY"):
        value = value.partition(":")[0]
    return Path(value).absolute() if value else None


def _xdg(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    return _absolute(environ, variable) or home(environ) / below_home


def _absolute(environ: Mapping[str, str], variable: str) -> Path | None:
    # XDG Base Directory Specification: a relative path is invalid and must be ignored.
    value = Path(environ.get(variable) or ".")
    return value if value.is_absolute() else None
