"""What it costs that a push signs in from the vault: against the same push for which git signs in by itself.

Two repositories of one daemon, at one server; each is pushed by `push task`, asked over the daemon's socket. Over SSH
both sides share a connection, as gitferry does whoever signs in.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from shlex import quote
from shutil import which
from typing import Any

from paired import Comparison, compare
from workplace import GITFERRY, Failure, Pair, Workplace, daemon, file_name, pair

from gitferry.config.paths import socket_to_bind
from gitferry.daemon.client import Client
from gitferry.tests.integration.certificates import authority
from gitferry.tests.integration.servers import lighttpd, sshd

FILES = 500
BETWEEN = 0.2  # seconds for the daemon to finish what it does after the answer
SSH_CONFIG = """\
UserKnownHostsFile {home}/.ssh/known_hosts
StrictHostKeyChecking yes
IdentityFile {home}/.ssh/id_test
IdentitiesOnly yes
IdentityAgent none
"""


def push_over_ssh(place: Workplace, *, pairs: int, warm_up: int, limit: float) -> Comparison:
    """Milliseconds of a push with a key from the vault, and with the one that the user's ssh configuration names."""
    with sshd(_made(place.root / "sshd")) as server:
        home = _made(place.root / ".ssh")
        (home / "config").write_text(SSH_CONFIG.format(home=place.root))
        # OpenSSH looks the home directory up in the password database, and not at HOME (ssh_config(5)).
        program = _made(place.root / "bin") / "ssh"
        program.write_text(f'#!/bin/sh\nexec {quote(which("ssh") or "ssh")} -F "$HOME/.ssh/config" "$@"\n')
        program.chmod(0o755)
        place.environment["PATH"] = f"{program.parent}:{place.environment['PATH']}"
        server.admit(place.root)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "kept")], check=True)
        with (server.directory / "authorized_keys").open("a") as file:
            file.write("restrict " + (home / "kept.pub").read_text())
        _keep(place, "--type", "ssh_key", secret=(home / "kept").read_bytes())
        (home / "kept").unlink()
        url = f"ssh://{server.user}@127.0.0.1:{server.port}"
        what = "a push over SSH with a key from the vault, against git's own; both share a connection"
        return _compared(place, url, what, pairs=pairs, warm_up=warm_up, limit=limit, added=False)


def push_over_https(place: Workplace, *, pairs: int, warm_up: int, limit: float) -> Comparison:
    """Milliseconds of a push with a password from the vault, and with one of git's `store` helper."""
    trusted = authority(place.root / "ca.pem")
    directory = _made(place.root / "web")
    with lighttpd(directory, place.root, trusted.certify(directory / "server.pem")) as server:
        with (place.root / ".gitconfig").open("a") as file:
            file.write(f"[http]\n\tsslCAInfo = {trusted.file}\n")
        server.admit(place.root)
        _keep(place, "--type", "basic", "--username", server.user, secret=server.password.encode() + b"\n")
        url = f"https://127.0.0.1:{server.port}/git"
        what = "a push over HTTPS with a password from the vault, against git's own `store` helper"
        return _compared(place, url, what, pairs=pairs, warm_up=warm_up, limit=limit, added=True)


def _compared(
    place: Workplace, url: str, what: str, *, pairs: int, warm_up: int, limit: float, added: bool
) -> Comparison:
    kept, own = (_pair_at(place, url, name) for name in ("kept", "own"))
    watch = {"watch": {"enabled": False}}
    repositories: list[dict[str, Any]] = [
        {"name": "kept", "path": str(kept.clone), "auth": {"credential": "bench"}, **watch},
        {"name": "own", "path": str(own.clone), **watch},
    ]
    task = Path(file_name(1)).parent.name
    with daemon(place, repositories, 0.1), Client(socket_to_bind(place.environment)) as client:

        def timed(side: Pair, number: int) -> float:
            with (side.clone / file_name(1 + number % 40)).open("a") as file:
                file.write(f"line of run {number}\n")
            before, started = side.tip, time.perf_counter()
            answer = client.push([f"{side.clone.name}/{task}"])
            took = time.perf_counter() - started
            if side.tip == before:
                raise Failure(f"nothing arrived at the remote: {answer}")
            time.sleep(BETWEEN)
            return took

        found = compare(
            what,
            lambda number: timed(kept, number),
            lambda number: timed(own, number),
            pairs=pairs,
            warm_up=warm_up,
            limit=limit,
            added=added,
        )
        if place.git(kept.remote, "rev-parse", "main^{tree}") != place.git(own.remote, "rev-parse", "main^{tree}"):
            raise Failure("the two remotes do not hold the same files")
    return found


def _pair_at(place: Workplace, url: str, name: str) -> Pair:
    """A pair whose clone reaches its remote by the server at `url`."""
    made = pair(place, name, FILES)
    path = made.remote.relative_to(place.root) if url.startswith("https") else made.remote
    place.git(made.clone, "remote", "set-url", "origin", f"{url}/{str(path).lstrip('/')}")
    return made


def _keep(place: Workplace, *words: str, secret: bytes) -> None:
    """Make a vault whose key is in a file, and store the credential `bench`."""
    verbs = ["vault", "init", "--key-source", "keyfile"], ["credentials", "add", "bench", *words]
    for verb in verbs:
        command = [str(GITFERRY), *verb]
        done = subprocess.run(command, env=place.environment, input=secret, capture_output=True, check=False)
        if done.returncode:
            raise Failure(f"gitferry {' '.join(verb)}: {done.stderr.decode()}")


def _made(directory: Path) -> Path:
    directory.mkdir(mode=0o700)
    return directory
