"""Where a repository's remote is: its address as people may see it, and the host that lanes are counted by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gitferry.repos.git import Git
from gitferry.repos.state import locate, working_state
from gitferry.security.urls import check_remote_url

if TYPE_CHECKING:
    from gitferry.config.model import Repository


def remote_url(repository: Repository, environ: Mapping[str, str]) -> str | None:
    """Return the address fetches go to; None where there is none.

    The settings' url answers without a look at the repository. Raises GitferryError where that cannot be read.
    """
    if repository.url is not None:
        return repository.url
    place = locate(repository.path, environ)
    upstream = working_state(Git(place.root, environ=environ), place).upstream
    return upstream.url if upstream else None


def host_of(url: str) -> str | None:
    """Return the host in lower case; None for a path on this machine. Raises UnsafeUrl for what gitferry refuses."""
    return check_remote_url(url).host.lower() or None
