"""The ssh configuration of one command that signs in with a key of gitferry's: the way there is the user's, who one is
is not.

With a configuration of their own, other keys and agents of the user's would be tried after ours was refused, and a push
would travel in another name. So ssh is asked what it would do (ssh(1), -G), and only what concerns the way and the
server's identity is kept. Source: ssh_config(5).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gitferry.repos.git import clean_environment
from gitferry.security.urls import RemoteUrl

_KEPT: Final = frozenset({
    "addressfamily", "bindaddress", "bindinterface", "casignaturealgorithms", "checkhostip", "ciphers", "compression",
    "connectionattempts", "globalknownhostsfile", "hashknownhosts", "hostkeyalgorithms", "hostkeyalias", "hostname",
    "ipqos", "kexalgorithms", "knownhostscommand", "macs", "nohostauthenticationforlocalhost", "port", "proxycommand",
    "proxyusefdpass", "pubkeyacceptedalgorithms", "requiredrsasize", "revokedhostkeys", "tcpkeepalive",
    "updatehostkeys", "user", "userknownhostsfile", "verifyhostkeydns",
})  # fmt: skip
_OF_FILES: Final = frozenset({"globalknownhostsfile", "revokedhostkeys", "userknownhostsfile"})
_OURS: Final = """\
IdentityFile none
CertificateFile none
IdentitiesOnly no
IdentityAgent {agent}
PreferredAuthentications publickey
ForwardAgent no
ForwardX11 no
PermitLocalCommand no
ClearAllForwardings yes
StrictHostKeyChecking yes
BatchMode yes
"""
_ANSWER: Final = 20.0  # seconds; `Match exec` in the user's configuration may ask something


def configuration(way: str, agent: Path) -> str:
    """Return the text of a configuration that goes the `way`, and asks the agent at `agent` to sign in."""
    return _OURS.format(agent=_quoted(str(agent))) + way


def way_to(address: RemoteUrl, environ: Mapping[str, str]) -> str:
    """Return the lines of a configuration that reaches `address` as the user's does. Starts one process."""
    lines = []
    for key, value in _asked(address, environ).items():
        if key == "proxyjump" and value != "none":
            lines.append(f"ProxyCommand {_jump(value)}\n")
        elif key in _KEPT and value and (value != "none" or key == "userknownhostsfile"):
            lines.append(f"{key} {_as_given(key, value)}\n")
    return "".join(lines)


def not_to_share(address: RemoteUrl, environ: Mapping[str, str]) -> frozenset[str]:
    """Return what the user's configuration has for `address` of "controlpath", "proxyjump" and "proxycommand", which
    stand against a shared connection of ours. Starts one process.
    """
    found = _asked(address, environ)
    return frozenset(key for key in ("controlpath", "proxyjump", "proxycommand") if found.get(key, "none") != "none")


def known_hosts(address: RemoteUrl, environ: Mapping[str, str]) -> Path | None:
    """Return the first file in which ssh keeps the identities of servers for this user, None where it keeps none."""
    value = _asked(address, environ).get("userknownhostsfile", "")
    first = _files(value)[0]
    return Path(first).expanduser() if first not in ("", "none") else None


def host_name(address: RemoteUrl, environ: Mapping[str, str]) -> str:
    """Return the name under which ssh knows the server at `address`, as it stands in known_hosts."""
    found = _asked(address, environ)
    if alias := found.get("hostkeyalias"):
        return alias
    name, port = found.get("hostname", address.host), found.get("port", str(address.port or 22))
    return name if port == "22" else f"[{name}]:{port}"


def destination(address: RemoteUrl) -> list[str]:
    """Return the words by which ssh is told where to go."""
    port = [] if address.port is None else ["-p", str(address.port)]
    return [*port, "--", f"{address.user}@{address.host}" if address.user else address.host]


def ssh_program(environ: Mapping[str, str]) -> str:
    """Return the path of ssh, or its name where there is none."""
    return shutil.which("ssh", path=environ.get("PATH")) or "ssh"


def _asked(address: RemoteUrl, environ: Mapping[str, str]) -> dict[str, str]:
    """What ssh says that it would do, of settings that may be given more than once the last; empty where it cannot be
    asked, and then git's own call says why.
    """
    try:
        done = subprocess.run(
            [ssh_program(environ), "-G", *destination(address)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean_environment(environ),
            timeout=_ANSWER,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    said = done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""
    return dict(line.partition(" ")[::2] for line in said.splitlines())


def _as_given(key: str, value: str) -> str:
    """A value as a configuration takes it: ssh shows the names of files without their quotation marks."""
    if key not in _OF_FILES:
        return value
    # Where tokens are allowed they are replaced already, and what looks like one is a part of the name.
    escaped = value.replace("%", "%%") if key == "userknownhostsfile" else value
    return " ".join(map(_in_quotes, _files(escaped)))


def _files(shown: str) -> list[str]:
    """The names in a list that is shown with a blank between two of them, and blanks in them: each begins at a root."""
    return re.split(r" (?=[/~])", shown)


def _jump(hops: str) -> str:
    """The ProxyCommand that goes by `hops` as ProxyJump does: with the user's own configuration and keys."""
    *before, last = hops.split(",")
    found = re.fullmatch(r"(?:ssh://)?(?:([^@]*)@)?(\[[^\]]*\]|[^:\[\]]*)(?::(\d+))?/?", last)
    user, host, port = found.groups() if found else (None, last, None)
    words = ["ssh", "-oBatchMode=yes", *(["-J", ",".join(before)] if before else [])]
    words += [*(["-l", user] if user else []), *(["-p", port] if port else []), "-W", "[%h]:%p", "--", host.strip("[]")]
    return " ".join(words)


def _quoted(path: str) -> str:
    """A path as a configuration takes it; a per cent sign would begin a token."""
    return _in_quotes(path.replace("%", "%%"))


def _in_quotes(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
