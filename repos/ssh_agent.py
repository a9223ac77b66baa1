"""An ssh agent that holds one key, and signs with it for one thing only: to sign in at an SSH server.

Source: draft-ietf-sshm-ssh-agent (the protocol that OpenSSH's agent speaks), RFC 4252 (section 7, what is signed), and
OpenSSH's PROTOCOL.agent (session-bind).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos import ssh_wire as wire
from gitferry.repos.ssh_key import SshKey

_FAILURE, _SUCCESS = b"\x05", b"\x06"
_REQUEST_IDENTITIES, _IDENTITIES_ANSWER = 11, b"\x0c"
_SIGN_REQUEST, _SIGN_RESPONSE = 13, b"\x0e"
_EXTENSION: Final = 27
_SESSION_BIND: Final = b"session-bind@openssh.com"
_USERAUTH_REQUEST: Final = 50  # RFC 4252
_LONGEST: Final = 262144  # bytes of a message, as OpenSSH has it


class OneKeyAgent:
    """Answers as an agent that has the key that `key` gives, which is asked for when a server first wants it."""

    def __init__(self, key: Callable[[], SshKey]) -> None:
        self._key = key
        self._found: SshKey | None = None
        self._lock = threading.Lock()
        #: Why there is no key to sign with, once that is known.
        self.trouble: GitferryError | None = None

    def answer(self, client: socket.socket) -> None:
        """Answer the requests of one connection until it ends. A connection that is forwarded gets nothing."""
        forwarded = False
        while True:
            head = _received(client, 4)
            size = int.from_bytes(head, "big")
            if len(head) < 4 or not 0 < size <= _LONGEST:
                return
            message = _received(client, size)
            try:
                forwarded = forwarded or _is_forwarded(message)
                said = _FAILURE if forwarded or len(message) < size else self.reply(message)
            except wire.BadMessage:
                said = _FAILURE
            client.sendall(wire.text(said))

    def reply(self, message: bytes) -> bytes:
        """Return the answer to one request. Raises BadMessage."""
        request = wire.Reader(message)
        kind = request.byte()
        if kind == _EXTENSION and request.text() == _SESSION_BIND:
            return _SUCCESS
        if kind not in (_REQUEST_IDENTITIES, _SIGN_REQUEST) or (key := self._loaded()) is None:
            return _FAILURE
        if kind == _REQUEST_IDENTITIES:
            return _IDENTITIES_ANSWER + (1).to_bytes(4, "big") + wire.text(key.public) + wire.text(b"gitferry")
        asked, data, flags = request.text(), request.text(), request.uint32()
        if asked != key.public or not _signs_in(data, key.public):
            return _FAILURE
        signature = key.sign(data, flags)
        return _SIGN_RESPONSE + wire.text(signature) if signature else _FAILURE

    def _loaded(self) -> SshKey | None:
        with self._lock:
            if self._found is None and self.trouble is None:
                try:
                    self._found = self._key()
                except GitferryError as trouble:
                    self.trouble = trouble
            return self._found


def _received(client: socket.socket, size: int) -> bytes:
    """The next `size` bytes, or fewer where the connection ends."""
    found = bytearray()
    while len(found) < size and (part := client.recv(size - len(found))):
        found += part
    return bytes(found)


def _is_forwarded(message: bytes) -> bool:
    """Whether ssh says that somebody on another machine is at the other end (PROTOCOL.agent, session-bind)."""
    request = wire.Reader(message)
    if request.byte() != _EXTENSION or request.text() != _SESSION_BIND:
        return False
    for _ in ("host key", "session", "signature"):
        request.text()
    return request.byte() != 0


def _signs_in(data: bytes, public: bytes) -> bool:
    """Whether `data` is what a client signs to sign in with this key, and nothing else (RFC 4252, section 7)."""
    request = wire.Reader(data)
    try:
        request.text()  # the session's identifier
        if request.byte() != _USERAUTH_REQUEST:
            return False
        request.text()  # the user's name
        service, method, signed = request.text(), request.text(), request.byte()
        request.text()  # the algorithm
        return (service, signed, request.text()) == (b"ssh-connection", 1, public) and method in (
            b"publickey",
            b"publickey-hostbound-v00@openssh.com",
        )
    except wire.BadMessage:
        return False
