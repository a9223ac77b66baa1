"""How many planted credentials the scan finds, and how often it stops what is none.

    PYTHONPATH=.typing python -m gitferry.tests.security.planted [--seed N] [DIRECTORY …]

Sixty credentials, made up in their vendors' forms, are put into files as people write them; the sample tasks and what
documentation has in a credential's place hold none. Directories given are scanned as well: repositories of others.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from gitferry.repos.added import lines
from gitferry.security.secrets import Found, prepare, scan
from gitferry.tests import samples
from gitferry.tests.security.formats import FIRST, PRIVATE, SECOND, Format

LARGEST: Final = 10 << 20  # bytes of a file in a directory given


def _yaml(variable: str, secret: str) -> str:
    name, first, *rest = variable.lower(), *secret.split("\n")
    if rest and "=" in rest[0]:  # more variables, as an environment file has them
        pairs = [f"{name}: {first}", *(each.lower().split("=")[0] + ": " + each.partition("=")[2] for each in rest)]
        return "service:\n" + "".join(f"  {pair}\n" for pair in pairs)
    if rest:
        return f"service:\n  {name}: |\n" + "".join(f"    {line}\n" for line in (first, *rest))
    return f"service:\n  name: harbour\n  {name}: {secret}\n  debug: false\n"


def _json(variable: str, secret: str) -> str:
    return json.dumps({"name": "harbour", variable: secret, "debug": False}, indent=2) + "\n"


def _python(variable: str, secret: str) -> str:
    quote = '"""' if "\n" in secret else '"'
    return f'"""Settings."""\n\nDEBUG = False\n{variable} = {quote}{secret}{quote}\n'


def _environment(variable: str, secret: str) -> str:
    return f"# for this machine\nDEBUG=0\n{variable}={secret}\n"


def _shell(variable: str, secret: str) -> str:
    return f"#!/bin/sh\nset -eu\nexport {variable}='{secret}'\nexec ./run\n"


def _markdown(variable: str, secret: str) -> str:
    return f"# Setting up\n\nSet it before you begin:\n\n```sh\n{variable}={secret}\n```\n\nand go on.\n"


KINDS: Final[dict[str, Callable[[str, str], str]]] = {
    "conf/service.yaml": _yaml,
    "conf/service.json": _json,
    "service/settings.py": _python,
    "deploy/production.conf": _environment,
    "deploy/start.sh": _shell,
    "docs/setup.md": _markdown,
}

#: What stands where a credential would: in documentation, in templates, in code that reads one from elsewhere.
STAND_INS: Final = (
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "GITHUB_TOKEN=ghp_" + "x" * 36,
    "GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}",
    "token: <your token>",
    "export TOKEN=${TOKEN}",
    'token = os.environ["TOKEN"]',
    "password: changeme",
    "password: {{ vault_password }}",
    "PASSWORD=%(password)s",
    "api_key: YOUR_API_KEY_HERE",
    "OPENAI_API_KEY=sk-...",
    "ANTHROPIC_API_KEY=sk-ant-api03-" + "x" * 93 + "AA",
    "SLACK_TOKEN=xoxb-your-token-here",
    "SLACK_TOKEN=xoxb-" + "1234567890-1234567890123-" + "abcdefghijklmnopqrstuvwx",
    "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24,
    "STRIPE_SECRET_KEY=sk_live_" + "*" * 24,
    "git clone https://user:password@git.example.com/team/tasks.git",
    "git clone https://<user>:<token>@git.example.com/team/tasks.git",
    "DATABASE_URL=postgres://postgres:postgres@localhost:5432/app",
    "DATABASE_URL=postgresql+psycopg://app:${PASSWORD}@db/app",
    "redis://:@localhost:6379/0",
    f"-----BEGIN {PRIVATE}-----\n...\n-----END {PRIVATE}-----",
    f"-----BEGIN {PRIVATE}-----\n<the key>\n-----END {PRIVATE}-----",
    f"a file that begins with -----BEGIN OPENSSH {PRIVATE}----- is a key",
    "glpat-" + "0" * 20,
    "HF_TOKEN=hf_" + "x" * 34,
    "AGE-SECRET" + "-KEY-1" + "X" * 58,
    "commit 7e135450c3f5ee4a34b8e1f6e1f5d5ab3c1f0a5b",
    "integrity: sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
    "token_uuid: 6f1c2d1e-1a54-4a0e-9f7e-0b6d3c0a1f01",
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5Zc0Wq8o6i4bJx3VhXgkqkqvGJqjvYwX2o5jK1uVbM someone@example.org",
)


