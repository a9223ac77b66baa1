"""How a login reaches one git command: over private sockets that last as long as the command, and in no other way.

Nothing secret stands in arguments, environment values, files or the repository's settings. docs/adr/0011-signing-in.md
has the reasons.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import shlex
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos import host_keys
from gitferry.repos.credential_desk import CredentialDesk
from gitferry.repos.offer import Offer
from gitferry.repos.private_socket import NoPrivatePlace, answered, placed, private_directory
from gitferry.repos.remote_error import SHOWN, UNKNOWN_HOST, RemoteError
from gitferry.repos.ssh_agent import OneKeyAgent
from gitferry.repos.ssh_connections import IDLE, Connections
from gitferry.repos.ssh_key import read_key
from gitferry.repos.ssh_settings import configuration, way_to
from gitferry.security.login import Login
from gitferry.security.redact import hiding, redact
from gitferry.security.urls import RemoteUrl, check_remote_url

log = logging.getLogger(__name__)

_SSH: Final = Path(__file__).with_name("batch") / "ssh"


class CannotSignIn(RemoteError):
    """The credential is not one for this remote, or cannot be used. Trying again changes nothing."""

    def __init__(self, title: str, hint: str) -> None:
        super().__init__("auth", title, hint, retry=False)


@contextlib.contextmanager
def offered(
    login: Login | None, url: str, *, environ: Mapping[str, str], connections: Connections | None = None
) -> Iterator[Offer]:
    """Offer `login` to the one git command that is run inside, at the server that `url` names and at no other.

    Its secrets are masked in every text meanwhile. None leaves signing in to git and ssh; a connection of theirs is
    shared all the same, where `connections` are given. Raises CannotSignIn, UnsafeUrl, NoPrivatePlace.
    """
    address = check_remote_url(url)
    with _hidden(login):
        if login is not None:
            _require_fit(login, address, url)
        if address.scheme == "ssh":
            with _over_ssh(login, address, environ, connections) as offer:
                yield replace(offer, explain=lambda said: _explained(said, url, environ))
        elif login is not None and address.scheme in ("https", "http"):
            with _over_http(login, address, environ) as offer:
                yield offer
        else:
            yield Offer()


def _hidden(login: Login | None) -> AbstractContextManager[None]:
    if login is None:
        return hiding()
    of_key = () if login.passphrase is None else ((login.passphrase, None),)
    return hiding((login.secret, login.username), *of_key)


def _explained(said: str, url: str, environ: Mapping[str, str]) -> str:
    """What a person compares, where ssh knew no key of the server: it does not tell by itself."""
    key = host_keys.shown(url, environ) if UNKNOWN_HOST.search(said) else None
    return "" if key is None else f"\n{SHOWN}{key}\n"


def _require_fit(login: Login, address: RemoteUrl, url: str) -> None:
    named = redact(url)
    if address.scheme == "ssh" and login.kind != "ssh_key":
        raise CannotSignIn(
            f"{named} is reached over SSH, and its credential is a {'token' if login.kind == 'token' else 'password'}",
            "store an SSH key, or let the remote's URL begin with https://",
        )
    if address.scheme in ("https", "http") and login.kind == "ssh_key":
        raise CannotSignIn(
            f"{named} is reached over {address.scheme}, and its credential is an SSH key",
            "store a token or a password, or let the remote's URL be the one for SSH",
        )
    if address.scheme == "http" and not _is_loopback(address.host):
        raise CannotSignIn(
            f"{named} is not encrypted: everybody on the way could read the credential, so it was not sent",
            "let the remote's URL begin with https://",
        )
    if address.scheme == "git":
        raise CannotSignIn(f"{named} takes no credential", "use https:// or ssh://, or leave `auth` out")
    if login.kind != "ssh_key" and set(b"\n\r\0") & set(login.secret + (login.username or "").encode()):
        raise CannotSignIn("the credential holds a line end, which git cannot be given", "store it again without one")


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def _over_http(login: Login, address: RemoteUrl, environ: Mapping[str, str]) -> Iterator[Offer]:
    desk, place = CredentialDesk(login, address), private_directory(environ)
    try:
        with answered(place.path / "git", desk.answer):
            # A proxy would be one more who reads what is not encrypted.
            direct = {"NO_PROXY": "*", "no_proxy": "*"} if address.scheme == "http" else {}
            # `initial` is git's default: it lets a renamed repository be found. Another host gets no answer from us.
            yield Offer((*desk.settings(place.path / "git"), "http.followRedirects=initial"), direct)
    finally:
        place.release()


@contextlib.contextmanager
def _over_ssh(
    login: Login | None, address: RemoteUrl, environ: Mapping[str, str], connections: Connections | None
) -> Iterator[Offer]:
    shared = None if connections is None else _place(login, address, connections)
    try:
        if login is None:
            yield Offer(environ={} if shared is None else {"GITFERRY_SSH_SHARED": str(shared / "%C")})
        else:
            if connections is not None and shared is not None:
                way = connections.way(shared, address)
            else:
                way = way_to(address, environ)
            with _with_key(login, way, environ, shared) as offer:
                yield offer
    except GitferryError:
        if connections is not None:
            connections.drop(login)  # a deadline passed: it may be this connection that hangs
        raise


def _place(login: Login | None, address: RemoteUrl, connections: Connections) -> Path | None:
    """Where the connection is shared; None: it is not, or only as the user's own configuration says."""
    if not connections.may_share(login, address):
        return None
    try:
        return connections.place(login)
    except (NoPrivatePlace, OSError) as trouble:
        log.debug("connections are not shared: %s", trouble)
        return None


@contextlib.contextmanager
def _with_key(login: Login, way: str, environ: Mapping[str, str], shared: Path | None) -> Iterator[Offer]:
    place = private_directory(environ)
    try:
        agent = OneKeyAgent(lambda: read_key(login.secret, login.passphrase))
        text = configuration(way, place.path / "agent")
        file = place.path / "config"
        with placed(file):
            file.write_text(text + _sharing(shared), errors="surrogateescape")
        with answered(place.path / "agent", agent.answer):
            # The credential says who signs in, so no other way that the user chose for ssh counts here.
            yield Offer(
                environ={
                    "GIT_SSH_COMMAND": shlex.quote(str(_SSH)),
                    "GIT_SSH_VARIANT": "ssh",
                    "GITFERRY_SSH_CONFIG": str(file),
                }
            )
        if agent.trouble is not None:
            raise CannotSignIn(agent.trouble.title, agent.trouble.hint)
    finally:
        place.release()


# A server that fell silent is noticed within the usual connect timeout, and the shared connection ends.
_ALIVE: Final = "ServerAliveInterval 5\nServerAliveCountMax 3\n"


def _sharing(shared: Path | None) -> str:
    if shared is None:
        return "ControlMaster no\nControlPath none\n"
    return f'ControlMaster auto\nControlPath "{shared}/%C"\nControlPersist {IDLE}\n' + _ALIVE
