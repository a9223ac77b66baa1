"""A filter that enciphers, as git-crypt does."""

from __future__ import annotations

import sys
from pathlib import Path

from gitferry.tests.pushback.kit import Side

# As git-crypt does it: what is the same is enciphered to the same, so that git sees no change where there is none.
CIPHER = """
import hashlib, hmac, sys
key, data = open(sys.argv[2], "rb").read(), sys.stdin.buffer.read()
MARK = b"\\0CIPHER\\0"

def mixed(nonce, text):
    stream = b"".join(hashlib.sha256(key + nonce + b"%d" % i).digest() for i in range(len(text) // 32 + 1))
    return bytes(a ^ b for a, b in zip(text, stream))

if sys.argv[1] == "clean":
    nonce = hmac.new(key, data, "sha256").digest()[:12]
    out = MARK + nonce + mixed(nonce, data)
elif data.startswith(MARK):
    out = mixed(data[len(MARK):len(MARK) + 12], data[len(MARK) + 12:])
    if hmac.new(key, out, "sha256").digest()[:12] != data[len(MARK):len(MARK) + 12]:
        sys.exit("that is another key")
else:
    out = data
sys.stdout.buffer.write(out)
"""
SECRET = b"name: value\r\nother: 1\n"


class Cipher:
    """A filter that enciphers, and the key that it needs."""

    def __init__(self, directory: Path) -> None:
        self.program = directory / "cipher.py"
        self.program.write_text(CIPHER)
        self.key = directory / "key"
        self.key.write_bytes(b"k" * 32)

    def set_up(self, side: Side, name: str = "cipher", *, required: bool = True) -> None:
        """Let a clone encipher, as `git-crypt unlock` does."""
        for command in ("clean", "smudge"):
            side.repo.git(
                "config", f"filter.{name}.{command}", f"{sys.executable} -S -E {self.program} {command} {self.key}"
            )
        side.repo.git("config", f"filter.{name}.required", "true" if required else "false")
        side.trusted = True
