"""Where a verb's secrets come from: a terminal that hides them, or standard input, a line each. Never an argument."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gitferry.config.errors import GitferryError


class NoSecret(GitferryError):
    """There is no terminal to ask at, and standard input holds no more."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is missing: standard input holds none, and there is no terminal to ask at",
            "run this in a terminal, or give it on standard input, a line for each thing that is asked for",
        )


def ask(what: str, *, new: bool = False) -> bytes:
    """Return the secret called `what`: typed at the terminal, twice where it is `new`, else the next line of input."""
    if sys.stdin.isatty():
        return _typed(what, new=new)
    line = sys.stdin.buffer.readline()
    if not line:
        if sys.stderr.isatty():  # the input was a file, and a person sits before it
            return _typed(what, new=new)
        raise NoSecret(what)
    return line.rstrip(b"\r\n")


def ask_passphrase(what: str, *, new: bool = False) -> bytes:
    """Return a passphrase, typed where there is a terminal, even if the secret itself is read from a file."""
    return _typed(what, new=new) if sys.stderr.isatty() else ask(what, new=new)


def ask_key() -> bytes:
    """Return a private key: from the file that is named at the terminal, else from input up to its END line."""
    if sys.stdin.isatty():
        path = Path(click.prompt("File of the private key", err=True)).expanduser()
        try:
            return path.read_bytes()
        except OSError as error:
            raise GitferryError(f"{path} cannot be read: {error.strerror}", "give the private key's file") from error
    lines = []
    for line in sys.stdin.buffer:
        lines.append(line)
        if line.startswith(b"-----END "):
            break
    if not lines:
        raise NoSecret("the private key")
    return b"".join(lines)


def _typed(what: str, *, new: bool) -> bytes:
    text: str = click.prompt(what[0].upper() + what[1:], hide_input=True, confirmation_prompt=new, err=True)
    return text.encode("utf-8", "surrogateescape")
