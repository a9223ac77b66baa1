"""Credentials are found in the files that people leave them in, stand-ins are not, and no result holds a secret."""

from __future__ import annotations

import json
import pickle
import sys
import threading
from random import Random

import pytest

from gitferry.security import secret_kinds, secrets
from gitferry.security.secrets import Found, scan
from gitferry.tests.security import formats, planted
from gitferry.tests.security.formats import FIRST, SECOND, run

GITHUB = FIRST[0]
PUBLIC_CERTIFICATE = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUMvekNDQWVlZ0F3SUJBZ0lKQUw4NThwY2k1WHlqTUEwR0NTcUdTSWIz"


def found(*lines: str, path: str = "notes.txt") -> tuple[Found, ...]:
    return scan(path, enumerate(lines, 1))


@pytest.fixture
def random(seed: int) -> Random:
    return Random(seed)


def test_planted_credentials(seed: int) -> None:
    first, second = planted.plant(FIRST, seed), planted.plant(SECOND, seed)
    assert (first.found, first.missed) == (30, [])
    assert (second.found, second.missed) == (30, [])


def test_planted_in_files_of_every_kind(seed: int) -> None:
    figures = planted.plant((*FIRST, *SECOND), seed, everywhere=True)
    assert figures.missed == []


def test_sample_tasks_and_stand_ins_hold_none() -> None:
    figures = planted.innocent()
    assert (figures.stopped, figures.warned) == ([], [])


def test_where_it_is_and_what(random: Random) -> None:
    token = GITHUB.make(random)
    assert found("one", "", f"  token: {token}", "four") == (
        Found(line=3, kind="GitHub Personal Access Token", known=True, excused=False),
    )


@pytest.mark.parametrize("each", [each for each in FIRST if each.kind.endswith("private key")])
def test_a_key_is_told_at_its_first_line(each: formats.Format, random: Random) -> None:
    key = each.make(random).split("\n")
    assert [(one.line, one.known) for one in found("before", *key, "after")] == [(2, True)]
    assert [(one.line, one.known) for one in found("before", *key[:4])] == [(2, True)]  # its end was cut off
    assert [one.line for one in found(f"KEY = {json.dumps(chr(10).join(key))}")] == [1]


@pytest.mark.parametrize(
    "around",
    ["<code>{}</code>", "({})", "?key={}&page=2", "a, {}, b", "it is {}.", "[{}]", "|{}|", "**{}**", "{}/x", "“{}”"],
)
def test_prose_and_markup_hide_nothing(around: str, random: Random) -> None:
    missed = []
    for kind in ("Anthropic key", "Stripe live key", "Google API key", "Hugging Face token", "Databricks token"):
        each = next(each for each in FIRST if each.kind == kind)
        if not any(one.known for one in found(around.format(each.make(random)))):
            missed.append(kind)
    assert missed == []


@pytest.mark.parametrize(
    ("comment", "excused"),
    [
        ("  # pragma: allowlist secret", True),
        ("  // pragma: allowlist secret", True),
        (" <!-- gitleaks:allow -->", True),
        ("  # kingfisher:ignore", True),
        ("  # trufflehog:ignore", True),
        ("  # Pragma: Allowlist Secret", True),
        ("  # a secret that we allow", False),
        ("", False),
    ],
)
def test_a_comment_excuses_its_line(comment: str, excused: bool, random: Random) -> None:
    line = f"token = {GITHUB.make(random)}{comment}"
    assert [one.excused for one in found(line)] == [excused]
    assert [one.excused for one in found(f"x{comment}", f"token = {GITHUB.make(random)}")] == [False]


def test_a_comment_excuses_the_line_after_it(random: Random) -> None:
    token = GITHUB.make(random)
    assert [one.excused for one in found("# pragma: allowlist nextline secret", token)] == [True]
    assert [one.excused for one in found("# pragma: allowlist nextline secret", "", token)] == [False]


def test_what_only_looks_random_is_suspected(random: Random) -> None:
    value = run(random, formats.WORD, 32)
    for line in (f"password: {value}", f'"api_key": "{value}",', f"SECRET={value}", f"token => '{value}'"):
        assert [(one.kind, one.known) for one in found(line)] == [("random text that is named a secret", False)], line
    assert found(f"checksum: {value}") == ()
    assert found(f"password: {value[:8]}") == ()
    assert found("token = configuration.service.token_of_the_service") == ()


def test_a_json_web_token_alone_is_suspected(random: Random) -> None:
    token = f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{run(random, formats.URL_SAFE, 43)}"
    assert [(one.kind, one.known) for one in found(f"> {token}")] == [("JSON web token", False)]


def test_a_password_in_an_address_by_who_chose_it(random: Random) -> None:
    def known(password: str) -> list[bool]:
        return [one.known for one in found(f"url: https://deploy:{password}@packages.harbour-lights.io/simple")]

    assert known(run(random, formats.LOWER, 6) + run(random, formats.DIGITS, 6)) == [True]
    assert known("lighthouse") == [False]
    for host in ("localhost:5432", "127.0.0.1", "db.example.org", "build.test"):
        assert found(f"redis://app:{run(random, formats.WORD, 12)}1a@{host}/0") == (), host
    for stand_in in ("password", "changeme", "my-secret-password", "test1234", "${PASSWORD}", "<token>"):
        assert known(stand_in) == [], stand_in


