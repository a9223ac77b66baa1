"""A key out of a passphrase: Argon2id, whose parameters stand beside what the key protects.

RFC 9106, section 4: the second recommended choice (64 MiB, 3 passes, 4 lanes), about a quarter of a second.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from gitferry.config.errors import GitferryError
from gitferry.security import envelope

_MOST_MEMORY = 1 << 20  # KiB: what was changed by somebody must not take all memory before that is noticed
_MOST_PASSES, _MOST_LANES = 64, 64
_SALT_BYTES = 16


class EmptyPassphrase(GitferryError):
    """No passphrase was given."""

    def __init__(self) -> None:
        super().__init__("the passphrase is empty", "choose one that you can keep and nobody guesses: four words, say")


@dataclass(frozen=True, slots=True)
class Cost:
    """How dear a guess is: memory in KiB, passes over it, lanes."""

    memory: int = 64 * 1024
    passes: int = 3
    lanes: int = 4


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a key was made of a passphrase; the passphrase is not in it."""

    salt: bytes
    cost: Cost

    def key(self, passphrase: bytes) -> bytes:
        """Return the key, 32 bytes. Raises EmptyPassphrase."""
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        if not passphrase:
            raise EmptyPassphrase
        cost = self.cost
        derive = Argon2id(
            salt=self.salt,
            length=envelope.KEY_BYTES,
            iterations=cost.passes,
            lanes=cost.lanes,
            memory_cost=cost.memory,
        )
        return derive.derive(passphrase)

    def dump(self) -> str:
        """Return it as JSON text."""
        cost = self.cost
        found = {"kdf": "argon2id", "salt": envelope.text(self.salt), "memory": cost.memory}
        return json.dumps(found | {"passes": cost.passes, "lanes": cost.lanes}, sort_keys=True)


def new(cost: Cost) -> Derivation:
    """Return a derivation with a salt that no other has."""
    return Derivation(secrets.token_bytes(_SALT_BYTES), cost)


def load(text: str) -> Derivation:
    """Return what `dump` wrote. Raises ValueError: it is not that, or asks for more than a machine should give."""
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("kdf") != "argon2id":
        raise ValueError("no Argon2id parameters")
    numbers = [found.get(name) for name in ("memory", "passes", "lanes")]
    memory, passes, lanes = (each if type(each) is int else 0 for each in numbers)
    salt = envelope.from_text(str(found.get("salt")))
    within = 1 <= passes <= _MOST_PASSES and 1 <= lanes <= _MOST_LANES and 8 * lanes <= memory <= _MOST_MEMORY
    if not within or len(salt) < 8:
        raise ValueError("Argon2id parameters out of bounds")
    return Derivation(salt, Cost(memory, passes, lanes))
