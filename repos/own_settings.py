"""Which of a repository's own git settings would, once git talks to a remote, start a program or let somebody in
between.

Who makes a repository writes its settings; gitferry acts on those only where its own settings call it trusted. What the
user's or the system's git settings say the same way is the user's word. Sources: git-config(1), git-lfs-config(5).
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from gitferry.repos.gitconfig import Config, parts
from gitferry.repos.remote_error import RemoteError
from gitferry.security.urls import RemoteUrl, check_remote_url

# A helper by its bare name is one that is installed, with at most plain options: nothing for a shell to act on.
_INSTALLED_HELPER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?: --?[a-z-]+(?:[= ][\w./~-]+)?)*")
_USUAL_PACK: Final = re.compile(r"git[- ](?:upload|receive)-pack")
_OFF: Final = frozenset({"false", "no", "off", "0", "00", ""})


class NotTrusted(RemoteError):
    """The repository's own settings ask for what only a trusted one may have; nothing was sent."""

    def __init__(self, key: str, harm: str, name: str) -> None:
        super().__init__(
            "other",
            f"this repository's own git settings have {key}, which {harm}",
            f"if it is yours: git config --global {key} VALUE, or `trusted: true` for {name}; else: git config --unset"
            f" {key}",
            retry=False,
        )


class NotVerified(RemoteError):
    """git is told not to verify the server's certificate."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "host_key",
            f"git's {key} turns the verification of the server off, which gitferry never does",
            f"git config --unset {key} (with --global where it is yours), and name your authority's certificate"
            " instead: git config --global http.sslCAInfo FILE",
            retry=False,
        )


def require_harmless(config: Config, url: str, *, name: str, trusted: bool, signs_in: bool = False) -> None:
    """See that nothing in `config` does harm when git talks to `url`.

    `signs_in`: with a credential of gitferry's, which git's own ways to sign in have no part in. Raises NotTrusted,
    UnsafeUrl, and NotVerified for whoever's setting, trusted or not.
    """
    address = check_remote_url(url)
    scheme = address.scheme
    if scheme == "https":
        for key, values in config.values.items():
            if _is_http(key, "sslverify") and _is_off(values[-1]) and (key in config.own or _concerns(key, address)):
                raise NotVerified(key)
    if trusted:
        return
    for key, harm in _harms(config, scheme, signs_in=signs_in):
        if _own_word(config, key):
            raise NotTrusted(key, harm, name)


def _own_word(config: Config, key: str) -> bool:
    """Whether the repository says something else than the user's settings do."""
    own, everything = config.own[key], config.values[key]
    outside = everything[: len(everything) - len(own)]
    return not outside or own[-1] != outside[-1]


def _harms(config: Config, scheme: str, *, signs_in: bool) -> Iterator[tuple[str, str]]:
    for key, values in config.own.items():
        section, _, setting = parts(key)
        value = values[-1] or ""
        if section in ("core", "credential"):
            starts = _starts(setting, values, scheme, signs_in=signs_in)
        elif section == "gpg":
            # git-push(1), --signed: a push is signed where the settings say so
            signed = "push.gpgsign" in config.values and not _is_off(config.get("push.gpgsign"))
            starts = signed and setting in ("program", "defaultkeycommand")
        elif section == "remote":
            starts = setting == "vcs" or (setting in ("uploadpack", "receivepack") and not _USUAL_PACK.fullmatch(value))
        else:
            starts = key.startswith("lfs.customtransfer.") or key.endswith("lfs.standalonetransferagent")
        if starts:
            yield key, "starts a program"
        elif scheme == "https" and (_is_http(key, "sslcainfo") or _is_http(key, "sslcapath")):
            yield key, "says whom to take for the server"
        elif scheme in ("https", "http") and _is_http(key, "savecookies"):
            yield key, "writes to a file of its choice"
        elif signs_in and section == "url" and setting in ("insteadof", "pushinsteadof"):
            yield key, "says where the credential goes"


def _starts(setting: str, values: tuple[str | None, ...], scheme: str, *, signs_in: bool) -> bool:
    """Whether a setting of `core` or `credential` names a program that git would start."""
    if setting == "alternaterefscommand":
        return True
    if setting == "gitproxy":
        return scheme == "git"
    if setting == "sshcommand":
        return scheme == "ssh" and not signs_in
    helpers = setting == "helper" and scheme in ("https", "http") and not signs_in
    return helpers and any(value and not _INSTALLED_HELPER.fullmatch(value) for value in values)


def _is_off(value: str | None) -> bool:
    return value is not None and value.lower() in _OFF


def _concerns(key: str, address: RemoteUrl) -> bool:
    """Whether git may take an `http.<url>.` setting for that server; the user's word on another is of no interest."""
    try:
        host = urlsplit(parts(key)[1] or "").hostname
    except ValueError:
        return True
    return host is None or "*" in host or host == address.host.lower()


def _is_http(key: str, setting: str) -> bool:
    return key == f"http.{setting}" or (key.startswith("http.") and key.endswith(f".{setting}"))
