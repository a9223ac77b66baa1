"""What signs in at a remote, for as long as it is needed. Its secrets are never printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["token", "basic", "ssh_key"]


@dataclass(frozen=True, slots=True)
class Login:
    """A credential in the clear: a token, a password or a private key (OpenSSH's or PEM form)."""

    kind: Kind
    secret: bytes = field(repr=False)
    username: str | None = None
    passphrase: bytes | None = field(default=None, repr=False)
