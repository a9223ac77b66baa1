"""SSH connections that stay open between git's commands, so that only the first of them waits for a handshake.

OpenSSH's own sharing (ssh_config(5), ControlMaster) in a private directory. What is not used for a while closes itself,
also when this process was killed; a connection is never shared between two logins.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gitferry.repos.claimed import Claimed
from gitferry.repos.git import clean_environment
from gitferry.repos.private_socket import private_directory
from gitferry.repos.ssh_settings import not_to_share, ssh_program, way_to
from gitferry.security.login import Login
from gitferry.security.urls import RemoteUrl

IDLE: Final = 90  # seconds that an unused connection stays open
_LOOK: Final = 60.0  # seconds after which the user's configuration is asked again, whatever is open
_GOODBYE: Final = 2.0  # seconds until a connection that does not close is left to itself
# Of a socket's path: directories, the 40 digits of %C, and the 17 that ssh adds until the socket is ready.
_NAMES: Final = len(f"/gitferry-{os.getuid()}/12345678/1000/") + 40 + 17
_SALT: Final = secrets.token_bytes(32)


class Connections:
    """The shared connections of one process. Threads may use it at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._lock = threading.Lock()
        self._claimed: Claimed | None = None
        self._places: dict[bytes, str] = {}
        self._ways: dict[tuple[Path, RemoteUrl], tuple[str, float]] = {}
        self._against: dict[RemoteUrl, tuple[frozenset[str], float]] = {}
        self._made = 0

    def place(self, login: Login | None) -> Path:
        """Return the directory of the connections that `login` opened, None being the user's own keys.

        Raises NoPrivatePlace.
        """
        with self._lock:
            if self._claimed is None or not self._claimed.path.is_dir():  # a logout or a cleaner took it
                self._claimed = private_directory(self._environ, names=_NAMES)
            name = self._places.get(_key(login))
            if name is None:
                self._made += 1
                name = self._places[_key(login)] = str(self._made)
            (self._claimed.path / name).mkdir(mode=0o700, exist_ok=True)
            return self._claimed.path / name

    def may_share(self, login: Login | None, address: RemoteUrl) -> bool:
        """Return whether a connection to that server is ours to share.

        It is not where the user's own ControlPath is in use, nor through a proxy or jump host: of one whose connection
        is shared ssh throws away what it says (sshconnect.c), and a refusal there would look like a broken network.
        """
        found, until = self._against.get(address, (frozenset(), 0.0))
        if (now := time.monotonic()) >= until:
            found = not_to_share(address, self._environ)
            self._against[address] = found, now + _LOOK
        return not (found if login is None else found - {"controlpath"})

    def way(self, place: Path, address: RemoteUrl) -> str:
        """Return `ssh_settings.way_to`, as it was when the connections in `place` were opened where there are any."""
        way, until = self._ways.get((place, address), ("", 0.0))
        now = time.monotonic()
        if now >= until or not any(place.iterdir()):
            way = way_to(address, self._environ)
            self._ways[place, address] = way, now + _LOOK
        return way

    def drop(self, login: Login | None) -> None:
        """Close what `login` opened: one that hangs would take every later command with it."""
        with self._lock:
            name = self._places.pop(_key(login), None)
            directory = None if self._claimed is None or name is None else self._claimed.path / name
        if directory is not None:
            self._close([directory])

    def close(self) -> None:
        """Close all of them; the next command opens new ones."""
        with self._lock:
            claimed, self._claimed = self._claimed, None
            self._places, self._ways = {}, {}
        if claimed is not None:
            self._close(_entries(claimed.path))
            claimed.release()

    def _close(self, directories: Sequence[Path]) -> None:
        """Ask the connections in these directories to end, all at once: a daemon that stops has seconds for them."""
        environ = clean_environment(self._environ)
        asking = []
        for socket in (socket for directory in directories for socket in _entries(directory)):
            with contextlib.suppress(OSError):  # it ends once it was idle long enough
                asking.append(
                    subprocess.Popen(
                        [ssh_program(self._environ), "-F", "none", "-S", str(socket), "-O", "exit", "--", "any"],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        env=environ,
                    )
                )
        end = time.monotonic() + _GOODBYE
        for process in asking:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _entries(directory: Path) -> list[Path]:
    """What is in a directory, nothing where somebody removed it."""
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []


def _key(login: Login | None) -> bytes:
    """What tells logins apart without keeping them."""
    if login is None:
        return b""
    parts = (login.kind.encode(), (login.username or "").encode(), login.secret, login.passphrase or b"")
    return hmac.new(_SALT, b"\0".join(hashlib.sha256(part).digest() for part in parts), "sha256").digest()
