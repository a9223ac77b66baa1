"""Sends a message to a web address, signed so that its receiver knows from whom it is.

Source: the Standard Webhooks specification 1.0.0 (github.com/standard-webhooks/standard-webhooks).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gitferry.config.values import webhook_key
from gitferry.daemon.notification import NotDelivered

if TYPE_CHECKING:
    import urllib3

    from gitferry.daemon.notification import Message

_CONNECT: Final = 10.0  # seconds
_ANSWER: Final = 20.0
#: The receiver cannot take it now (RFC 9110, RFC 6585, RFC 8470): 408, 425, 429, and all 5xx.
_LATER: Final = frozenset({408, 425, 429})


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return what `webhook-signature` says of a body; `timestamp` is in seconds since 1970."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class Webhook:
    """One address. `secret` gives what messages to it are signed with, None: they are not; it may raise."""

    url: str = field(repr=False)
    secret: Callable[[], str | None] = field(default=lambda: None, repr=False)

    @property
    def name(self) -> str:
        """The host alone: whoever knows some services' whole address may write to them."""
        return f"webhook at {urlsplit(self.url).hostname}"

    def send(self, message: Message, *, at: float, environ: Mapping[str, str]) -> None:
        """Send it; `at` is now, in seconds since 1970. Raises NotDelivered, and what the secret's place says."""
        import urllib3

        body = json.dumps(message.payload(), separators=(",", ":")).encode("ascii")
        headers = {
            "content-type": "application/json",
            "user-agent": "gitferry",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(at)),
        }
        secret = self.secret()
        if secret is not None:
            headers["webhook-signature"] = signature(_key(secret), message.id, int(at), body)
        try:
            with _pool(self.url, environ) as pool:
                answer = pool.request(
                    "POST",
                    self.url,
                    body=body,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    timeout=urllib3.Timeout(connect=_CONNECT, read=_ANSWER),
                )
                status = answer.status
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as failure:
            # Not its words: they repeat the address.
            raise NotDelivered(f"it cannot be reached ({_cause(failure)})") from failure
        self._judge(status)

    def _judge(self, status: int) -> None:
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise NotDelivered(
                f"it answers {status} and points elsewhere, where nothing is sent",
                "give notifications[].url the address itself",
                passing=False,
            )
        raise NotDelivered(
            f"it answers {status}",
            "see what the receiver says of it",
            passing=status in _LATER or status >= 500,
        )


def _key(secret: str) -> bytes:
    try:
        return webhook_key(secret)
    except ValueError as error:
        make = "make one: echo whsec_$(openssl rand -base64 32)"
        raise NotDelivered(f"its secret {error}", make, passing=False) from error


def _cause(failure: Exception) -> str:
    inner = getattr(failure, "reason", None)
    found = inner if isinstance(inner, Exception) else failure
    return type(found).__name__


def _pool(url: str, environ: Mapping[str, str]) -> urllib3.PoolManager:
    """Return a client that trusts whom the system trusts, and goes through the proxy that the environment names."""
    import ssl

    import urllib3

    context = ssl.create_default_context()
    parts = urlsplit(url)
    named = {name.lower(): value for name, value in environ.items() if name.lower().endswith("_proxy")}
    proxy = named.get(f"{parts.scheme}_proxy") or named.get("all_proxy")
    if proxy and not _is_direct(parts.hostname or "", named.get("no_proxy", "")):
        return urllib3.ProxyManager(proxy, ssl_context=context, num_pools=1)
    return urllib3.PoolManager(ssl_context=context, num_pools=1)


def _is_direct(host: str, no_proxy: str) -> bool:
    """Whether `no_proxy` names a host or its domain, as curl(1) reads it."""
    names = [each.strip().lstrip(".") for each in no_proxy.lower().split(",") if each.strip()]
    return "*" in names or any(host == each or host.endswith(f".{each}") for each in names)
