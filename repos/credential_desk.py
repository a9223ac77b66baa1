"""Answers git's question for a user name and password (git-credential(1)), for one server and for no other."""

from __future__ import annotations

import shlex
import socket
import sys
import threading
from pathlib import Path
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.security.login import Login
from gitferry.security.urls import RemoteUrl, check_remote_url

_PROGRAM: Final = Path(__file__).with_name("credential_program.py")
_LONGEST: Final = 65536  # bytes of a question
_PORTS: Final = {"https": 443, "http": 80}
# Most forges take any name with a token; this one wants its own: support.atlassian.com, "Using access tokens".
_TOKEN_USERS: Final = {"bitbucket.org": "x-token-auth"}
_ANY_USER: Final = "git"


class CredentialDesk:
    """Answers for `login` at the server of `address`, until that refuses it.

    One command may ask more than once (git, then git-lfs), and what was refused is never offered again: git tells of
    it by `erase`, and a wrong password cannot become a loop.
    """

    def __init__(self, login: Login, address: RemoteUrl) -> None:
        self._login = login
        self._address = address
        self._lock = threading.Lock()
        self.refused = False  # the server did not take it

    def settings(self, path: Path) -> tuple[str, ...]:
        """Return the settings (git-config(1)) by which git asks at the socket `path`, and nobody else."""
        # git's own program for its cache speaks to a socket too, and starts in a sixth of Python's time; where git was
        # built without it, ours does. `store` is kept from it: with nobody at the socket it would start a cache.
        quick = shlex.join(["git", "credential-cache", "--socket", str(path)])
        sure = shlex.join([sys.executable, "-I", "-S", str(_PROGRAM), str(path)])
        asked = f'!f() {{ [ "$1" = store ] || {quick} "$1" 2>/dev/null || exec {sure} "$1"; }}; f'
        return "credential.helper=", f"credential.helper={asked}"

    def answer(self, client: socket.socket) -> None:
        """Read one question and write what is to say to it, which may be nothing."""
        asked = bytearray()
        while len(asked) < _LONGEST and (part := client.recv(_LONGEST)):
            asked += part
        client.sendall(self.reply(bytes(asked)))

    def reply(self, question: bytes) -> bytes:
        """Return the lines that answer `question` (the operation, then git's own lines), or nothing.

        git-credential-cache(1) has `action=` before the operation, and says how long its cache would keep the answer.
        """
        first, _, rest = question.decode("utf-8", "replace").partition("\n")
        operation = first.removeprefix("action=")
        said = dict(line.partition("=")[::2] for line in rest.splitlines() if line)
        if not self._is_meant(said.get("protocol", ""), said.get("host", "")):
            return b""
        with self._lock:
            if operation == "erase":
                self.refused = True
            if operation != "get" or self.refused:
                return b""
        user = self._login.username or said.get("username") or self._address.user
        user = user or _TOKEN_USERS.get(self._address.host.lower(), _ANY_USER)
        return b"username=" + user.encode() + b"\npassword=" + self._login.secret + b"\n"

    def _is_meant(self, protocol: str, host: str) -> bool:
        try:
            asked = check_remote_url(f"{protocol}://{host}/any")
        except GitferryError:
            return False
        return _server(asked) == _server(self._address)


def _server(address: RemoteUrl) -> tuple[str, str, int | None]:
    return address.scheme, address.host.lower(), address.port or _PORTS.get(address.scheme)
