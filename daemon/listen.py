"""The control socket: bound for its owner only, taken over from the dead, never from the living."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from gitferry.config.errors import GitferryError


class SocketTaken(GitferryError):
    """Something answers at the socket's path, or stands there and is no socket, or none can be made there."""


#: Bytes of a socket's path: sockaddr_un holds 108 with the closing NUL (unix(7)).
LONGEST = 107


def bind(path: Path) -> socket.socket:
    """Return a listening socket at `path`, mode 0600 from its first moment.

    A socket file that nobody answers is replaced. Raises SocketTaken.
    """
    if len(os.fsencode(path)) > LONGEST:
        raise SocketTaken(
            f"the socket's path is longer than {LONGEST} bytes: {path}", "Set GITFERRY_RUNTIME_DIR to a shorter one."
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(path)
        return _bound(path)
    except OSError as failure:
        raise SocketTaken(
            f"the socket {path} cannot be made: {(failure.strerror or str(failure)).lower()}",
            "make its directory one that this user may write to, or set GITFERRY_RUNTIME_DIR to another one",
        ) from failure


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # The mode of a new socket file is decided by the umask alone (unix(7)), which belongs to the whole process:
    # fchmod before bind sets the mode of the file that bind makes, and leaves the umask to the users' files.
    os.fchmod(listener.fileno(), 0o600)
    try:
        listener.bind(os.fspath(path))
    except OSError:
        listener.close()
        raise
    if stat.S_IMODE(path.stat().st_mode) != 0o600:
        path.chmod(0o600)
    listener.listen(128)
    return listener


def identity(path: Path) -> tuple[int, int] | None:
    """Return which file is at `path`, None where there is none: a socket that was removed is heard by nobody."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def remove(path: Path, listener: socket.socket, bound: tuple[int, int] | None) -> None:
    """Close `listener` and remove its file, unless that is another daemon's by now; `bound` is its `identity`."""
    listener.close()
    if identity(path) == bound:
        path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketTaken(
            f"{path} exists and is no socket", "Move it away; gitferry does not remove what it did not make."
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            with suppress(FileNotFoundError):
                path.unlink()
            return
        except FileNotFoundError:
            return
        except OSError as error:
            raise SocketTaken(f"{path} cannot be used: {error.strerror}", "Check its owner and permissions.") from error
    raise SocketTaken(f"another daemon answers at {path}", "Stop it, or set GITFERRY_RUNTIME_DIR to another directory.")