@dataclass(slots=True)
class Figures:
    """What a scan came to."""

    files: int = 0
    lines: int = 0
    seconds: float = 0.0
    found: int = 0
    missed: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)  # where none is
    warned: list[str] = field(default_factory=list)

    def scan(self, path: str, data: bytes) -> tuple[Found, ...]:
        """Scan one file, and count it."""
        numbered = lines(data)
        began = time.perf_counter()
        found = scan(path, numbered)
        self.seconds += time.perf_counter() - began
        self.files += 1
        self.lines += len(numbered)
        return found

    def expect_one(self, kind: str, path: str, text: str) -> None:
        """Scan a file that holds a credential of that kind."""
        if any(each.known for each in self.scan(path, text.encode())):
            self.found += 1
        else:
            self.missed.append(f"{kind} in {path}")

    def expect_none(self, path: str, data: bytes) -> None:
        """Scan a file that holds none."""
        for each in self.scan(path, data):
            (self.stopped if each.known else self.warned).append(f"{path}:{each.line}: {each.kind}")

    def __str__(self) -> str:
        speed = f"{self.files} files, {self.lines} lines, {self.lines / max(self.seconds, 1e-9):,.0f} lines/s"
        wrong = f"{len(self.stopped)} falsely stopped, {len(self.warned)} falsely warned"
        return f"{self.found} found, {len(self.missed)} missed, {wrong} ({speed})"


def plant(formats: Sequence[Format], seed: int, *, everywhere: bool = False) -> Figures:
    """Plant one credential of each format in a file of one kind, or of every kind."""
    random, figures, kinds = Random(seed), Figures(), list(KINDS)
    for number, each in enumerate(formats):
        for path in kinds if everywhere else [kinds[number % len(kinds)]]:
            figures.expect_one(each.kind, path, KINDS[path](each.variable, each.make(random)))
    return figures


def innocent() -> Figures:
    """Scan the sample tasks, and every stand-in in a file of every kind."""
    figures = Figures()
    for path, text in samples.files().items():
        figures.expect_none(path, text.encode())
    for number, text in enumerate(STAND_INS):
        for path in ("docs/page.md", "conf/template.yaml", "run.sh"):
            figures.expect_none(f"{number}/{path}", f"before\n{text}\nafter\n".encode())
    return figures


def others(directory: Path) -> Figures:
    """Scan every text file of a directory; what is found there is for a person to judge."""
    figures = Figures()
    for path in _files(directory):
        figures.expect_none(str(path.relative_to(directory)), path.read_bytes())
    return figures


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        if ".git" not in path.parts and path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            yield path


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="What the credential scan finds and stops, as figures.")
    parser.add_argument("directories", nargs="*", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(None if arguments is None else list(arguments))
    began = time.perf_counter()
    prepare()
    print(f"{'rules loaded':<32}{(time.perf_counter() - began) * 1000:.0f} ms")
    rows = [
        ("the first 30", plant(FIRST, asked.seed)),
        ("the second 30", plant(SECOND, asked.seed)),
        ("both in files of every kind", plant((*FIRST, *SECOND), asked.seed, everywhere=True)),
        ("sample tasks and stand-ins", innocent()),
        *((str(directory), others(directory)) for directory in asked.directories),
    ]
    for name, figures in rows:
        print(f"{name:<32}{figures}")
        for word, places in (("missed", figures.missed), ("stopped", figures.stopped), ("warned", figures.warned)):
            for place in places:
                print(f"    {word} {place}")


if __name__ == "__main__":
    main()
