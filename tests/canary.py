"""Looks for a secret wherever one could come to lie: what processes show of themselves, files, and logs."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import logging
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes, quote_plus

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from gitferry.security.login import Login

_SHORTEST_LINE = 20  # characters of a line of a private key: its first and last lines are everybody's
_BREATH = 0.01  # seconds between two looks, for what is looked at
_SQLITE = b"SQLite format 3\0"


def forms(login: Login) -> set[bytes]:
    """Every form in which the login's secrets could be found: whole, by line, and as a key holds them."""
    parts = {login.passphrase} if login.passphrase else set()
    if login.kind == "ssh_key":
        # Behind the line that every key begins with.
        parts |= {line for line in login.secret.splitlines()[2:] if len(line) >= _SHORTEST_LINE}
        parts -= {line for line in parts if line.startswith(b"-----")}
        key = load_ssh_private_key(login.secret, login.passphrase)
        parts |= {key.private_bytes_raw()} if isinstance(key, Ed25519PrivateKey) else set()
    else:
        parts.add(login.secret)
    return {spelled for part in parts for spelled in spellings(part)}


def spellings(secret: bytes) -> set[bytes]:
    """A secret as it is, in base64 behind anything (a user name), in hexadecimal, and as other texts escape it."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode(), repr(secret)[2:-1].encode()}
    for before in range(3):
        first, last = (before * 8 + 5) // 6, (before + len(secret)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * before + secret)[first:last])
    for safe in ("", "/", "/:@!$&'()*+,;="):
        quoted = quote_from_bytes(secret, safe=safe)
        found |= {quoted.encode(), quote_plus(secret, safe=safe).encode()}
        found.add(re.sub("%..", lambda code: code[0].lower(), quoted).encode())
    with contextlib.suppress(UnicodeDecodeError):  # the inside of a key is no text
        text = secret.decode()
        for escaped in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]):
            found |= {escaped.encode(), json.dumps(escaped)[1:-1].encode()}
        found |= {each.encode() for each in (text.replace("'", "''"), html.escape(text), shlex.quote(text)[1:-1])}
        found.add(text.encode("utf-16-le"))
    return found


def pattern(secrets: Iterable[bytes]) -> re.Pattern[bytes]:
    """What matches any of the secrets."""
    return re.compile(_tree(set(secrets)))


def _tree(words: set[bytes]) -> bytes:
    """An expression for any of the words that looks at each byte once: a mere list of them takes six times as long."""
    if b"" in words:
        return b""
    if len(words) == 1:
        return re.escape(next(iter(words)))
    behind: dict[bytes, set[bytes]] = {}
    for word in words:
        behind.setdefault(word[:1], set()).add(word[1:])
    return b"(?:" + b"|".join(re.escape(first) + _tree(rest) for first, rest in sorted(behind.items())) + b")"


def in_files(directory: Path, secrets: Iterable[bytes]) -> list[str]:
    """The regular files below `directory` that hold a secret; git's objects, packs and databases as they are inside."""
    sought, hits = pattern(secrets), []
    for root, _, names in os.walk(directory):
        for path in (Path(root, name) for name in names):
            with contextlib.suppress(OSError):  # a socket, or gone
                if path.is_file() and not path.is_symlink() and any(map(sought.search, _insides(path))):
                    hits.append(str(path))
    return hits


def _insides(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    yield data
    yield os.fsencode(path.name)
    with contextlib.suppress(zlib.error):
        yield zlib.decompress(data)
    if data.startswith(b"PACK"):
        yield from _packed(data)
    if data.startswith(_SQLITE):
        yield _dumped(path)


def _packed(pack: bytes) -> Iterator[bytes]:
    """The objects of a pack: git makes them out of deltas."""
    with tempfile.TemporaryDirectory(prefix="canary-") as name:
        subprocess.run(["git", "init", "--quiet", "--bare", name], check=True)
        subprocess.run(["git", "--git-dir", name, "unpack-objects", "-q"], input=pack, check=True)
        for path in Path(name, "objects").glob("??/*"):
            yield zlib.decompress(path.read_bytes())


def _dumped(database: Path) -> bytes:
    """All values of a database with what its log adds: one that is longer than a page is in pieces in the file."""
    with tempfile.TemporaryDirectory(prefix="canary-") as name:
        copy = Path(name, "copy")
        for ending in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{database}{ending}", f"{copy}{ending}")
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            connection.text_factory = bytes
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            values: list[bytes] = []
            for (table,) in tables:
                for row in connection.execute(f'SELECT * FROM "{table.decode()}"'):
                    values += (each if isinstance(each, bytes) else str(each).encode() for each in row)
    return b"\n".join(values)


class Watch:
    """Reads, as often as it can, the arguments and environment of every process but this one, files, and all logs.

    A `server` and its children are left out: a web server gives what was sent to it to its programs.
    """

    def __init__(self, secrets: set[bytes], *directories: Path, server: int | None = None) -> None:
        self._server = server
        self._secrets = secrets
        self._sought = pattern(secrets)
        self._directories = directories
        self._over = threading.Event()
        self.hits: set[str] = set()
        self.processes: set[str] = set()
        self.looks = 0

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
        if self._sought.search(data):
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
            self.looks += 1
            time.sleep(_BREATH)

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
