"""Secrets are taken out of every text before a log, an error or a crash file shows it.

What is recognisable as a secret by its place (the password of a URL, an Authorization header, `token=`) or by its
published form (a forge's token prefix) is replaced, and whatever this process was told to hold as one (`register`).
Commit ids are never touched, although a Gitea token looks exactly like one: such a token is hidden once it is
registered, and otherwise kept out of texts by never putting it into one.
"""

from __future__ import annotations

import logging
import re
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

from gitferry.security.literal_secrets import LiteralSecrets

HIDDEN: Final = "***"

_LITERAL: Final = LiteralSecrets()
#: What ends the hiding of secrets whose exception is gone. It is called by the next text or secret, and not where the
#: exception goes: the collector may run anywhere, also in a thread that has the lock which it would wait for.
_OVER: Final[deque[Callable[[], None]]] = deque()

# From "://" to the next one: each character is looked at once, so that a hostile text cannot make this slow.
_AFTER_SCHEME: Final = re.compile(r"://((?:[^\s\"<>:]|:(?!//))+)")
_PORT: Final = re.compile(r"\d{1,5}\W*")
# A forge takes a token as the user name too. Nobody's user name is this long and without a dot.
_TOKEN_AS_USER: Final = re.compile(r"[A-Za-z0-9_-]{20,}")

_HEADER: Final = re.compile(
    r"(?P<keep>\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:(?:basic|bearer|token|digest|negotiate)\s+)?)"
    r"[^\s'\",;]+",
    re.I,
)
_SECRET_HEADER: Final = re.compile(
    r"(?P<keep>\b(?:private-token|job-token|deploy-token|x-api-key|x-auth-token|x-gitlab-token|set-cookie|cookie)"
    r"['\"]?\s*:\s*['\"]?)[^\s'\"]+",
    re.I,
)
# Prose says "bearer something" too; a credential of that length without a single digit does not occur.
_BARE_SCHEME: Final = re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)(?=[^\s'\"]*\d)[A-Za-z0-9+/=_.~-]{12,}", re.I)

_SECRETIVE: Final = (
    r"access_token|private_token|refresh_token|oauth_token|oauth_refresh_token|id_token|token|api_key|apikey"
    r"|client_secret|secret|password|passwd|passphrase"
)
_QUERY: Final = re.compile(rf"(?P<keep>[?&](?:{_SECRETIVE}|sig|signature)=)[^\s&#'\"<>]+", re.I)
# The lines of git's credential protocol (git-credential(1)) and of .netrc-like dumps.
_CREDENTIAL_LINE: Final = re.compile(rf"(?P<keep>^[ \t]*(?:{_SECRETIVE})=)\S.*$", re.I | re.M)
# `--password=x`, `GITHUB_TOKEN=x` anywhere; a path that has such a name in it stays.
_PAIR: Final = re.compile(
    rf"(?P<keep>(?<![A-Za-z0-9_/.?&-])-{{0,2}}(?:[A-Za-z0-9]{{1,20}}[_-]){{0,4}}(?:{_SECRETIVE})=['\"]?)(?!\$\{{)[^\s'\"&;,]+",
    re.I,
)
# `password: x` as YAML and headers have it. In prose the word that follows has no digit.
_COLON_PAIR: Final = re.compile(
    rf"(?P<keep>(?<![A-Za-z0-9_/.-])(?:[A-Za-z0-9]{{1,20}}[_-]){{0,4}}(?:{_SECRETIVE}):[ \t]+['\"]?)"
    r"(?=[^\s'\",;]{0,80}\d)[^\s'\",;]{6,}",
    re.I,
)
_JSON_MEMBER: Final = re.compile(rf"(?P<keep>['\"](?:{_SECRETIVE})['\"]\s*:\s*['\"])(?:[^'\"\\]|\\.)+", re.I)

_KEY_BLOCK: Final = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END (?P=kind)-----|\Z)", re.S
)

# Each form is documented by its issuer; the leading guard keeps a prefix inside a longer word from matching.
_KNOWN_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"gh[pousr]_[A-Za-z0-9]{20,}"  # GitHub: personal, OAuth, user-to-server, server-to-server, refresh
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[A-Za-z0-9_.=-]{16,}"  # GitLab
    r"|GR1348941[A-Za-z0-9_-]{16,}"
    r"|AT(?:BB|ATT3|CTT3)[A-Za-z0-9_=-]{20,}"  # Atlassian, Bitbucket
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"  # AWS access key ids
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,}"  # Slack
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}"  # Google
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"  # Stripe
    r"|sk-(?:ant-|proj-|svcacct-)[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{32,}"
    r"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}|dckr_pat_[A-Za-z0-9_-]{20,}"
    r"|hf_[A-Za-z0-9]{30,}|do[opr]_v1_[a-f0-9]{64}|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{40,}"
    r"|eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"  # JSON web tokens, RFC 7519
    r")"
)
_SLACK_HOOK: Final = re.compile(r"(?P<keep>hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]+")

