"""The identity that an SSH server shows, for a person to compare and accept.

ssh itself is asked, so that the user's configuration says how the server is reached; nothing signs in, and nothing is
remembered by looking. Source: ssh(1), ssh_config(5), sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT", RFC 4255 (fingerprints).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos.git import clean_environment
from gitferry.repos.ssh_settings import destination, host_name, known_hosts, ssh_program
from gitferry.security.urls import check_remote_url

_CONNECT: Final = 10  # seconds
_LOOKING: Final = (
    "-oBatchMode=yes",
    "-oPreferredAuthentications=none",
    "-oUpdateHostKeys=no",
    "-oControlMaster=no",
    "-oControlPath=none",
    "-oHashKnownHosts=no",
    "-oVerifyHostKeyDNS=no",
    "-oKnownHostsCommand=none",
    "-oGlobalKnownHostsFile=none",
    "-oStrictHostKeyChecking=accept-new",
    f"-oConnectTimeout={_CONNECT}",
)


class NotRemembered(GitferryError):
    """The file of known servers cannot be written."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """One server's key: its name as known_hosts(5) has it, the kind, and the key in base64."""

    name: str
    kind: str
    key: str

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ssh shows it."""
        digest = hashlib.sha256(base64.b64decode(self.key)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.name} shows a key of kind {self.kind} with the fingerprint {self.fingerprint}"


def shown(url: str, environ: Mapping[str, str]) -> HostKey | None:
    """Return the key that the server of `url` shows now; None where it shows none, or is not reached by ssh.

    Whoever sits in between can show another: this is a question to a person, never an answer. Raises UnsafeUrl.
    """
    address = check_remote_url(url)
    if address.scheme != "ssh":
        return None
    with tempfile.TemporaryDirectory(prefix="gitferry-") as directory:
        file = Path(directory) / "known_hosts"
        words = [*_LOOKING, f'-oUserKnownHostsFile="{file}"', *destination(address), "true"]
        _run([ssh_program(environ), *words], environ)
        try:
            name, kind, key = file.read_text().split()[:3]
            base64.b64decode(key, validate=True)
        except (OSError, ValueError):
            return None
    return HostKey(name, kind, key)


def is_known(url: str, environ: Mapping[str, str]) -> bool:
    """Return whether ssh knows a key of that server's already: another one than it shows now may not be accepted."""
    address = check_remote_url(url)
    file = known_hosts(address, environ)
    if address.scheme != "ssh" or file is None or not file.exists():
        return False
    name = host_name(address, environ)
    keygen = shutil.which("ssh-keygen", path=environ.get("PATH")) or "ssh-keygen"
    words = [keygen, "-F", name, "-f", str(file)]
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False).returncode == 0


def accept(key: HostKey, url: str, environ: Mapping[str, str]) -> Path:
    """Remember a key that a person accepted where ssh looks for it, and return that file. Raises NotRemembered."""
    file = known_hosts(check_remote_url(url), environ)
    if file is None:
        raise NotRemembered("ssh keeps no list of known servers here", "see UserKnownHostsFile in ~/.ssh/config")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "r+b") as stream:
            before = stream.read()
            gap = b"\n" if before and not before.endswith(b"\n") else b""
            stream.write(gap + f"{key.name} {key.kind} {key.key}\n".encode())
    except OSError as failure:
        raise NotRemembered(
            f"{file} cannot be written: {failure.strerror or failure}", "see whose it is, and add the line by hand"
        ) from failure
    return file


def _run(command: list[str], environ: Mapping[str, str]) -> None:
    """Run it and its children to their end, or to ours; what it says is of no interest."""
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            command,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env=clean_environment(environ),
            start_new_session=True,
        )
    except OSError:
        return  # no ssh: the command that needed it says so
    with process, contextlib.suppress(ProcessLookupError):
        try:
            process.wait(_CONNECT * 2)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
