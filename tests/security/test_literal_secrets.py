"""A secret that is held is hidden in every form, and nothing else is, nor is it when it is no longer held."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitferry.security import redact
from gitferry.security.literal_secrets import SHORTEST, LiteralSecrets

CANARY = 'c4nary"pä/ss wörd+'


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        quote(CANARY, safe=""),
        json.dumps(CANARY)[1:-1],
        repr(CANARY)[1:-1],
        base64.b64encode(CANARY.encode()).decode(),
        base64.b64encode(f"user:{CANARY}".encode()).decode(),
        base64.urlsafe_b64encode(f"longer user:{CANARY}".encode()).decode(),
    ],
)
def test_every_form_is_hidden_while_it_is_held(form: str) -> None:
    end = redact.register(CANARY, "user")
    shown = redact.redact(f"before {form} after")
    end()
    end()
    assert form not in shown and shown.startswith("before ") and shown.endswith(" after")
    assert form in redact.redact(f"before {form} after")


def test_two_holders_of_one_secret() -> None:
    held = LiteralSecrets()
    one, other = held.register(CANARY), held.register(CANARY.encode())
    one()
    assert held.hidden(CANARY, "*") == "*"
    other()
    assert held.hidden(CANARY, "*") == CANARY


def test_a_key_is_hidden_line_by_line() -> None:
    held = LiteralSecrets()
    lines = [
        "-----BEGIN OPENSSH PRIVATE " + "KEY-----",
        "b3BlbnNzaC1rZXktdjEAAAAA" * 2,
        "QyNTUxOQAAACDcanary01234",
        "AB==",
    ]
    held.register("\n".join(lines))
    assert held.hidden(lines[1][:48], "*") == "*" and held.hidden(f"x {lines[2]}", "*") == "x *"
    assert held.hidden(lines[0], "*") == lines[0]


def test_what_is_too_short_to_tell_from_ordinary_text_stays() -> None:
    held = LiteralSecrets()
    held.register("main")
    assert held.hidden("origin/main", "*") == "origin/main"


@given(st.text(min_size=SHORTEST, max_size=40), st.text(max_size=12), st.text(max_size=5))
@settings(max_examples=150)
def test_behind_any_user_name(secret: str, user: str, after: str) -> None:
    secret = secret.strip()
    if len(secret) < SHORTEST or len(secret.splitlines()) > 1:
        return
    held = LiteralSecrets()
    held.register(secret)
    coded = base64.b64encode(f"{user}:{secret}".encode("utf-8", "surrogatepass")).decode() if user.isascii() else ""
    assert secret not in held.hidden(f"x{secret}{after}", "\0")
    if coded:
        assert held.hidden(coded, "\0") != coded
