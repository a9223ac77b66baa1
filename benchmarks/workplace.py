"""A throw-away place to measure in: its own home, a remote and clones of a tree of any size, and a daemon."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
GITFERRY = BIN / "gitferry"
FILES_IN_A_TASK = 50
READY_WITHIN = 300.0  # seconds; the first look at 50,000 files on a busy machine
STOPPED_WITHIN = 30.0  # seconds
GITCONFIG = """\
[user]
\tname = Benchmark
\temail = benchmark@example.org
[init]
\tdefaultBranch = main
"""


class Failure(Exception):
    """The measurement could not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """A directory, and the environment in which everything measured runs."""

    root: Path
    environment: dict[str, str]

    def git(self, directory: Path, *args: str) -> str:
        """What git printed; `Failure` where it failed."""
        done = subprocess.run(
            ["git", *args], cwd=directory, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Failure(f"git {' '.join(args)}: {done.stderr}")
        return done.stdout.strip()

    def gitferry(self, *args: str) -> subprocess.CompletedProcess[str]:
        """The finished command, whatever its exit code."""
        return subprocess.run([GITFERRY, *args], env=self.environment, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def workplace() -> Iterator[Workplace]:
    """A workplace that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gitferry-bench-") as name:
        root = Path(name)
        (root / ".gitconfig").write_text(GITCONFIG)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "GITFERRY_", "XDG_"))}
        yield Workplace(
            root,
            kept
            | {
                "HOME": name,
                "GIT_CONFIG_NOSYSTEM": "1",
                "GITFERRY_CONFIG": f"{name}/config.yaml",
                "GITFERRY_STATE_DIR": f"{name}/state",
                "GITFERRY_RUNTIME_DIR": f"{name}/run",
            },
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """A bare remote on this machine and a clone of it."""

    remote: Path
    clone: Path

    @property
    def tip(self) -> str:
        """The remote's main, read as a push leaves it: a loose ref."""
        return (self.remote / "refs" / "heads" / "main").read_text().strip()


def file_name(number: int) -> str:
    return f"tasks/task-{number // FILES_IN_A_TASK:04}/part-{number % FILES_IN_A_TASK:02}.txt"


def pair(place: Workplace, name: str, files: int) -> Pair:
    """A remote whose main holds `files` files in task directories, and a clone that tracks it."""
    made = Pair(remote=place.root / f"{name}.git", clone=place.root / name)
    place.git(place.root, "init", "--quiet", "--bare", str(made.remote))
    place.git(made.remote, "config", "gc.auto", "0")
    place.git(place.root, "clone", "--quiet", str(made.remote), str(made.clone))
    for number in range(files):
        path = made.clone / file_name(number)
        if number % FILES_IN_A_TASK == 0:
            path.parent.mkdir(parents=True)
            manifest = {"name": path.parent.name, "version": "1.0.0"}
            path.with_name("metadata.json").write_text(json.dumps(manifest) + "\n")
        else:
            path.write_text(f"line one of {number}\nline two\n")
    place.git(made.clone, "add", "--all")
    place.git(made.clone, "commit", "--quiet", "--message", f"{files} files")
    place.git(made.clone, "push", "--quiet", "--set-upstream", "origin", "main")
    return made


def measured(clone: Path) -> list[dict[str, object]]:
    """The settings of one repository with all defaults."""
    return [{"name": "measured", "path": str(clone)}]


@contextlib.contextmanager
def daemon(
    place: Workplace, repositories: Sequence[Mapping[str, object]], quiet: float, *, max_batch_size: int = 10
) -> Iterator[None]:
    """`gitferry run` over these repositories, for as long as the block runs; it pulls only when asked to."""
    settings = {
        "version": 1,
        "defaults": {
            "pull": {"enabled": False},
            "pushback": {"max_batch_size": max_batch_size},
            "watch": {"quiet": f"{round(1000 * quiet)}ms", "max_wait": "30s", "reconcile": "12h"},
        },
        "repositories": list(repositories),
    }
    # Every JSON text is YAML 1.2.
    Path(place.environment["GITFERRY_CONFIG"]).write_text(json.dumps(settings, indent=2) + "\n")
    log = place.root / "daemon.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [GITFERRY, "run"], env=place.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        _await_idle(place, process, log)
        yield
        if process.poll() is not None:
            raise Failure(f"the daemon ended:\n{log.read_text(errors='replace')}")
    finally:
        process.terminate()
        try:
            process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_idle(place: Workplace, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when the daemon has made its first crossing of the repository."""
    until = time.monotonic() + READY_WITHIN
    answer = ""
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        done = place.gitferry("status", "--json")
        answer = done.stdout + done.stderr
        if done.returncode == 0:
            status = json.loads(done.stdout)
            rows = status["repositories"]
            if status["daemon"]["running"] and rows and all(row["last_crossing_at"] for row in rows):
                return
        time.sleep(0.2)
    raise Failure(f"the daemon was not ready:\n{answer}\n{log.read_text(errors='replace')}")