def test_what_is_public_is_no_secret() -> None:
    assert found("kind: Secret", "data:", f"  tls.crt: {PUBLIC_CERTIFICATE}", path="tls.yaml") == ()
    certificate = formats.pem("CERTIFICATE", run(Random(1), formats.BASE64, 640)).split("\n")
    assert found(*certificate) == ()


def test_an_encoded_file_is_no_heap_of_tokens(random: Random) -> None:
    prefixes = ("BSA", "SK", "EAAA", "AKIA", "dapi")
    blob = "/".join(prefix + run(random, formats.WORD, 40) for prefix in prefixes * 100)
    assert found(f'const wasm = "{blob}";') == ()


def test_only_what_the_given_lines_have_a_part_in(random: Random) -> None:
    lines = ["one", GITHUB.make(random), "three", *FIRST[23].make(random).split("\n"), "last"]
    numbered = tuple(enumerate(lines, 1))
    assert [one.line for one in scan("a", numbered, touching={1, 3})] == []
    assert [one.line for one in scan("a", numbered, touching={2})] == [2]
    assert [one.line for one in scan("a", numbered, touching={10, 11})] == [10]  # within the key: it was changed
    assert [one.line for one in scan("a", numbered)] == [2, 4]


def test_lines_that_are_apart_are_not_read_as_one(random: Random) -> None:
    token = GITHUB.make(random)
    assert scan("a", [(1, f"one {token[:20]}"), (9, token[20:])]) == ()
    assert [one.line for one in scan("a", [(4, "x"), (9, token), (10, "y"), (40, token)])] == [9, 40]


def test_a_mark_at_the_beginning_moves_no_line(random: Random) -> None:
    assert [one.line for one in found("\ufeffone", GITHUB.make(random), GITHUB.make(random))] == [2, 3]


@pytest.mark.parametrize("line", ["", "\x00", "\ud800", "\udcff" * 9, "\ufeff", "a" * 100_000, "\x85\u2028\r\x0b\x1c"])
def test_no_text_is_too_odd(line: str, random: Random) -> None:
    token = GITHUB.make(random)
    assert [one.line for one in found(line, f"{line} {token}", path="odd\udcff/\x01.txt")] == [2]
    assert found(line) == ()


def test_more_than_anyone_reads(random: Random) -> None:
    lines = [f"password: {run(random, formats.WORD, 32)}" for _ in range(200)]
    lines += [GITHUB.make(random) for _ in range(60)]
    assert [one.known for one in found(*lines)] == [True] * secrets.MOST


def test_no_secret_is_in_what_is_returned_or_kept(random: Random) -> None:
    for each in (*FIRST, *SECOND):
        secret = each.make(random)
        told = found(*f"{each.variable}={secret}".split("\n"))
        shown = repr(told) + str(told) + pickle.dumps(told).decode("latin-1") + repr(secrets.__dict__["_engine"])
        assert not any(part in shown for part in secret.split("\n") if len(part) > 12), each.kind


def test_threads_share_it(seed: int) -> None:
    kinds = planted.KINDS
    random = Random(seed)
    files = [(path, kinds[path](each.variable, each.make(random))) for each in FIRST for path in kinds]

    def work() -> list[tuple[Found, ...]]:
        return [found(*text.split("\n"), path=path) for path, text in files]

    expected = work()
    results: list[list[tuple[Found, ...]]] = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_ordinary_lines_do_not_need_the_rules(monkeypatch: pytest.MonkeyPatch, random: Random) -> None:
    monkeypatch.setattr(secrets, "_loaded", lambda: pytest.fail("the rules were loaded"))
    assert found("A sentence about something.", '  "version": "1.2.0",', "", "x = y + 1  # as before") == ()
    assert scan("a", [(1, "changed"), (2, GITHUB.make(random))], touching={1}) == ()


def test_it_is_loaded_once_by_however_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = secrets._load

    def counted() -> object:
        loads.append(1)
        return load()

    monkeypatch.setattr(secrets, "_engine", None)
    monkeypatch.setattr(secrets, "_load", counted)
    threads = [threading.Thread(target=secrets.prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [1]


def test_a_library_that_cannot_be_loaded_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_engine", None)
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    with pytest.raises(secrets.NoScanner) as raised:
        found("https://example.com/")
    assert "secrets: off" in raised.value.hint


def test_the_catalogue_still_has_the_rules_that_are_named_here() -> None:
    from kingfisher_sdk import Rules

    rules = Rules([secrets._OWN_RULES], confidence="low").metadata()
    named = secret_kinds._PUBLIC | secret_kinds._SUSPECTED | secret_kinds._CHOSEN | secret_kinds._NAMES.keys()
    assert named - {secrets._short(rule["id"]) for rule in rules} == set()
    kinds = [secret_kinds.name(secrets._short(rule["id"]), rule["name"]) for rule in rules]
    assert [kind for kind in kinds if not kind or len(kind) > 64 or "\n" in kind] == []
