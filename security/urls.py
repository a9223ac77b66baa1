"""A remote's URL is looked at before git, ssh or a helper sees it: no option, no command, no unknown transport.

The forms are those of git-fetch(1), "GIT URLS". What git itself refuses only in newer versions is refused here
always: a leading "-" in user, host or path (CVE-2017-1000117), line ends that reach a credential helper
(CVE-2020-5260), and characters that an ssh ProxyCommand would hand to a shell (CVE-2023-51385).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from gitferry.config.errors import GitferryError
from gitferry.security.redact import redact

_NETWORK: Final = {
    "https": "https",
    "http": "http",
    "ssh": "ssh",
    "git+ssh": "ssh",
    "ssh+git": "ssh",
    "git": "git",
}
ALLOWED: Final = "https://, ssh://, user@host:path, http://, git://, file:// or a local path"

_SCHEME: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)://(.*)", re.S)
_HELPER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)::", re.S)
_SHELL: Final = frozenset("`'\"$\\;&<>|(){}*?!#")
_HOST: Final = re.compile(r"[\w.-]+")


class UnsafeUrl(GitferryError):
    """The URL could be taken for something else than the address of a repository."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"the remote URL {_shown(url)} is not used: {reason}", f"allowed: {ALLOWED}")


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """A remote's address in parts, percent-decoded; a password is only told of, never held.

    `scheme` is https, http, ssh, git or file; `host` is empty and `port` None for file.
    """

    scheme: str
    user: str | None
    password_present: bool
    host: str
    port: int | None
    path: str


def _shown(url: str) -> str:
    """`url` fit for a message: redacted, control characters visible, not endless."""
    visible = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in redact(url))
    return f"“{visible[:200]}{'…' if len(visible) > 200 else ''}”"


def _hidden(text: str) -> bool:
    """Whether `text` holds a control character, a line end or a direction mark that would disguise it."""
    return any(unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} for c in text)


def check_remote_url(url: str) -> RemoteUrl:
    """The parts of a remote's URL; scp-like addresses come back with the scheme ssh, local paths with file.

    Nothing is resolved or contacted. Raises UnsafeUrl.
    """
    if not url.strip():
        raise UnsafeUrl(url, "it is empty")
    if url.startswith("-"):
        raise UnsafeUrl(url, "it starts with “-” and would be taken for an option")
    if _hidden(url):
        raise UnsafeUrl(url, "it holds control or invisible characters")
    if with_scheme := _SCHEME.fullmatch(url):
        return _from_scheme(url, with_scheme[1].lower(), with_scheme[2])
    if helper := _HELPER.match(url):
        raise UnsafeUrl(url, f"“{helper[1]}::” would start a helper program")
    if _is_scp_like(url):
        return _from_scp(url)
    return RemoteUrl("file", None, False, "", None, url)


def _is_scp_like(url: str) -> bool:
    """git-fetch(1): an address is scp-like where no slash stands before the first colon (outside brackets)."""
    plain = re.sub(r"^([^/:@]*@)?\[[^\]/]*\]", "", url)
    colon, slash = plain.find(":"), plain.find("/")
    return colon != -1 and (slash == -1 or colon < slash)


def _from_scheme(url: str, scheme: str, rest: str) -> RemoteUrl:
    if scheme == "file":
        host, _, path = rest.partition("/")
        if host:
            raise UnsafeUrl(url, "file:// is followed by a host; write file:///path")
        decoded = unquote("/" + path, errors="surrogateescape")
        if _hidden(decoded):
            raise UnsafeUrl(url, "its path holds control or invisible characters")
        return RemoteUrl("file", None, False, "", None, decoded)
    if scheme not in _NETWORK:
        raise UnsafeUrl(url, f"“{scheme}://” is no transport that gitferry uses")
    authority, path = re.fullmatch(r"([^/?#]*)(.*)", rest, re.S).groups()  # type: ignore[union-attr] # matches all
    if "\\" in authority:
        raise UnsafeUrl(url, "its host or user holds a “\\”, which some programs read as “/”")
    userinfo, at, address = authority.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    host, port = _host_and_port(url, address)
    return _checked(
        url,
        RemoteUrl(
            _NETWORK[scheme],
            unquote(user, errors="surrogateescape") if at else None,
            bool(colon),
            unquote(host, errors="surrogateescape"),
            port,
            unquote(path, errors="surrogateescape"),
        ),
    )


def _from_scp(url: str) -> RemoteUrl:
    matched = re.fullmatch(r"(?:([^/:\[]*)@)?(\[[^\]]*\]|[^:/\[\]]*):(.*)", url, re.S)
    if matched is None:
        raise UnsafeUrl(url, "it is no scp-like address (user@host:path)")
    user, address, path = matched.groups()
    # git takes [host:port]:path too, see connect.c's parse_connect_url.
    inner = address[1:-1] if address.startswith("[") else address
    host, port = (address, None) if inner.count(":") != 1 else _host_and_port(url, inner)
    if host == address and address.startswith("["):
        host, port = _host_and_port(url, address)
    return _checked(url, RemoteUrl("ssh", user, False, host, port, path))


def _host_and_port(url: str, address: str) -> tuple[str, int | None]:
    """Split ``host``, ``host:port``, ``[v6]`` and ``[v6]:port``; the brackets are dropped."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", address, re.S)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
        if ":" in host and not _is_ipv6(host):
            raise UnsafeUrl(url, "what stands in brackets is no IPv6 address")
    else:
        host, colon, port = address.partition(":")
        port = port if colon else None
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise UnsafeUrl(url, "its port is no number from 1 to 65535")
    return host, int(port)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _checked(url: str, remote: RemoteUrl) -> RemoteUrl:
    """`remote` where none of its decoded parts can be taken for an option or a command; raises UnsafeUrl."""
    if not remote.host:
        raise UnsafeUrl(url, "it names no host")
    if not (_HOST.fullmatch(remote.host) or _is_ipv6(remote.host)):
        raise UnsafeUrl(url, "its host holds characters that no host name has")
    if not remote.path.strip("/"):
        raise UnsafeUrl(url, "it names no repository on the host")
    for part, text in (("user", remote.user or ""), ("host", remote.host), ("path", remote.path)):
        if text.startswith("-") or (part == "path" and re.match(r"/*~?-", text) and remote.scheme == "ssh"):
            raise UnsafeUrl(url, f"its {part} starts with “-” and would be taken for an option")
        if _hidden(text):
            raise UnsafeUrl(url, f"its {part} holds control or invisible characters")
    if remote.scheme == "ssh" and (_SHELL & set(remote.user or "") or re.search(r"\s", remote.user or "")):
        raise UnsafeUrl(url, "its user holds characters that a shell would act on")
    return remote
