"""Looks for a secret wherever one could come to lie: what processes show of themselves, files, and logs."""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

from gitferry.security.login import Login

_KEY_LINE = 3  # of a private key's text: behind what every key begins with


def forms(login: Login) -> set[bytes]:
    """Every form in which the login's secrets could be found."""
    found = {login.passphrase} if login.passphrase else set()
    if login.kind == "ssh_key":
        # One line of it, which is enough and which nothing else has.
        return found | {login.secret.splitlines()[_KEY_LINE]}
    found.add(login.secret)
    for user in (login.username or "", "git", "x-access-token"):
        found.add(base64.b64encode(user.encode() + b":" + login.secret))
    return found


def in_files(directory: Path, secrets: set[bytes]) -> list[str]:
    """The regular files below `directory` that hold a secret, git's objects also as they are inside."""
    hits = []
    for root, _, names in os.walk(directory):
        for path in (Path(root, name) for name in names):
            with contextlib.suppress(OSError):  # a socket, or gone
                if path.is_symlink() or not path.is_file():
                    continue
                data = path.read_bytes()
                with contextlib.suppress(zlib.error):
                    data += zlib.decompress(data)
                if any(secret in data for secret in secrets):
                    hits.append(str(path))
    return hits


class Watch:
    """Reads, as often as it can, the arguments and environment of every process but this one, files, and all logs.

    A `server` and its children are left out: a web server gives what was sent to it to its programs.
    """

    def __init__(self, secrets: set[bytes], *directories: Path, server: int | None = None) -> None:
        self._server = server
        self._secrets = secrets
        self._directories = directories
        self._over = threading.Event()
        self.hits: set[str] = set()
        self.processes: set[str] = set()

    @contextlib.contextmanager
    def on(self) -> Iterator[Watch]:
        """Watches inside."""
        thread = threading.Thread(target=self._look_again)
        logs, root = _Logs(self), logging.getLogger()
        level = root.level
        root.addHandler(logs)
        root.setLevel(logging.DEBUG)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()
            root.removeHandler(logs)
            root.setLevel(level)

    def see(self, where: str, data: bytes) -> None:
        """Notes down where a secret is in `data`."""
        if any(secret in data for secret in self._secrets):
            self.hits.add(where)

    def _look_again(self) -> None:
        mine = str(os.getpid())
        while not self._over.is_set():
            for process in Path("/proc").iterdir():
                if not process.name.isdigit() or process.name == mine or self._is_servers(process):
                    continue
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):  # it ended, or is another user's
                        data = (process / name).read_bytes()
                        self.see(name, data)
                        if name == "cmdline" and b"git" in data:
                            self.processes.add(process.name)
            for directory in self._directories:
                self.hits.update(in_files(directory, self._secrets))

    def _is_servers(self, process: Path) -> bool:
        while self._server is not None and process.name not in ("0", "1"):
            if process.name == str(self._server):
                return True
            try:
                process = process.with_name((process / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                return True  # it ended: what it was a child of cannot be known any more
        return False


class _Logs(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        self._watch.see("log", f"{record.getMessage()} {record.__dict__}".encode())
