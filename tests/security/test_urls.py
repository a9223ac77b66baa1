"""Every form git knows is understood, and nothing that is more than an address gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.security.urls import RemoteUrl, UnsafeUrl, check_remote_url


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://host/team/x.git", RemoteUrl("https", None, False, "host", None, "/team/x.git")),
        ("HTTPS://me@host:8443/x", RemoteUrl("https", "me", False, "host", 8443, "/x")),
        ("https://me:PW@host/x", RemoteUrl("https", "me", True, "host", None, "/x")),
        ("https://m%40e:p@w@host/x", RemoteUrl("https", "m@e", True, "host", None, "/x")),
        ("http://127.0.0.1:3000/x", RemoteUrl("http", None, False, "127.0.0.1", 3000, "/x")),
        ("http://[::1]:3000/x", RemoteUrl("http", None, False, "::1", 3000, "/x")),
        ("ssh://git@host:2222/~me/x.git", RemoteUrl("ssh", "git", False, "host", 2222, "/~me/x.git")),
        ("git+ssh://host/x", RemoteUrl("ssh", None, False, "host", None, "/x")),
        ("git://host/x", RemoteUrl("git", None, False, "host", None, "/x")),
        ("git@host:team/x.git", RemoteUrl("ssh", "git", False, "host", None, "team/x.git")),
        ("host:x", RemoteUrl("ssh", None, False, "host", None, "x")),
        ("git@[::1]:x", RemoteUrl("ssh", "git", False, "::1", None, "x")),
        ("[git.example.org:2222]:x", RemoteUrl("ssh", None, False, "git.example.org", 2222, "x")),
        ("git@host:~me/x", RemoteUrl("ssh", "git", False, "host", None, "~me/x")),
        ("https://bücher.example/x", RemoteUrl("https", None, False, "bücher.example", None, "/x")),
        ("https://host/with%20blank", RemoteUrl("https", None, False, "host", None, "/with blank")),
        ("file:///srv/x.git", RemoteUrl("file", None, False, "", None, "/srv/x.git")),
        ("/srv/x.git", RemoteUrl("file", None, False, "", None, "/srv/x.git")),
        ("../x.git", RemoteUrl("file", None, False, "", None, "../x.git")),
        ("./a:b", RemoteUrl("file", None, False, "", None, "./a:b")),
        ("/srv/\udcff", RemoteUrl("file", None, False, "", None, "/srv/\udcff")),
    ],
)
def test_allowed(url: str, parts: RemoteUrl) -> None:
    assert check_remote_url(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        "",
        "  ",
        "-oProxyCommand=touch x",
        "--upload-pack=touch x",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-oProxyCommand%3Dtouch/x",
        "ssh://%2DoProxyCommand=touch/x",
        "ssh://user@-oProxyCommand=touch/x",
        "ssh://-l@host/x",
        "-oProxyCommand=touch:x",
        "user@-oProxyCommand:x",
        "-user@host:x",
        "host:-x",
        "ssh://host/-x",
        "ssh://host/%2Dx",
        "ssh://host//-x",
        "ssh://host/~-x",
        "host:~-x",
        "ssh://[-oProxyCommand=touch]/x",
        "[-oProxyCommand=touch]:x",
        "[-oProxyCommand=touch:22]:x",
        "ext::sh -c touch% x",
        "EXT::x",
        "fd::17",
        "transport::https://host/x",
        "ext://x",
        "javascript://host/x",
        "ftp://host/x",
        "rsync://host/x",
        "https://host/x\nhost=evil",
        "https://host/x%0ahost=evil",
        "https://us%0aer@host/x",
        "https://ho%0ast/x",
        "https://host/x\x00",
        "https://host/\x1b[31m",
        "https://host/x\u202egit.exe",
        "/srv/x\n",
        "file:///srv/x%0a",
        "https://host%00.example/x",
        "https://ho st/x",
        "https://ho%20st/x",
        "https://host\\@evil/x",
        "ssh://`touch x`@host/x",
        "ssh://a$(touch)@host/x",
        "ssh://a;b@host/x",
        "a|b@host:x",
        "ssh://host;touch/x",
        "$(touch):x",
        "https:///x",
        "ssh://user@/x",
        ":x",
        "user@:x",
        "https://host",
        "https://host/",
        "host:",
        "https://host:0/x",
        "https://host:65536/x",
        "https://host:8x/x",
        "https://host:٣/x",
        "https://[zz::1]/x",
        "https://a:b:c/x",
        "file://host/srv/x",
    ],
)
def test_refused(url: str) -> None:
    with pytest.raises(UnsafeUrl) as refused:
        check_remote_url(url)
    assert refused.value.title.isprintable()
    assert refused.value.hint


def test_a_password_is_not_shown() -> None:
    with pytest.raises(UnsafeUrl) as refused:
        check_remote_url("https://me:hunter2@host:99999/x")
    assert "hunter2" not in str(refused.value)


@given(st.text(alphabet=st.sampled_from("-@:/[]%20aA.o=~$`\n\x00\\ ext::ssh"), max_size=40))
def test_what_passes_is_never_an_option_and_has_no_line_end(text: str) -> None:
    for url in (text, f"ssh://{text}", f"https://{text}", f"{text}:x"):
        try:
            found = check_remote_url(url)
        except UnsafeUrl:
            continue
        assert not any(part.startswith("-") for part in (found.user or "", found.host, found.path))
        assert not any(c in part for part in (found.user or "", found.host, found.path) for c in "\n\x00")
        if found.scheme != "file":
            assert found.host and not set(found.host) & set("$` \\@/=%")
