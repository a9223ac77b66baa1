"""The daemon, asked over its socket: the facade's verbs as HTTP/1.1 requests, with nothing but cheap imports.

`gitferry status` must answer about as fast as an interpreter starts, so this speaks the little HTTP it needs
(RFC 9112: one request a connection, the answer ends with it) instead of importing a library.
"""

from __future__ import annotations

import binascii
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from gitferry.config.errors import GitferryError

if TYPE_CHECKING:
    from gitferry.repos.content import File

Row = dict[str, Any]

PATIENCE = 5.0  # seconds that a daemon has to say that it lives
_SILENCE = 2.0  # seconds without an answer after which it is asked that
_API = "/api/v1"


class DaemonNotRunning(GitferryError):
    """Nobody answers at the socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"no daemon answers at {path}", "Start it with `gitferry run` or `gitferry service install`.")


class DaemonGone(GitferryError):
    """The daemon ended before it had answered, or what answered is no gitferry."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "Ask `gitferry status`, then again; what was begun is finished or undone at its start.")


class DaemonSilent(GitferryError):
    """There is a daemon, and it answers nothing: it is stopped, or hangs."""

    def __init__(self, pid: int | None) -> None:
        who = "the daemon" if pid is None else f"the daemon (process {pid})"
        if pid is not None and _is_stopped(pid):
            said, remedy = "is stopped", f"`kill -CONT {pid}` lets it go on, `kill -KILL {pid}` ends it"
        else:
            said, remedy = (
                "does not answer",
                "restart it (`systemctl --user restart gitferry`, where that is its service)",
            )
            remedy += "" if pid is None else f", or end it: `kill -KILL {pid}`"
        super().__init__(f"{who} {said}", f"{remedy}; what was begun is finished or undone at its start.")


class Refused(GitferryError):
    """The daemon answered with a problem document (RFC 9457), told here as the error that it was there."""

    def __init__(self, title: str, hint: str, exit_code: int, status: int) -> None:
        super().__init__(title, hint)
        self.exit_code = exit_code
        self.status = status


def connect(
    environ: Mapping[str, str], settings: Path | None = None, *, patience: float | None = None
) -> Client | None:
    """Return a client of the running daemon; None where none answers.

    None too where `settings` names another file than the daemon's own: it would answer for other repositories.
    Raises DaemonSilent where it has to be asked for that, and is silent for `patience` seconds.
    """
    from gitferry.config.paths import settings_path, socket_path

    client = Client(socket_path(environ), patience=PATIENCE if patience is None else patience)
    try:
        if settings is None and not environ.get("GITFERRY_CONFIG"):
            client.probe()
            return client
        theirs = client.daemon()["settings_path"]
    except DaemonNotRunning:
        return None
    asked = settings_path(settings, environ)
    return client if _same(asked, Path(theirs)) else None


