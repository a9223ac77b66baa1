"""Webhooks against a real server: signed so that an independent computation agrees, and judged by what is answered."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gitferry.config.values import webhook_key
from gitferry.daemon.alerts import Alert, Kind
from gitferry.daemon.notification import Message, NotDelivered
from gitferry.daemon.webhook import Webhook, signature
from gitferry.tests.integration.certificates import authority

AT = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@dataclass
class Receiver:
    """A web server that keeps what it is sent, and answers as it is told."""

    server: HTTPServer
    scheme: str
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}/hook?to=me"


def receiver(context: ssl.SSLContext | None = None) -> Receiver:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = made.answers.pop(0) if made.answers else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", made.url)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: pytest shows what fails."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Receiver(server, "http" if context is None else "https")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    made = receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def message(*subjects: str) -> Message:
    alerts = (
        Alert(f"id-{each}", Kind.CONFLICT, "work", each, f"both sides changed {each}", "do", AT, AT)
        for each in subjects
    )
    return Message("msg_1", AT, "desk", tuple(alerts))


def send(url: str, secret: str | None = SECRET, environ: dict[str, str] | None = None) -> None:
    Webhook(url, lambda: secret).send(message("a"), at=AT.timestamp() + 0.9, environ=environ or {})


def by_openssl(key: bytes, text: bytes) -> str:
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary"],
        input=text,
        capture_output=True,
        check=True,
    ).stdout
    return "v1," + base64.b64encode(digest).decode()


def test_the_example_of_the_specifications_own_libraries() -> None:
    key = webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
@pytest.mark.parametrize(("secret", "key"), [(SECRET, KEY), ("any text: ä", "any text: ä".encode())])
def test_what_arrives_is_signed(hook: Receiver, secret: str, key: bytes) -> None:
    send(hook.url, secret)
    ((headers, body),) = hook.got
    assert headers["webhook-id"] == "msg_1" and headers["webhook-timestamp"] == str(int(AT.timestamp()))
    signed = b"msg_1." + headers["webhook-timestamp"].encode() + b"." + body
    assert headers["webhook-signature"] == by_openssl(key, signed)
    told = json.loads(body)
    assert told["type"] == "gitferry.attention" and told["timestamp"] == "2026-01-02T12:00:00Z"
    assert told["data"]["host"] == "desk"
    assert told["data"]["alerts"] == [
        {
            "id": "id-a",
            "kind": "conflict",
            "repository": "work",
            "subject": "a",
            "message": "both sides changed a",
            "remedy": "do",
            "since": "2026-01-02T12:00:00Z",
            "raised_at": "2026-01-02T12:00:00Z",
        }
    ]


def test_without_a_secret_nothing_is_signed(hook: Receiver) -> None:
    send(hook.url, None)
    assert "webhook-signature" not in hook.got[0][0]


@pytest.mark.parametrize(
    ("status", "passing"),
    [
        *((status, None) for status in (200, 204)),
        *((status, False) for status in (302, 307, 400, 404, 410)),
        *((status, True) for status in (408, 425, 429, 500, 503)),
    ],
)
def test_what_is_answered(hook: Receiver, status: int, passing: bool | None) -> None:
    hook.answers = [status]
    if passing is None:
        send(hook.url)
    else:
        with pytest.raises(NotDelivered, match=str(status)) as refused:
            send(hook.url)
        assert refused.value.passing is passing
    assert len(hook.got) == 1  # no redirect is followed, nothing is repeated here


def test_who_does_not_answer(hook: Receiver) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(NotDelivered) as refused:
            send(f"http://127.0.0.1:{closed.getsockname()[1]}/very-secret")
    assert refused.value.passing and "very-secret" not in str(refused.value)
    with pytest.raises(NotDelivered):
        send("https://127.0.0.1:" + hook.url.split(":")[2])  # that speaks no TLS


def test_a_broken_secret_is_not_tried_again(hook: Receiver) -> None:
    with pytest.raises(NotDelivered, match="is no secret of that form") as refused:
        send(hook.url, "whsec_tooshort")
    assert not refused.value.passing and hook.got == []


def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = authority(tmp_path / "authority.pem")

    def served(certificate: Path) -> Receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        return receiver(context)

    good, expired = (
        served(ours.certify(tmp_path / "good.pem")),
        served(ours.certify(tmp_path / "old.pem", expired=True)),
    )
    try:
        with pytest.raises(NotDelivered, match="SSL"):
            send(good.url)  # signed by nobody whom the system trusts
        monkeypatch.setenv("SSL_CERT_FILE", str(ours.file))
        send(good.url)
        with pytest.raises(NotDelivered, match="SSL"):
            send(expired.url)
        assert (len(good.got), expired.got) == (1, [])
    finally:
        for each in (good, expired):
            each.server.shutdown()
            each.server.server_close()


@pytest.mark.parametrize(
    ("environ", "reached"),
    [
        ({}, True),
        ({"no_proxy": "other.org,127.0.0.1"}, True),
        ({"no_proxy": "*"}, True),
        ({"NO_PROXY": "7.0.0.1"}, False),
    ],
)
def test_proxies_of_the_environment(hook: Receiver, environ: dict[str, str], reached: bool) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = {"http_proxy": f"http://127.0.0.1:{closed.getsockname()[1]}"} if environ else {}
        if reached:
            send(hook.url, environ=environ | proxy)
        else:
            with pytest.raises(NotDelivered):
                send(hook.url, environ=environ | proxy)


def test_its_name_is_the_host_alone() -> None:
    hook = Webhook("https://me:password@hooks.example.org/services/T0/secret")
    assert hook.name == "webhook at hooks.example.org"
    assert "secret" not in repr(hook)
