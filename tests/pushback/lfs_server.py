"""A git-lfs server on loopback: the batch API, the basic transfers and the lock check, as git-lfs's documents describe.

Source: docs/api/ of git-lfs (batch.md, basic-transfers.md, locking.md). What it keeps lies in a directory, a file an
object, so that a hook of the remote sees what has arrived.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gitferry.tests.repo import Repo

_JSON = "application/vnd.git-lfs+json"


@dataclass
class LfsServer:
    """A running server, and what a test lets it refuse."""

    url: str
    store: Path
    refuse_uploads: int = 0  # an HTTP status
    refuse_downloads: int = 0
    locked: set[str] = field(default_factory=set)  # paths that someone else has locked
    requests: list[str] = field(default_factory=list)

    def has(self, data: bytes) -> bool:
        """Return whether an object of this content has arrived."""
        return (self.store / hashlib.sha256(data).hexdigest()).exists()

    def forget(self, data: bytes) -> None:
        """Lose an object, as a server whose disk broke."""
        (self.store / hashlib.sha256(data).hexdigest()).unlink()

    def used_by(self, repo: Repo) -> None:
        """Let a clone keep its large files here, set up as `git lfs install` does."""
        repo.git("lfs", "install", "--local", "--skip-repo")
        repo.git("config", "lfs.url", self.url)
        repo.git("config", f"lfs.{self.url}.locksverify", "true")
        repo.git("config", "lfs.transfer.maxretries", "1")


@contextmanager
def lfs_server(store: Path) -> Iterator[LfsServer]:
    """Yield a server that ends with the block."""
    store.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    known = LfsServer(f"http://127.0.0.1:{server.server_port}/lfs", store)
    server.known = known  # type: ignore[attr-defined]  # for the handler, which http.server makes itself
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def known(self) -> LfsServer:
        found: LfsServer = self.server.known  # type: ignore[attr-defined]
        return found

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        asked = json.loads(self._body() or b"{}")
        self.known.requests.append(f"POST {self.path} {asked.get('operation', '')}".strip())
        if self.path == "/lfs/objects/batch":
            self._batch(asked)
        elif self.path == "/lfs/locks/verify":
            theirs = [
                {"id": path, "path": path, "locked_at": "2026-01-02T03:04:05Z", "owner": {"name": "Someone"}}
                for path in sorted(self.known.locked)
            ]
            self._answer(200, {"ours": [], "theirs": theirs})
        else:
            self._answer(404, {"message": "no such thing"})

    def do_PUT(self) -> None:
        data, oid = self._body(), self.path.rpartition("/")[2]
        self.known.requests.append("PUT")
        if hashlib.sha256(data).hexdigest() != oid:
            self._answer(422, {"message": "that is another object"})
            return
        (self.known.store / oid).write_bytes(data)
        self._answer(200, {})

    def do_GET(self) -> None:
        self.known.requests.append("GET")
        file = self.known.store / self.path.rpartition("/")[2]
        if file.exists():
            self._send(200, "application/octet-stream", file.read_bytes())
        else:
            self._answer(404, {"message": "no such object"})

    def _batch(self, asked: dict[str, Any]) -> None:
        operation = asked["operation"]
        refused = self.known.refuse_uploads if operation == "upload" else self.known.refuse_downloads
        if refused:
            self._answer(refused, {"message": f"{operation}s are not for you"})
            return
        self._answer(200, {"transfer": "basic", "objects": [self._object(operation, one) for one in asked["objects"]]})

    def _object(self, operation: str, one: dict[str, Any]) -> dict[str, Any]:
        there = (self.known.store / one["oid"]).exists()
        answer: dict[str, Any] = {"oid": one["oid"], "size": one["size"], "authenticated": True}
        if operation == "download" and not there:
            return {**answer, "error": {"code": 404, "message": "Object does not exist"}}
        if operation == "download" or not there:
            answer["actions"] = {operation: {"href": f"{self.known.url}/{one['oid']}"}}
        return answer

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _answer(self, status: int, value: object) -> None:
        self._send(status, _JSON, json.dumps(value).encode())

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
