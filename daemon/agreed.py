"""Where the commands of the system service's account look: where their service does.

systemd tells a service its directories and a shell nothing of them. Without this, `gitferry vault init` of root would
make a vault that root's service never opens.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

UNIT = Path("/etc/systemd/system/gitferry.service")
STATE = Path("/var/lib/gitferry")

#: Whoever sets one of these has chosen.
_CHOSEN = ("GITFERRY_STATE_DIR", "STATE_DIRECTORY", "GITFERRY_CONFIG")


def agreed(environ: Mapping[str, str], settings: Path | None, unit: Path = UNIT, state: Path = STATE) -> dict[str, str]:
    """Return `environ`, with the system service's directories and settings where it is the caller's own service.

    It is where its unit names the caller's account, and the caller has neither a service of the user's nor a word on
    directories or `settings` (`--config`) that would lead elsewhere.
    """
    found = dict(environ)
    if any(environ.get(name) for name in _CHOSEN) or not unit.is_file():
        return found
    from gitferry.config.errors import GitferryError
    from gitferry.daemon import unit as units

    try:
        text = units.installed(unit)
        if text is None or units.place("user", environ).exists():
            return found
    except GitferryError:
        return found  # of somebody else's unit nothing is known, and `doctor` tells of it
    theirs = units.settings_of(text)
    if not _is_mine(units.account_of(text)) or not (state.is_dir() or os.geteuid() == 0):
        return found
    if settings is not None and settings.absolute() != theirs:
        return found
    found["STATE_DIRECTORY"] = str(state)
    if theirs is not None:
        found["GITFERRY_CONFIG"] = str(theirs)
    return found


def is_system_service(environ: Mapping[str, str]) -> bool:
    """Return whether `environ`, once `agreed`, is that of the system's service."""
    return environ.get("STATE_DIRECTORY") == str(STATE) and not environ.get("GITFERRY_STATE_DIR")


def _is_mine(account: str) -> bool:
    try:
        return pwd.getpwnam(account).pw_uid == os.getuid()
    except KeyError:
        return False
