"""Why a remote could not be reached, from the words of git, ssh, curl and the forges. Pure.

The patterns are messages of git 2.38 to 2.50 (C locale), OpenSSH 8 and 9, libcurl 7 and 8, GitHub, GitLab and Gitea.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from gitferry.config.errors import GitferryError
from gitferry.security.redact import redact

Kind = Literal["offline", "auth", "host_key", "not_found", "timeout", "other"]


class RemoteError(GitferryError):
    """The remote could not be used. `retry` tells whether the same may work later without anyone acting."""

    def __init__(self, kind: Kind, title: str, hint: str = "", *, retry: bool = True) -> None:
        super().__init__(title, hint)
        self.kind: Kind = kind
        self.retry = retry


# First match wins: a refused key also ends with "Could not read from remote repository", a timeout with "hung up".
_WORDS: Final[tuple[tuple[Kind, tuple[str, ...]], ...]] = (
    (
        "host_key",
        (
            r"Host key verification failed",
            r"REMOTE HOST IDENTIFICATION HAS CHANGED",
            r"No \S+ host key is known for",
            r"SSL certificate problem",
            r"server certificate verification failed",
            r"certificate subject name .* does not match",
            r"SSL: no alternative certificate subject name",
            r"SSL peer certificate or SSH remote key was not OK",
            r"unable to get local issuer certificate",
        ),
    ),
    (
        "auth",
        (
            r"Authentication failed",
            r"Permission denied \(",
            r"could not read (?:Username|Password)",
            r"returned error: 40[137]\b",
            r"HTTP Basic: Access denied",
            r"Permission to .* denied",
            r"Too many authentication failures",
            r"No supported authentication methods",
            r"marked as read only",
            r"Load key .*: (?:error in libcrypto|invalid format|Permission denied)",
            r"You are not allowed to (?:push|download|upload) code",
            r"access denied or repository not exported",
        ),
    ),
    (
        "not_found",
        (
            r"does not appear to be a git repository",
            r"repository '.*' not found",
            r"Repository not found",
            r"could not be found or you don't have permission",
            r"returned error: 404\b",
            r"Remote branch .* not found in upstream",
            r"No such remote",
            r"does not exist$",
        ),
    ),
    (
        "timeout",
        (
            r"Operation timed out",
            r"Timeout was reached",
            r"Operation too slow",
        ),
    ),
    (
        "offline",
        (
            r"Could not resolve (?:host|proxy|hostname)",
            r"Temporary failure in name resolution",
            r"Name or service not known",
            r"unable to look up",
            r"Connection refused",
            r"Couldn't connect to server",
            r"Could not connect to server",
            r"Failed to connect",
            r"Connection timed out",
            r"timed out during banner exchange",
            r"Connection to .* timed out",
            r"No route to host",
            r"(?:Network|Host) is (?:unreachable|down)",
            r"Connection (?:was )?(?:reset|closed|aborted)",
            r"(?:Recv|Send) failure",
            r"Broken pipe",
            r"Empty reply from server",
            r"early EOF",
            r"hung up unexpectedly",
            r"hung up upon initial contact",
            r"unexpected disconnect",
            r"remote failed to report status",
            r"transfer closed with",
            r"TLS connection was non-properly terminated",
            r"SSL_ERROR_SYSCALL|SSL_connect|gnutls_handshake",
            r"HTTP/?2 (?:stream|framing)",
            r"RPC failed",
            r"returned error: (?:429|5\d\d)\b",
        ),
    ),
)
_KINDS: Final = tuple((kind, re.compile("|".join(words), re.I | re.M)) for kind, words in _WORDS)

_TITLES: Final[dict[Kind, str]] = {
    "host_key": "the identity of {remote} could not be verified",
    "auth": "{remote} refused our credentials",
    "not_found": "{remote} has no such repository, or hides it from these credentials",
    "timeout": "{remote} did not answer in time",
    "offline": "{remote} cannot be reached",
    "other": "talking to {remote} failed",
}

_HINTS: Final[dict[Kind, str]] = {
    "host_key": "compare its fingerprint with a source you trust, then connect once by hand (ssh -T HOST) to accept it;"
    " for https install the authority's certificate (http.sslCAInfo)",
    "auth": "check with `git ls-remote` as the user gitferry runs as: the key, the agent or the credential helper"
    " must answer without asking",
    "not_found": "check the URL with `git remote -v`, and that these credentials may read it",
    "timeout": "gitferry tries again; timeouts.connect and timeouts.transfer in the settings allow more",
    "offline": "gitferry tries again by itself once the network or the server is back",
    "other": "`git fetch` by hand as the same user shows more",
}

#: What ssh says of a server that it never met, under StrictHostKeyChecking.
UNKNOWN_HOST: Final = re.compile(r"No \S+ host key is known for")
#: How the line begins that tells which key the server shows.
SHOWN: Final = "gitferry: "
_SHOWN_LINE: Final = re.compile(rf"^{SHOWN}(.+)$", re.M)
_CHANGED: Final = re.compile(
    r"^The fingerprint for the \S+ key sent by the remote host is\s+(SHA256:\S+?)\.?\s*$", re.M
)

# git-check-ref-format(1), as far as a branch name could otherwise change what a refspec means.
_BAD_BRANCH: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|\.lock(?:/|$)|(?:^|/)\.")

_PERMANENT: Final = frozenset({"auth", "host_key", "not_found"})
# These lines carry no reason: they follow every failure of ssh, or are a forge's decoration.
_NOISE: Final = re.compile(
    r"Could not read from remote repository|Please make sure you have the correct access|and the repository exists"
    r"|^(?:remote:\s*)?[=@*\s-]*$|^warning: |^hint: ",
    re.I,
)


def kind_of(stderr: str) -> Kind:
    """The kind of failure that these words of git and its helpers tell of."""
    for kind, pattern in _KINDS:
        if pattern.search(stderr):
            return kind
    return "other"


def reason_in(stderr: str) -> str:
    """The one line of `stderr` that names the cause: the one the kind was found in, else the first with content."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not _NOISE.search(line.strip())]
    kind = kind_of(stderr)
    pattern = dict(_KINDS).get(kind)
    telling = [line for line in lines if pattern is not None and pattern.search(line)]
    return (telling or lines or ["git said nothing"])[0]


def classify(remote: str, stderr: str) -> RemoteError:
    """The error for a git command that failed on `remote` with these (already redacted) words."""
    kind = kind_of(stderr)
    return RemoteError(
        kind,
        f"{_TITLES[kind].format(remote=redact(remote))}: {reason_in(stderr)}",
        _identity_hint(stderr) if kind == "host_key" else _HINTS[kind],
        retry=kind not in _PERMANENT,
    )


def _identity_hint(stderr: str) -> str:
    """What to do about a server whose identity is in doubt, with the key that it shows where that is known."""
    if changed := _CHANGED.search(stderr):
        return (
            f"the server now shows {changed[1]}, which is not the key that was known: where its operator says that it"
            " was changed, forget the old one (ssh-keygen -R HOST) and connect once by hand (ssh -T HOST)"
        )
    unknown = _SHOWN_LINE.search(stderr)
    return f"{unknown[1]}; {_HINTS['host_key']}" if unknown else _HINTS["host_key"]


def branch_ref(branch: str) -> str:
    """``refs/heads/<branch>``; raises RemoteError for what is no branch name (git-check-ref-format(1))."""
    if not branch or _BAD_BRANCH.search(branch) or branch.startswith("-"):
        raise RemoteError("other", f"“{branch}” is no branch name", "see git-check-ref-format(1)", retry=False)
    return f"refs/heads/{branch}"
