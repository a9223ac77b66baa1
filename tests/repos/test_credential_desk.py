"""A password is given to the server that it is for, until that refuses it, and to no other."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gitferry.repos import transport
from gitferry.repos.credential_desk import CredentialDesk
from gitferry.repos.git import Git
from gitferry.repos.private_socket import answered
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.signing_in import offered
from gitferry.security.login import Login
from gitferry.security.urls import check_remote_url
from gitferry.tests.repo import Repo

ANSWER = b"username=me\npassword=canary\n"


def desk(url: str = "https://forge.example.org/r.git", user: str | None = "me", kind: str = "basic") -> CredentialDesk:
    return CredentialDesk(Login("token" if kind == "token" else "basic", b"canary", user), check_remote_url(url))


def asked(operation: str, protocol: str, host: str, **more: str) -> bytes:
    lines = [operation, f"protocol={protocol}", f"host={host}", *(f"{key}={value}" for key, value in more.items()), ""]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("protocol", "host", "meant"),
    [
        ("https", "forge.example.org", True),
        ("https", "FORGE.example.org", True),
        ("https", "forge.example.org:443", True),
        ("https", "forge.example.org:8443", False),
        ("http", "forge.example.org", False),
        ("https", "example.org", False),
        ("https", "forge.example.org.evil.example", False),
        ("https", "evil@forge.example.org", True),
        ("https", "forge.example.org/@evil.example", False),
        ("https", "", False),
        ("", "forge.example.org", False),
        ("ftp", "forge.example.org", False),
    ],
)
def test_it_answers_for_one_server(protocol: str, host: str, meant: bool) -> None:
    if host.endswith("/@evil.example"):
        host = "evil.example/@forge.example.org"  # a path that looks like a host
    assert desk().reply(asked("get", protocol, host)) == (ANSWER if meant else b"")


def test_what_was_refused_is_not_offered_again() -> None:
    one = desk()
    get = asked("get", "https", "forge.example.org")
    assert one.reply(get) == one.reply(get) == ANSWER
    assert one.reply(asked("store", "https", "forge.example.org")) == b""
    assert one.reply(asked("erase", "https", "other.example.org")) == b""
    assert one.reply(get) == ANSWER
    assert one.reply(asked("erase", "https", "forge.example.org")) == b""
    assert one.reply(get) == b""


@pytest.mark.parametrize(
    ("url", "asked_for", "user"),
    [
        ("https://forge.example.org/r.git", "", b"git"),
        ("https://ada@forge.example.org/r.git", "", b"ada"),
        ("https://forge.example.org/r.git", "ben", b"ben"),
        ("https://bitbucket.org/t/r.git", "", b"x-token-auth"),
    ],
)
def test_a_token_needs_no_name(url: str, asked_for: str, user: bytes) -> None:
    host = check_remote_url(url).host
    said = {"username": asked_for} if asked_for else {}
    assert desk(url, None, "token").reply(asked("get", "https", host, **said)).split(b"\n")[0] == b"username=" + user


@pytest.mark.parametrize("has_cache", [True, False])
def test_git_asks_with_its_own_program_or_with_ours(runtime_directory: Path, tmp_path: Path, has_cache: bool) -> None:
    one, path, questions = desk(), runtime_directory / "it's" / "git", []
    path.parent.mkdir()
    *_, setting = one.settings(path)
    if not has_cache:
        (tmp_path / "git").write_text("#!/bin/sh\necho 'it is not a git command' >&2; exit 1\n")
        (tmp_path / "git").chmod(0o755)

    def answer(client: socket.socket) -> None:
        questions.append(client.recv(9999))
        client.sendall(one.reply(questions[-1]))

    def helper(operation: str) -> bytes:
        # As git starts it: credential.c.
        command = f"{setting.removeprefix('credential.helper=!')} {operation}"
        given = b"protocol=https\nhost=forge.example.org\npassword=canary\n"
        environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return subprocess.run(["sh", "-c", command], input=given, env=environ, capture_output=True, check=True).stdout

    with answered(path, answer):
        assert helper("get") == ANSWER
        assert helper("store") == b""
        assert helper("erase") == b""
        assert helper("get") == b""
    begin = b"action=" if has_cache else b""
    assert [question.split(b"\n")[0] for question in questions] == [begin + b"get", begin + b"erase", begin + b"get"]


@pytest.mark.parametrize("question", [b"", b"get", b"get\n\n", b"\xff\xfe", b"get\nprotocol\nhost\n", b"x" * 9999])
def test_nonsense_has_no_answer(question: bytes) -> None:
    assert desk().reply(question) == b""


# -- over HTTP


class _Two(HTTPServer):
    """Sends everyone on to `elsewhere`, where that is set, and else asks for a password; remembers those it got."""

    elsewhere: str | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.passwords: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Two

    def do_GET(self) -> None:
        if given := self.headers.get("Authorization"):
            self.server.passwords.append(given)
        self.send_response(401 if self.server.elsewhere is None else 301)
        if self.server.elsewhere is None:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        else:
            self.send_header("Location", self.server.elsewhere + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving() -> Iterator[_Two]:
    with _Two() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_redirect_takes_no_password_along(clone: Callable[..., Repo], home: Path) -> None:
    here = clone("here")
    with serving() as first, serving() as second:
        url = f"http://127.0.0.1:{first.server_port}/r.git"
        first.elsewhere = f"http://127.0.0.1:{second.server_port}"
        here.git("remote", "set-url", "origin", url)
        git = Git(here.root)
        login = Login("basic", b"canary", "me")
        git.access = lambda: offered(login, url, environ=os.environ)
        with pytest.raises(RemoteError) as caught:
            transport.fetch(git, "origin", "main")
        assert caught.value.kind == "auth"
        assert first.passwords == second.passwords == []
        first.elsewhere = None
        with pytest.raises(RemoteError) as caught:
            transport.fetch(git, "origin", "main")
        assert caught.value.kind == "auth"
        assert len(first.passwords) == 1, "one try"