class Client:
    """The verbs of `daemon.control.Control`, answered by the daemon at `path`.

    Every method returns what the facade's does and raises its GitferryError, or DaemonNotRunning, or DaemonGone.
    Verbs that cross wait for their answer without a limit of time: git's own deadlines bound it. But a daemon
    that is silent must say within `patience` seconds that it lives, else DaemonSilent is raised.
    """

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience
        self._open: socket.socket | None = None
        #: Told of every question: who was asked what, and how long the answer took.
        self.tell: Callable[[str], None] | None = None

    def close(self) -> None:
        """Close the connection that a probe may have left."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def probe(self) -> None:
        """Connect, for the next request to use. Raises DaemonNotRunning."""
        if self._open is None:
            self._open = self._connected()

    # The verbs

    def daemon(self) -> Row:
        """Return the daemon's own part of `status`."""
        return self._get("/daemon")

    def status(self, repository: str | None = None) -> Row:
        """Return the daemon's state and one row a repository."""
        return self._get("/status", repository=repository)

    def alerts(self, repository: str | None = None) -> Row:
        """Return what needs a person."""
        return self._get("/alerts", repository=repository)

    def tasks(self, repository: str | None = None, modified: bool = False) -> Row:
        """Return one row a task; `modified`: only those that differ from the remote."""
        return self._get("/tasks/modified" if modified else "/tasks", repository=repository)

    def push_status(self) -> Row:
        """Return how many tasks have each push status, and the tasks."""
        return self._get("/registry/push-status")

    def names(self) -> Row:
        """Return the names of repositories and tasks, for completion."""
        return self._get("/names")

    def conflicts(self, repository: str | None = None) -> Row:
        """Return one row a task that both sides changed."""
        return self._get("/conflicts", repository=repository)

    def conflict(self, task: str) -> Row:
        """Return the row of one task that both sides changed, with all its versions."""
        return self._get(f"/conflicts/{_quoted(task)}")

    def resolve(
        self, task: str, take: str, version: str | None = None, files: Mapping[str, File | None] | None = None
    ) -> Row:
        """Answer a conflict with one version, or with `files`."""
        given = {path: _encoded(file) for path, file in (files or {}).items()}
        return self._post(f"/conflicts/{_quoted(task)}/resolve", {"take": take, "version": version, "files": given})

    def diff(self, task: str, remote: bool = False) -> Row:
        """Return a task's difference between base and working tree, or base and remote."""
        return self._get("/diff", task=task, remote=remote)

    def push(
        self,
        tasks: Sequence[str],
        all: bool = False,
        message: str | None = None,
        dry_run: bool = False,
        strategy: str | None = None,
    ) -> Row:
        """Push these tasks, or all that wait; `dry_run` tells what would be pushed."""
        body = {"tasks": list(tasks), "all": all, "message": message, "dry_run": dry_run, "strategy": strategy}
        return self._post("/registry/push", body)

    def approve(self, tasks: Sequence[str], granted: bool = True, version: str | None = None) -> Row:
        """Approve the changes of these tasks, which pushes them, or reject them."""
        return self._post("/registry/approve", {"tasks": list(tasks), "granted": granted, "version": version})

    def prune(self, repository: str | None = None, dry_run: bool = False) -> Row:
        """Delete the review branches that are over at the remotes."""
        return self._post("/registry/prune", {"repository": repository, "dry_run": dry_run})

    def pull(self, repositories: Sequence[str] = ()) -> Row:
        """Take in what the remotes have, now."""
        return self._post("/pull", {"repositories": list(repositories)})

    def sync(self, repositories: Sequence[str] = ()) -> Row:
        """Cross in both directions, now."""
        return self._post("/sync", {"repositories": list(repositories)})

    def vault(self) -> Row:
        """Return how the daemon's vault stands."""
        return self._get("/vault")

    def unlock(self, passphrase: str) -> Row:
        """Open the daemon's vault for as long as it runs."""
        return self._post("/vault/unlock", {"passphrase": passphrase})

    def try_credential(self, name: str | None = None) -> Row:
        """Cross what signs in with this credential of the vault, with any where none is named."""
        return self._post("/vault/try", {"credential": name})

    def lock(self) -> Row:
        """Have the daemon forget the vault's key."""
        return self._post("/vault/lock", {})

    def log(self, repository: str | None = None, limit: int = 50) -> Row:
        """Return operations, newest first."""
        return self._get("/operations", repository=repository, limit=limit)

    def show(self, op: str) -> Row:
        """Return one operation with its files."""
        return self._get(f"/operations/{_quoted(op)}")

    def audit(self, wanted: Mapping[str, str | None] | None = None, limit: int | None = 50) -> Row:
        """Return records of the audit log, newest first."""
        return self._get("/audit-logs", **(wanted or {}), limit=limit)

    def audit_verify(self) -> Row:
        """Return whether the audit log is as it was written."""
        return self._get("/audit-logs/verification")

    def undo(self, op: str) -> Row:
        """Undo one operation."""
        return self._post(f"/operations/{_quoted(op)}/undo", {})

    def pause(self, repository: str | None = None, seconds: float | None = None) -> Row:
        """Cross no more by itself, for `seconds` or until `resume`."""
        return self._post("/pause", {"repository": repository, "seconds": seconds})

    def resume(self, repository: str | None = None) -> Row:
        """Cross again; also releases held first pushes."""
        return self._post("/resume", {"repository": repository})

    def survey_for_add(self, path: str, branch: str | None = None, credential: str | None = None) -> Row:
        """Return what `add` shows of a repository before it is registered."""
        # An earlier daemon knows no credential here.
        named = {} if credential is None else {"credential": credential}
        return self._post("/survey", {"path": path, "branch": branch, **named})

    def hold(self, path: str, branch: str | None = None) -> Row:
        """Let first pushes of the repository at `path` wait."""
        return self._post("/hold", {"path": path, "branch": branch})

    def release(self, path: str, branch: str | None = None) -> Row:
        """Undo `hold`."""
        return self._post("/release", {"path": path, "branch": branch})

    def reload(self) -> Row:
        """Read the settings again."""
        return self._post("/reload", {})

    # The wire

    def _get(self, route: str, **query: str | bool | int | None) -> Row:
        pairs = [f"{name}={_quoted(_word(value))}" for name, value in query.items() if value is not None]
        return self._ask("GET", f"{_API}{route}" + (f"?{'&'.join(pairs)}" if pairs else ""), None)

    def _post(self, route: str, body: Row) -> Row:
        # A file name that is not UTF-8 keeps its surrogate escapes: ASCII JSON carries them as \udcXX.
        return self._ask("POST", f"{_API}{route}", json.dumps(body).encode())

    def _ask(self, method: str, target: str, body: bytes | None) -> Row:
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: application/json\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        begun = time.monotonic()
        connection, self._open = self._open or self._connected(), None
        with connection:
            pid = _peer(connection)
            try:
                connection.settimeout(min(_SILENCE, self._patience))
                self._send(connection, head.encode("ascii") + b"\r\n" + (body or b""), pid)
                answer = self._read_all(connection, pid)
            except OSError as error:
                raise DaemonGone(f"the daemon broke the connection ({error.strerror})") from error
        if self.tell is not None:
            who = "the daemon" if pid is None else f"the daemon (process {pid})"
            took = round((time.monotonic() - begun) * 1000)
            self.tell(f"asked {who}: {method} {target.partition('?')[0]}, answered in {took} ms")
        return _decoded(answer)

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        connection.settimeout(self._patience)
        try:
            connection.connect(os.fspath(self._path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            connection.close()
            raise DaemonNotRunning(self._path) from None
        except (TimeoutError, BlockingIOError):  # nobody takes what waits to be connected
            connection.close()
            raise DaemonSilent(None) from None
        except OSError as error:
            connection.close()
            raise GitferryError(
                f"the daemon's socket {self._path} cannot be used: {error.strerror or error}",
                "It belongs to the user the daemon runs as; ask as that user.",
            ) from error
        return connection

    def _send(self, connection: socket.socket, question: bytes, pid: int | None) -> None:
        left = memoryview(question)
        while left:
            try:
                left = left[connection.send(left) :]
            except TimeoutError:
                self._require_alive(pid)

    def _read_all(self, connection: socket.socket, pid: int | None) -> bytes:
        parts: list[bytes] = []
        while True:
            try:
                part = connection.recv(65536)
            except TimeoutError:
                self._require_alive(pid)
                continue
            if not part:
                return b"".join(parts)
            parts.append(part)

    def _require_alive(self, pid: int | None) -> None:
        if not self._lives():
            raise DaemonSilent(pid) from None

    def _lives(self) -> bool:
        """Return whether the daemon answers the question that waits for nothing, be it that all hangs."""
        try:
            with self._connected() as connection:
                connection.settimeout(self._patience)
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return bool(connection.recv(1))
        except TimeoutError:
            return False
        except (OSError, DaemonNotRunning):
            return True  # it ends: so will the connection on which it is waited for
        except DaemonSilent:
            return False


def _peer(connection: socket.socket) -> int | None:
    """Return the process that listens at the other end: unix(7), SO_PEERCRED."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(found[:4], sys.byteorder) or None


def _is_stopped(pid: int) -> bool:
    """Return whether a signal stopped the process: proc(5), the state behind the name in parentheses."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in (b"T", b"t")
    except OSError:
        return False


def _decoded(answer: bytes) -> Row:
    """Return the JSON object of an HTTP answer. Raises Refused for a problem, DaemonGone for anything else."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    words = lines[0].split(b" ", 2)
    if not separator or len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise DaemonGone("the daemon ended before it had answered")
    fields = dict(line.lower().split(b":", 1) for line in lines[1:] if b":" in line)
    length = fields.get(b"content-length", b"").strip()
    if length.isdigit() and len(body) != int(length):
        raise DaemonGone("the daemon ended while it answered")
    status = int(words[1])
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise DaemonGone(f"what answers at the daemon's socket is no gitferry (HTTP {status})")
    if status >= 400:
        raise Refused(
            str(value.get("title", f"the daemon refused (HTTP {status})")),
            str(value.get("detail") or ""),
            int(value.get("exit_code", 1)),
            status,
        )
    return value


def _encoded(file: File | None) -> Row | None:
    if file is None:
        return None
    return {"content": binascii.b2a_base64(file.data, newline=False).decode("ascii"), "mode": f"{file.mode:o}"}


def _word(value: str | bool | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    """Return `text` percent-encoded (RFC 3986 section 2), bytes that are not UTF-8 as they were."""
    return quote(text, safe="", errors="surrogateescape")


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.absolute() == other.absolute()
