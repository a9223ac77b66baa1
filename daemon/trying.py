"""A credential, tried: what `git ls-remote` with it comes to, at one address or wherever the settings name it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.security.login import Login

_CONNECT, _TRANSFER = 10.0, 30.0  # seconds: a person waits


@dataclass(frozen=True, slots=True)
class Target:
    """One address to sign in at; `shown` is how it is called, without a password."""

    url: str = field(repr=False)
    shown: str


def targets(name: str, wanted: str | None, settings: Path | None, environ: Mapping[str, str]) -> list[Target]:
    """Return where to try the credential `name`: at a URL or a repository, else wherever the settings name it.

    Raises GitferryError: nothing names it; SettingsError, and what the repository's own settings cannot tell.
    """
    from gitferry.config.load import load
    from gitferry.config.paths import settings_path
    from gitferry.daemon.remote_host import remote_url
    from gitferry.security.redact import redact

    if wanted is not None and ("/" in wanted or ":" in wanted):
        return [Target(wanted, redact(wanted))]
    found = load(settings_path(settings, environ), environ).repositories
    if wanted is not None:
        chosen = [each for each in found if each.name == wanted]
    else:
        auths = ((each, each.auth) for each in found)
        chosen = [each for each, auth in auths if auth and auth.type == "credential" and auth.credential == name]
    if not chosen:
        why = (
            f"there is no repository {wanted!r}" if wanted else f"no repository's settings name the credential {name!r}"
        )
        raise GitferryError(why, f"say where: gitferry credentials test {name} URL")
    places = []
    for each in chosen:
        url = remote_url(each, environ)
        if url is None:
            raise GitferryError(f"{each.name} has no remote", f"say where: gitferry credentials test {name} URL")
        _require_harmless(each, url, environ)
        places.append(Target(url, f"{each.name} ({redact(url)})"))
    return places


def _require_harmless(repository: Repository, url: str, environ: Mapping[str, str]) -> None:
    """See, as a crossing does, that the repository's own settings do not say where the credential goes."""
    from gitferry.repos.git import Git
    from gitferry.repos.own_settings import require_harmless
    from gitferry.repos.state import locate, working_state

    if repository.url is None:
        place = locate(repository.path, environ)
        config = working_state(Git(place.root, environ=environ), place).config
        require_harmless(config, url, name=repository.name, trusted=repository.trusted, signs_in=True)


def try_login(login: Login, url: str, environ: Mapping[str, str]) -> GitferryError | None:
    """Ask the server at `url` for its refs, signing in with `login`; return why that failed, None where it did not."""
    from gitferry.repos.git import Git
    from gitferry.repos.signing_in import offered
    from gitferry.repos.talk import Seconds
    from gitferry.repos.transport import remote_refs

    # Apart from any repository, whose own settings could send it elsewhere.
    with tempfile.TemporaryDirectory(prefix="gitferry-test-") as apart:
        git = Git(Path(apart), environ=environ)
        git.access = lambda: offered(login, url, environ=environ)
        try:
            remote_refs(git, url, "HEAD", timeouts=Seconds(connect=_CONNECT, transfer=_TRANSFER))
        except GitferryError as error:
            return error
    return None
