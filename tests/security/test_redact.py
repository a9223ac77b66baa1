"""Secrets leave every text; paths, commit ids and prose stay as they are."""

from __future__ import annotations

import gc
import io
import logging
import threading
import time
from collections.abc import Iterator

import pytest

from gitferry.security.redact import _LITERAL, HIDDEN, RedactingFilter, hiding, redact, without_registered

# Put together here so that no scanner of this repository takes them for real ones.
CANARY = "c4nary" + "S3cret" + "0123456789abcdefghij"
GITHUB = "ghp" + "_" + "a1B2" * 9
GITLAB = "glpat" + "-" + "a1B2" * 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:PW@host/x.git", "https://user:***@host/x.git"),
        ("https://user:p@w@host/x.git", "https://user:***@host/x.git"),
        ("https://user:p:w@host:8443/x@y", "https://user:***@host:8443/x@y"),
        ("https://:PW@host/x", "https://:***@host/x"),
        ("https://user:p/w@host/x", "https://user:***@host/x"),
        ("https://user:1/w@host/x", "https://user:1/w@host/x"),  # reads as a port, and git takes it for one
        ("ssh://git:PW@host/x", "ssh://git:***@host/x"),
        ("postgresql+psycopg://app:PW@db/gitferry", "postgresql+psycopg://app:***@db/gitferry"),
        ("fatal: unable to access 'https://u:PW@h/x/': 403", "fatal: unable to access 'https://u:***@h/x/': 403"),
        (f"https://{CANARY}@host/x", "https://***@host/x"),
        (f"https://x-access-token:{GITHUB}@github.com/t/t", "https://x-access-token:***@github.com/t/t"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("> authorization: bearer abc.def-1", "> authorization: bearer ***"),
        ('{"Authorization": "token abc123"}', '{"Authorization": "token ***"}'),
        ("Proxy-Authorization: Basic dXNlcjpwYXNz", "Proxy-Authorization: Basic ***"),
        ("PRIVATE-TOKEN: abc123", "PRIVATE-TOKEN: ***"),
        ("X-Api-Key: abc123", "X-Api-Key: ***"),
        ("sent Bearer abcdef0123456789 to it", "sent Bearer *** to it"),
        ("GET /x?a=1&access_token=abc&b=2", "GET /x?a=1&access_token=***&b=2"),
        ("GET /x?private_token=abc#top", "GET /x?private_token=***#top"),
        ("username=me\npassword=PW with blanks\nhost=h", "username=me\npassword=***\nhost=h"),
        ('{"password": "P\\"W", "user": "me"}', '{"password": "***", "user": "me"}'),
        ("{'client_secret': 'PW'}", "{'client_secret': '***'}"),
        ("https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/services/***"),
        ("run it --password=PW --verbose", "run it --password=*** --verbose"),
        ("GITFERRY_TOKEN=PW GIT_SSH=ssh", "GITFERRY_TOKEN=*** GIT_SSH=ssh"),
        ("given token='PW', which", "given token='***', which"),
        ("auth.password: hunter2 is wrong", "auth.password: hunter2 is wrong"),  # a key's name, as faults tell it
        ("password: hunter2", "password: ***"),
        ("api_key: abc12345", "api_key: ***"),
    ],
)
def test_by_place(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "token",
    [
        GITHUB,
        "ghs" + "_" + "a1B2" * 9,
        "github_" + "pat_" + "11ABCDEFG0" + "a1B2" * 15,
        GITLAB,
        "gldt" + "-" + "a1B2" * 5,
        "AKIA" + "ABCDEFGHIJ234567",
        "xoxb" + "-123456789012-abcdefABCDEF",
        "AIza" + "a1B2c" * 7,
        "sk" + "_live_" + "a1B2" * 6,
        "sk" + "-ant-" + "a1B2" * 8,
        "npm" + "_" + "a1B2" * 9,
        "hf" + "_" + "aBcD" * 9,
        "eyJ" + "hbGciOiJI" + ".eyJ" + "zdWIiOiIx" + ".abc_DEF-123",
        "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2,
    ],
)
@pytest.mark.parametrize("around", ["{}", "token {} used", "'{}',", "a/{}/b", "x={}"])
def test_by_published_form(token: str, around: str) -> None:
    assert token not in redact(around.format(token))


def test_a_private_key_with_or_without_its_end() -> None:
    begin, end = "-----BEGIN OPENSSH PRIVATE " + "KEY-----", "-----END OPENSSH PRIVATE " + "KEY-----"
    assert redact(f"before\n{begin}\n{CANARY}\n{end}\nafter") == "before\n*** private key ***\nafter"
    assert CANARY not in redact(f"{begin}\n{CANARY}")


