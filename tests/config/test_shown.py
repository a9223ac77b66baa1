"""Settings as they may be shown to anyone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitferry.config.load import parse
from gitferry.config.render import block
from gitferry.config.shown import masked_url, shown

TEXT = """\
repositories:
- {path: /a, auth: {type: git_token, token: canary-a}}
- {path: /b, auth: {type: basic, username: me, password: canary-b}}
- {path: /c, auth: {type: ssh_key, path: /k, passphrase: canary-c}}
- {path: /d, url: "https://me:canary-d@e.org/x.git"}
database: {url: "postgresql://me:canary-e@h/d"}
notifications: [{type: webhook, url: "https://e.org/x", secret: canary-f}]
"""


def test_no_secret_is_shown_and_what_is_shown_is_the_files_own_form() -> None:
    found = shown(parse(TEXT.encode(), Path("/f"), {"HOME": "/h"}))
    assert "canary" not in json.dumps(found)
    assert found["repositories"][0]["auth"] == {"type": "git_token", "token": "********", "username": "git"}
    assert found["repositories"][3]["url"] == "https://me:********@e.org/x.git"
    assert found["database"] == {"url": "postgresql://me:********@h/d"}
    assert found["defaults"]["pull"] == {"enabled": True, "every": "5m", "at": None, "jitter": "10%"}
    again = parse("\n".join(block(found)).encode(), Path("/f"), {"HOME": "/h"})
    assert shown(again) == found


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://e.org/x", "https://e.org/x"),
        ("https://me@e.org/x", "https://me@e.org/x"),
        ("https://me:p@ss@e.org/x?y@z", "https://me:********@e.org/x?y@z"),
        ("https://ghp_0123456789abcdef0123@e.org/x", "https://********@e.org/x"),
        ("git@e.org:x/y", "git@e.org:x/y"),
        ("ssh://git@e.org/~x/y", "ssh://git@e.org/~x/y"),
        ("/srv/a:b@c", "/srv/a:b@c"),
    ],
)
def test_urls(url: str, expected: str) -> None:
    assert masked_url(url) == expected
