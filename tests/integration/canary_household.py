"""A household with canaries: a vault, a daemon and a repository for each kind of secret, and the search of all it has.

Everything that gitferry, git and ssh write lies below two directories, so that no place can be forgotten.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitferry.config.errors import GitferryError
from gitferry.config.paths import socket_to_bind
from gitferry.daemon.client import Client
from gitferry.security.login import Login
from gitferry.tests.canary import forms, in_files, spellings
from gitferry.tests.daemon.cli.conftest import COMMAND
from gitferry.tests.repo import Repo

#: Each argument is the words of a verb: a process for all of them, as starting one takes longer than most verbs.
VERBS = "import sys; from gitferry.daemon.cli.main import main; sys.exit(max([main(v.split()) for v in sys.argv[1:]]))"
WITHIN = 40.0  # seconds that anything may take on a busy machine
SETTINGS = """\
version: 1
daemon: {log: {level: debug}}
defaults:
  pull: {enabled: false}
  watch: {quiet: 100ms, max_wait: 1s}
  retry: {initial: 1s, max: 2s}
repositories: []
"""


@dataclass
class Household:
    """`root` has the home, state, clones, remotes and logs; `runtime` the sockets; `logins` are named by their kind."""

    root: Path
    runtime: Path
    passphrase: bytes
    logins: Mapping[str, Login]
    remotes: Mapping[str, Repo]
    secrets: set[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.secrets = spellings(self.passphrase).union(*map(forms, self.logins.values()))
        for name in ("tmp", "traces", "work"):
            (self.root / name).mkdir()
        with (self.root / "home" / ".gitconfig").open("a") as file:
            # Every git tells with which arguments it was started and what it starts: none ends unseen.
            file.write(f"[trace2]\n\teventTarget = {self.root}/traces\n[receive]\n\tautogc = false\n")
        settings = Path(self._environ["XDG_CONFIG_HOME"], "gitferry", "config.yaml")
        settings.parent.mkdir(parents=True)
        settings.write_text(SETTINGS)

    @property
    def state(self) -> Path:
        return Path(self._environ["GITFERRY_STATE_DIR"])

    @property
    def log(self) -> Path:
        return self.root / "daemon.log"

    @property
    def _environ(self) -> dict[str, str]:
        return os.environ | {"TMPDIR": str(self.root / "tmp")}

    def run(self, *verbs: str, given: bytes = b"") -> None:
        """Run verbs, one after the other in one process that reads `given`; the search goes through what they print."""
        done = subprocess.run(
            [sys.executable, "-c", VERBS, *verbs],
            input=given,
            cwd=self.root / "work",
            env=self._environ,
            capture_output=True,
        )
        with (self.root / "answers").open("ab") as file:
            file.write(done.stdout + done.stderr)
        assert done.returncode == 0, (verbs, done)

    def given(self, login: Login) -> bytes:
        """What a verb that takes this secret reads from standard input."""
        parts = [self.passphrase, login.secret.rstrip(b"\n"), *([login.passphrase] if login.passphrase else [])]
        return b"\n".join(parts) + b"\n"

    def move_in(self, urls: Mapping[str, str]) -> None:
        """Make the vault, store each credential, and add the repository at each address, all by the command line."""
        verbs, given = ["vault init --key-source passphrase"], self.passphrase + b"\n"
        for name, login in self.logins.items():
            user = f" --username {login.username}" if login.username else ""
            verbs.append(f"credentials add {name} --type {login.kind}{user}")
            verbs.append(f"add {urls[name]} --name {name} --credential {name} --yes")
            given += self.given(login) + self.passphrase + b"\n"
        self.run(*verbs, given=given)

    def clone(self, name: str) -> Repo:
        return Repo(self.root / "work" / name)

    @contextmanager
    def daemon(self, failpoint: str = "") -> Iterator[subprocess.Popen[bytes]]:
        """`gitferry run` with its vault unlocked; it is ended with the block where it did not end by itself."""
        armed = {"GITFERRY_FAILPOINT": failpoint} if failpoint else {}
        with self.log.open("ab") as output:
            process = subprocess.Popen([*COMMAND, "run"], env=self._environ | armed, stdout=output, stderr=output)
        try:
            # A killed one leaves its socket: ask until somebody answers.
            until(lambda: self._answers(process))
            self.ask(lambda daemon: daemon.unlock(self.passphrase.decode()))
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WITHIN)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, self.log.read_text()
        with suppress(GitferryError):
            return bool(self.ask(lambda daemon: daemon.daemon())["running"])
        return False

    def ask(self, question: Callable[[Client], dict[str, Any]]) -> dict[str, Any]:
        """The daemon's answer over its socket, which the search goes through too."""
        with Client(socket_to_bind(self._environ)) as client:
            answer = question(client)
        with (self.root / "answers").open("a") as file:
            file.write(json.dumps(answer) + "\n")
        return answer

    def save(self, text: str, *names: str) -> None:
        """An edit in each clone, or in those that are named."""
        for name in names or self.logins:
            self.clone(name).write("tasks/celsius/main.js", f"// {text}\n")

    def cross(self, text: str) -> None:
        """An edit in each clone is pushed by the daemon."""
        before = self.tips()
        self.save(text)
        until(lambda: all(now != then for now, then in zip(self.tips(), before, strict=True)))

    def tips(self) -> list[str]:
        """Each remote's main, read as a push leaves it: a loose ref, else packed."""
        files = [remote.root / "refs" / "heads" / "main" for remote in self.remotes.values()]
        return [file.read_text() if file.exists() else "" for file in files]

    def errors(self) -> dict[str, str]:
        """What is wrong with each repository that fails."""
        rows = self.ask(lambda daemon: daemon.status())["repositories"]
        return {row["name"]: row["last_error"] for row in rows if row["last_error"]}

    def tell(self, tried: Iterable[str]) -> None:
        """Have the daemon and the command line say all they know, and some credentials tried."""
        self.ask(lambda daemon: daemon.status())
        self.ask(lambda daemon: daemon.log())
        self.ask(lambda daemon: daemon.tasks())
        self.ask(lambda daemon: daemon.push_status())
        self.ask(lambda daemon: daemon.conflicts())
        self.ask(lambda daemon: daemon.audit())
        self.ask(lambda daemon: daemon.vault())
        verbs = ["config show", "credentials list", *(f"credentials test {name}" for name in tried)]
        self.run(*verbs, given=(self.passphrase + b"\n") * len(verbs))

    def search(self) -> dict[str, str]:
        """The files that hold a secret, each with the place that it belongs to."""
        found = in_files(self.root, self.secrets) + in_files(self.runtime, self.secrets)
        return {hit: self._place(Path(hit)) for hit in found}

    def _place(self, path: Path) -> str:
        places = {
            self.log: "log",
            self.state / "gitferry.db": "database",
            self.state / "gitferry.db-wal": "write-ahead log",
            self.state / "crashes": "crash files",
            self.state: "state directory",
            self.runtime: "runtime directory",
            self.root / "tmp": "temporary files",
            self.root / "traces": "arguments of git and its children",
            self.root / "answers": "answers",
        }
        named = next((places[each] for each in (path, *path.parents) if each in places), None)
        inside = "objects" if "objects" in path.parts else ".git/config" if path.name == "config" else "files"
        if "gitferry" in path.parts and ".git" in path.parts:
            inside = "what gitferry keeps in .git"
        return named or inside


def until(done: Callable[[], bool]) -> None:
    """Wait for something that must come about."""
    end = time.monotonic() + WITHIN
    while not done():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