@pytest.mark.parametrize(
    "text",
    [
        "0123456789abcdef0123456789abcdef01234567",
        "fatal: Not a valid object name 0123456789abcdef0123456789abcdef01234567",
        "a" * 64,
        "/home/me/code/tasks/token=5/password.txt",
        "tasks/gh_pages/glpat/sk-learn/eyJson.js",
        "src/npm_modules/hf_data/AKIA.md",
        "https://github.com/team/tasks.git",
        "https://user@host/x.git",
        "ssh://git@host:2222/x.git",
        "git@host:team/tasks.git",
        "http://127.0.0.1:8470/api/v1/tasks?limit=5&cursor=abc",
        "http://[::1]:8470/x@y",
        "http://host:8080/a@b",
        "see https://host:443 and mail me@example.org",
        "basic authentication is off, bearer of news",
        "refs/gitferry/ops/20240101T000000Z-0123456789ab",
        "the password is wrong",
        "password: a text is expected",
        "write token=${TOKEN}",
        "Permission denied (publickey,password).",
        "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
        "keyboard-interactive/secret-santa: ok",
        "2024-01-01T12:00:00+00:00 10:30:00 a:b@c",
        "\udcff/latin1-\udce9",
        "",
    ],
)
def test_ordinary_text_is_unchanged(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", ["https://user:PW@host/x", "Authorization: Basic abc", f"x {GITHUB} y", "?token=abc"])
def test_twice_is_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "\n",
        "a://",
        "a://b:",
        "https://a:b/",
        "://a@",
        "authorization: ",
        "bearer ",
        '"token": "',
        "eyJaaaaaaaa.",
        "eyJaaaaaaaa-",
        "SG.",
        "-----BEGIN A PRIVATE KEY-----",
        "-----BEGIN ",
        "?token",
        "a_token",
        "token=",
        "password: ",
        "@",
    ],
)
def test_hostile_text_takes_no_longer_than_its_length(unit: str) -> None:
    started = time.monotonic()
    redact(unit * (50_000 // len(unit)))
    assert time.monotonic() - started < 2


# -- logging


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> Iterator[logging.Logger]:
    """A child logger whose parent's handler has the filter."""
    parent = logging.getLogger("gitferry.test_redact")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s %(url)s", defaults={"url": ""}))
    handler.addFilter(RedactingFilter())
    parent.addHandler(handler)
    parent.propagate = False
    yield parent.getChild("child")
    parent.removeHandler(handler)


def test_message_arguments_and_extra(log: logging.Logger, stream: io.StringIO) -> None:
    log.error("push to %s", f"https://u:{CANARY}@h/x", extra={"url": f"https://u:{CANARY}@h/x"})
    assert stream.getvalue() == f"push to https://u:{HIDDEN}@h/x https://u:{HIDDEN}@h/x\n"


def test_any_object_in_extra() -> None:
    record = logging.makeLogRecord({"msg": "x", "args": None, "error": ValueError(f"https://u:{CANARY}@h"), "n": 5})
    assert RedactingFilter().filter(record)
    assert (record.__dict__["error"], record.__dict__["n"]) == (f"https://u:{HIDDEN}@h", 5)


def test_containers_in_extra() -> None:
    record = logging.makeLogRecord({"msg": "x", "args": None, "rows": [{"url": f"https://u:{CANARY}@h"}, 5]})
    assert RedactingFilter().filter(record)
    assert record.__dict__["rows"] == [{"url": f"https://u:{HIDDEN}@h"}, 5]


def test_traceback_and_stack(log: logging.Logger, stream: io.StringIO) -> None:
    try:
        raise ValueError(f"https://u:{CANARY}@h/x")
    except ValueError:
        log.exception("failed", stack_info=True)
    assert CANARY not in stream.getvalue()
    assert "ValueError: https://u:***@h/x" in stream.getvalue() and "Traceback" in stream.getvalue()
    assert stream.getvalue().count("Traceback") == 1


def test_a_broken_log_call_does_not_break_its_caller(log: logging.Logger, stream: io.StringIO) -> None:
    log.error("%d things", "many")
    assert "%d things" in stream.getvalue()


PLAIN = "plain" + "words-of-no-form"


def test_hidden_inside_and_no_longer_behind() -> None:
    with hiding((PLAIN.encode(), "me"), (b"another-" + PLAIN.encode(), None)):
        assert redact(f"said {PLAIN}") == f"said {HIDDEN}"
        assert without_registered(f"\xff {PLAIN} token=x".encode("latin-1")) == b"\xff *** token=x"
    assert redact(f"said {PLAIN}") == f"said {PLAIN}"
    assert without_registered(PLAIN.encode()) == PLAIN.encode()


def test_hidden_for_as_long_as_an_exception_can_be_reported() -> None:
    with pytest.raises(ValueError, match=PLAIN) as raised, hiding((PLAIN.encode(), None)):
        raise ValueError(PLAIN)
    assert redact(f"said {PLAIN}") == f"said {HIDDEN}"
    error: Exception | None = RuntimeError("another")
    assert error is not None
    error.__cause__ = raised.value
    del raised
    gc.collect()
    assert redact(f"said {PLAIN}") == f"said {HIDDEN}"
    error = None
    gc.collect()
    assert redact(f"said {PLAIN}") == f"said {PLAIN}"


def test_an_exception_may_go_where_a_secret_is_being_registered() -> None:
    """The collector runs where objects are made, in whichever thread and under whichever lock."""
    gc.collect()
    gc.disable()
    try:
        error: Exception | None = ValueError()
        with pytest.raises(ValueError), hiding((PLAIN.encode(), None)):
            assert error is not None
            error.args = (error,)  # a cycle, which only the collector ends
            raise error
        error = None

        def collect() -> None:
            with _LITERAL._mutex:
                gc.collect()

        thread = threading.Thread(target=collect, daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
    finally:
        gc.enable()
    assert redact(f"said {PLAIN}") == f"said {PLAIN}"
