"""What the unit takes from the daemon that it never needs: systemd.exec(5), as far as trees, agents and hooks allow.

Trees may lie anywhere and agents listen below /run/user, /tmp and in homes, so none of these is hidden or private.
Files keep the modes that the umask and git's core.sharedRepository give them, so neither UMask= nor RestrictSUIDSGID=
(git sets the setgid bit on directories of shared repositories). Programs that compile as they run (node in a hook)
need memory that is writable and executable. The watcher's limits are read from /proc/sys, so /proc stays as it is.
"""

from __future__ import annotations

from typing import Literal

_BOTH = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
)

# A user's manager cannot set up mounts and devices, and containers of the user's own (in a hook) need namespaces.
_USER = ("SystemCallFilter=~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap",)

_SYSTEM = (
    "SystemCallFilter=@system-service",
    "ProtectSystem=yes",
    "ReadWritePaths=-/usr/local -/usr/src",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
)

# For root's own trees, whatever modes are in them.
_FILES = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID"


def hardening(scope: Literal["user", "system"], *, root: bool) -> tuple[str, ...]:
    """Return the lines for a unit of that scope; `root`: it runs as root. Pure."""
    if scope == "user":
        return (*_BOTH, *_USER)
    return (*_BOTH, *_SYSTEM, f"CapabilityBoundingSet={_FILES if root else ''}")
