"""The user's ssh agent, for a daemon that systemd started: a unit has no SSH_AUTH_SOCK, its manager often does.

Desktop sessions tell the user's manager where the agent listens (environment.d(5), `systemctl --user
import-environment`); a service that was started before that never hears of it.
"""

from __future__ import annotations

import logging
import stat
from collections.abc import Mapping
from pathlib import Path

from gitferry.daemon.systemctl import Manager

log = logging.getLogger(__name__)

SOCKET = "SSH_AUTH_SOCK"


def with_agent(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with the agent's socket where systemd left it out and the user's manager knows it.

    SSH_AUTH_SOCK itself, also by `Environment=` in the unit, is always the user's word.
    """
    found = dict(environ)
    if SOCKET in environ or "INVOCATION_ID" not in environ:  # systemd.exec(5): set for all that systemd starts
        return found
    known = (Manager("user", environ).environment() or {}).get(SOCKET, "")
    if known and _is_socket(Path(known)):
        log.info("the ssh agent at %s is used", known, extra={"action": "agent"})
        found[SOCKET] = known
    return found


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False  # of a session that ended
