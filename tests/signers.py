"""Real keys to sign with: an OpenPGP key ring, X.509 certificates and an ssh agent, all of a test's own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitferry.tests.integration.servers import program

PASSPHRASE = "open sesame"
PLAIN = "plain@example.org"
LOCKED = "locked@example.org"
_CERTIFICATE = """\
Key-Type: RSA
Key-Length: 2048
Key-Usage: sign
Serial: random
Name-DN: CN=Test Person
Name-Email: {email}
"""


@dataclass(frozen=True)
class Keyring:
    """A GnuPG home with a key that has no passphrase and one that has; its pinentry leaves a mark and gives nothing."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "GNUPGHOME": str(self.home)}

    @property
    def prompted(self) -> bool:
        """Whether a person was asked for a passphrase."""
        return (self.home / "prompted").exists()

    def run(self, *command: str, given: str = "") -> str:
        done = subprocess.run(
            command, env=self.environment, input=given, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def lock(self) -> None:
        """The agent forgets every passphrase, and no prompt was ever seen."""
        self.run("gpg-connect-agent", "reloadagent", "/bye")
        (self.home / "prompted").unlink(missing_ok=True)

    def unlock(self, name: str = "gpg", email: str = LOCKED) -> None:
        """The agent is given the passphrase, and keeps it."""
        loopback = ("--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0")
        self.run(name, *loopback, "--output", "/dev/null", "--yes", "-bau", email, given=f"{PASSPHRASE}\n")


@contextmanager
def keyring() -> Iterator[Keyring]:
    """An OpenPGP key ring. Its path is short, because the agent's socket is in it."""
    for name in ("gpg", "gpg-agent", "gpgconf", "gpg-connect-agent"):
        program(name)
    home = Path(tempfile.mkdtemp(prefix="gf-gpg-", dir="/tmp"))
    ring = Keyring(home)
    pinentry = home / "pinentry"
    pinentry.write_text(f"#!/bin/sh\ntouch {home}/prompted\nexit 1\n")
    pinentry.chmod(0o755)
    (home / "gpg-agent.conf").write_text(f"pinentry-program {pinentry}\ns2k-count 65536\n")
    try:
        for email, passphrase in ((PLAIN, ""), (LOCKED, PASSPHRASE)):
            ring.run(
                *("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase),
                *("--quick-gen-key", f"Test Person <{email}>", "ed25519", "sign", "never"),
            )
        yield ring
    finally:
        for action in (("--kill", "all"), ("--remove-socketdir",)):
            subprocess.run(["gpgconf", *action], env=ring.environment, capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)


def certificates(ring: Keyring) -> None:
    """Certificates for both addresses, trusted by themselves, join the key ring."""
    program("gpgsm")
    (ring.home / "gpgsm.conf").write_text("disable-crl-checks\n")
    for email, passphrase in ((PLAIN, ""), (LOCKED, PASSPHRASE)):
        form = ring.home / "form"
        form.write_text(_CERTIFICATE.format(email=email))
        loopback = ("gpgsm", "--quiet", "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0")
        ring.run(*loopback, "--generate-key", "--output", str(ring.home / "cert"), str(form), given=f"{passphrase}\n")
        ring.run("gpgsm", "--quiet", "--batch", "--import", str(ring.home / "cert"))
        (ring.home / "cert").unlink()
    listed = ring.run("gpgsm", "--list-keys", "--with-colons").splitlines()
    prints = [line.split(":")[9] for line in listed if line.startswith("fpr:")]
    (ring.home / "trustlist.txt").write_text("".join(f"{each} S relax\n" for each in prints))


def ssh_key(path: Path, passphrase: str = "") -> str:
    """Makes an ssh key at `path`, and gives its public half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", passphrase, "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path.with_name(f"{path.name}.pub").read_text().strip()


@contextmanager
def ssh_agent(directory: Path) -> Iterator[Path]:
    """A running ssh agent; `directory` holds its socket, which is what comes."""
    socket = directory / "agent"
    done = subprocess.run([program("ssh-agent"), "-s", "-a", str(socket)], capture_output=True, text=True, check=True)
    number = int(done.stdout.split("SSH_AGENT_PID=")[1].split(";")[0])
    try:
        yield socket
    finally:
        os.kill(number, signal.SIGTERM)


def ssh_add(socket: Path, key: Path, *options: str) -> None:
    """Puts a key into the agent."""
    answer = socket.with_name("answer")
    answer.write_text(f"#!/bin/sh\necho '{PASSPHRASE}'\n")
    answer.chmod(0o700)
    asking = {"SSH_AUTH_SOCK": str(socket), "SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
    command = [program("ssh-add"), "-q", *options, str(key)]
    subprocess.run(
        command, env={**os.environ, **asking}, stdin=subprocess.DEVNULL, check=True, timeout=30, capture_output=True
    )


def signer(path: Path, body: str) -> str:
    """A program that leaves a line in `<path>.log` and does as `body` says."""
    path.write_text(f"#!/bin/sh\necho ran >>'{path}.log'\n{body}\n")
    path.chmod(0o755)
    return str(path)


def runs(path: Path) -> int:
    """How often it ran."""
    log = path.with_name(f"{path.name}.log")
    return len(log.read_text().splitlines()) if log.exists() else 0
