"""A Unix socket that only this user reaches, answered for as long as a block runs.

It lies in a directory of mode 0700 with mode 0600 itself, and the kernel's word on who connects is asked all the same
(unix(7), SO_PEERCRED): a directory may be mounted where modes mean nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos.claimed import Claimed

_NAMES: Final = 40  # bytes that our own names take of a socket's path
_LONGEST: Final = 107  # bytes of a socket's path: unix(7)
_LAST: Final = "/tmp"  # noqa: S108 # where all else has too long a name; Claimed sees that what is there is ours
_ELSEWHERE: Final = "let XDG_RUNTIME_DIR name a directory of yours with mode 0700"
_SILENT: Final = 30.0  # seconds that a client may say nothing
_WAITING: Final = 8  # connections that wait to be taken
_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid


class NoPrivatePlace(GitferryError):
    """There is no directory for a socket that only this user can reach."""


def private_directory(environ: Mapping[str, str], *, names: int = _NAMES) -> Claimed:
    """Make a directory of mode 0700 that ends with its object or this process, where sockets can lie.

    In the user's runtime directory, else where temporary files are; `names` is how many bytes of a socket's path the
    names below that take. Raises NoPrivatePlace.
    """
    given = (environ.get("RUNTIME_DIRECTORY", "").partition(":")[0], environ.get("XDG_RUNTIME_DIR", ""))
    trouble: Exception | None = None
    for base in (*given, environ.get("TMPDIR", ""), tempfile.gettempdir(), _LAST):
        if not base.startswith("/") or len(os.fsencode(base)) > _LONGEST - names:
            continue
        try:
            return Claimed(Path(base) / f"gitferry-{os.getuid()}")
        except (OSError, GitferryError) as failure:
            trouble = failure
    raise NoPrivatePlace(
        f"there is no place for a socket that only this user reaches: {trouble}",
        _ELSEWHERE,
    )


@contextlib.contextmanager
def placed(path: Path) -> Iterator[None]:
    """Raise NoPrivatePlace, in place of the OSError, where what is done inside to make `path` fails."""
    try:
        yield
    except OSError as failure:
        full = failure.errno in (errno.ENOSPC, errno.EDQUOT)
        raise NoPrivatePlace(
            f"{path} cannot be made: {failure.strerror or failure}",
            f"free some space in {path.parent.parent}" if full else _ELSEWHERE,
        ) from failure


@contextlib.contextmanager
def answered(path: Path, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """Have every connection of this user's to `path` answered by `answer`, each in a thread of its own.

    At the end of the block all of them are closed. Raises NoPrivatePlace.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        with placed(path):
            server.bind(str(path))  # the directory keeps others out until the mode is what it should be
            path.chmod(0o600)
            server.listen(_WAITING)
        desk = _Desk(server, answer)
        taking = threading.Thread(target=desk.take, name=f"answers {path.name}", daemon=True)
        taking.start()
        try:
            yield
        finally:
            desk.close()
            taking.join()
            path.unlink(missing_ok=True)


class _Desk:
    """Takes connections until it is closed."""

    def __init__(self, server: socket.socket, answer: Callable[[socket.socket], None]) -> None:
        self._server = server
        self._answer = answer
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False

    def take(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return  # closed
            with self._lock:
                if self._closed or not _is_ours(client):
                    client.close()
                    continue
                self._open.add(client)
            threading.Thread(target=self._serve, args=(client,), name="answers one", daemon=True).start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for client in self._open:
                with contextlib.suppress(OSError):  # it hung up first
                    client.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes accept(2)

    def _serve(self, client: socket.socket) -> None:
        try:
            client.settimeout(_SILENT)
            with contextlib.suppress(OSError):  # it hung up, or says nothing: there is nobody to tell
                self._answer(client)
        finally:
            with self._lock:
                self._open.discard(client)
            client.close()


def _is_ours(client: socket.socket) -> bool:
    _, user, _ = _CREDENTIALS.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return bool(user == os.getuid())