_KEEPING: Final = (
    _HEADER,
    _SECRET_HEADER,
    _BARE_SCHEME,
    _QUERY,
    _CREDENTIAL_LINE,
    _PAIR,
    _COLON_PAIR,
    _JSON_MEMBER,
    _SLACK_HOOK,
)


def _without_password(url: re.Match[str]) -> str:
    """What follows a URL's scheme, without the password (RFC 3986, 3.2.1) or token in its userinfo."""
    rest = url[1]
    end = next((at for at, character in enumerate(rest) if character in "/?#"), len(rest))
    authority, tail = rest[:end], rest[end:]
    userinfo, at, host = authority.rpartition("@")
    if at:
        user, colon, _ = userinfo.partition(":")
        if colon:
            return f"://{user}:{HIDDEN}@{host}{tail}"
        if _TOKEN_AS_USER.fullmatch(user):
            return f"://{HIDDEN}@{host}{tail}"
        return url[0]
    # A "/" in a password that was not percent-encoded moves the rest into the path, and git prints all of it.
    user, colon, start = authority.partition(":")
    if colon and "@" in tail and not user.startswith("[") and not _PORT.fullmatch(start):
        return f"://{user}:{HIDDEN}@{tail.rpartition('@')[2]}"
    return url[0]


def redact(text: str) -> str:
    """`text` with every recognisable secret replaced by ``***``; everything else is unchanged."""
    _end_what_is_over()
    text = _LITERAL.hidden(text, HIDDEN)
    text = _KEY_BLOCK.sub(f"{HIDDEN} private key {HIDDEN}", text)
    text = _AFTER_SCHEME.sub(_without_password, text)
    for pattern in _KEEPING:
        text = pattern.sub(rf"\g<keep>{HIDDEN}", text)
    return _KNOWN_TOKEN.sub(HIDDEN, text)


def register(secret: str | bytes, username: str | None = None) -> Callable[[], None]:
    """Hide a secret that this process holds, whatever it looks like; return what ends that.

    It is kept in memory as long, in the forms that `literal_secrets` names.
    """
    _end_what_is_over()
    return _LITERAL.register(secret, username)


def without_registered(data: bytes) -> bytes:
    """Return bytes in which ``***`` stands for every registered secret; what only looks like one stays."""
    text = data.decode("utf-8", "surrogateescape")
    return _LITERAL.hidden(text, HIDDEN).encode("utf-8", "surrogateescape")


@contextmanager
def hiding(*secrets: tuple[bytes, str | None]) -> Iterator[None]:
    """Hide secrets, each with the user name that goes with it, inside; and behind it while an exception lives.

    Whoever reports an exception does so outside, and its text or its frames may hold what was hidden.
    """
    with ExitStack() as stack:
        for secret, username in secrets:
            stack.callback(register(secret, username))
        try:
            yield
        except BaseException as error:
            held = _Held()
            weakref.finalize(held, _OVER.append, stack.pop_all().close).atexit = False
            vars(error)["_hidden"] = held
            raise


class _Held:
    """Lives as long as the exception that it is given to."""


def _end_what_is_over() -> None:
    while _OVER:
        with suppress(IndexError):  # another thread took it
            _OVER.popleft()()


def redact_value(value: object) -> object:
    """`value` with every text in it redacted; containers of the JSON kinds are followed, other objects become text."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {redact_value(key): redact_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [redact_value(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return redact(str(value))


def redacted_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of an answer with every text in it redacted."""
    return {key: redact_value(value) for key, value in row.items()}


_OWN_ATTRIBUTES: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class RedactingFilter(logging.Filter):
    """Redacts a record's message, traceback and `extra` values, and lets every record pass.

    Add it to handlers: a logger's own filters do not see the records of its children
    (https://docs.python.org/3/library/logging.html#filter-objects).
    """

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError) as wrong:
            # A filter that raises would raise in whoever logs; the text is worth more than its arguments.
            message = f"{record.msg} (its arguments do not fit: {type(wrong).__name__})"
        record.msg, record.args = redact(message), None
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        for name, value in record.__dict__.items():
            if name not in _OWN_ATTRIBUTES:
                record.__dict__[name] = redact_value(value)
        return True
