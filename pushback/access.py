"""How a repository's remote is reached: with which login, and only once its own git settings are no danger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gitferry.config.failpoints import fp
from gitferry.config.model import BasicAuth, CredentialAuth, GitTokenAuth, Repository, SshKeyAuth
from gitferry.repos.offer import Offer
from gitferry.repos.own_settings import require_harmless
from gitferry.repos.signing_in import CannotSignIn, offered
from gitferry.repos.state import WorkingState
from gitferry.security.login import Login

if TYPE_CHECKING:
    from gitferry.pushback.host import Host


@contextmanager
def remote_access(settings: Repository, host: Host, state: WorkingState) -> Iterator[Offer]:
    """Give one git command what it reaches the upstream's remote with; asked anew for each, so that a login is held
    no longer than a command takes.

    Raises NotTrusted, CannotSignIn, UnsafeUrl, NoPrivatePlace, and what the host's `logins` raises.
    """
    upstream = state.upstream
    if upstream is None or upstream.url is None or upstream.local:
        yield Offer()
        return
    require_harmless(
        state.config,
        upstream.url,
        name=settings.name,
        trusted=settings.trusted,
        signs_in=settings.auth is not None,
    )
    login = login_of(settings, host)
    with offered(login, upstream.url, environ=host.environ, connections=host.connections) as offer:
        fp("login.offered")
        yield offer


def login_of(settings: Repository, host: Host) -> Login | None:
    """Return what signs in for this repository, None where that is left to git.

    Raises CannotSignIn where what the settings name is not there, and what the host's `logins` raises.
    """
    auth = settings.auth
    if auth is None:
        return None
    if isinstance(auth, GitTokenAuth):
        return Login("token", auth.token.get_secret_value().encode(), auth.username)
    if isinstance(auth, BasicAuth):
        return Login("basic", auth.password.get_secret_value().encode(), auth.username)
    if isinstance(auth, SshKeyAuth):
        passphrase = None if auth.passphrase is None else auth.passphrase.get_secret_value().encode()
        try:
            return Login("ssh_key", auth.path.read_bytes(), passphrase=passphrase)
        except OSError as failure:
            raise CannotSignIn(
                f"the SSH key {auth.path} cannot be read: {failure.strerror or failure}",
                f"see that it is there for the user who runs gitferry, or name another in auth.path of {settings.name}",
            ) from failure
    login = host.logins(settings)
    if login is None:
        named = f" {auth.credential}" if isinstance(auth, CredentialAuth) else ""
        raise CannotSignIn(
            f"there is no credential{named}, which {settings.name} is to sign in with",
            "`gitferry credentials list` shows those there are, `gitferry credentials add` stores one",
        )
    return login
