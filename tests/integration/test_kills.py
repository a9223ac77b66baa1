"""Two daemons that are killed again and again while their users save: every file's last content arrives."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.tests.repo import Repo

RUN = [sys.executable, "-c", "import sys; from gitferry.daemon.cli.main import main; sys.exit(main())", "run"]
SETTINGS = """\
version: 1
defaults:
  pull: {{every: 1s}}
  watch: {{quiet: 200ms, max_wait: 1s}}
  pushback: {{conflict_strategy: fail}}
repositories:
  - {{name: tasks, path: {path}}}
"""


class Daemon:
    """One clone and the daemon that keeps it in step."""

    def __init__(self, repo: Repo, root: Path, runtime: Path) -> None:
        self.repo = repo
        self._environ = {
            **os.environ,
            "GITFERRY_STATE_DIR": str(root / f"{repo.root.name}-state"),
            "GITFERRY_RUNTIME_DIR": str(runtime / repo.root.name),
            "GITFERRY_CONFIG": str(root / f"{repo.root.name}.yaml"),
        }
        Path(self._environ["GITFERRY_CONFIG"]).write_text(SETTINGS.format(path=repo.root))
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(RUN, env=self._environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """Kill it as a crash would, and start another."""
        self.process.kill()
        self.process.wait()
        self.process = self._started()

    def stop(self) -> int:
        """End it as systemd does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.mark.soak
def test_what_was_saved_last_arrives_however_often_the_daemons_die(
    clone: Callable[..., Repo], remote: Repo, tmp_path: Path, runtime_directory: Path, seed: int
) -> None:
    chance = random.Random(seed)
    daemons = [Daemon(clone(name), tmp_path, runtime_directory) for name in ("here", "there")]
    last: dict[str, str] = {}
    try:
        for number in range(110):
            daemon = chance.choice(daemons)
            path = f"{daemon.repo.root.name}-{chance.randrange(8)}.txt"
            last[path] = f"save {number}\n" + "x" * chance.randrange(300)
            daemon.repo.write(path, last[path])
            time.sleep(chance.random() * 0.1)
            if chance.random() < 0.04:
                chance.choice(daemons).kill()
        deadline = time.monotonic() + 60
        clones = [daemon.repo for daemon in daemons]
        while time.monotonic() < deadline:
            if all(_has(repo, last) for repo in (remote, *clones)) and not any(repo.status() for repo in clones):
                break
            time.sleep(0.2)
    finally:
        codes = [daemon.stop() for daemon in daemons]
    assert codes == [0, 0]
    for repo in (remote, *(daemon.repo for daemon in daemons)):
        assert _has(repo, last)
        repo.fsck()
    for daemon in daemons:
        assert daemon.repo.status() == ""
        assert list(daemon.repo.path(".git").rglob("*.lock")) == []
    assert remote.is_linear("main")


def _has(repo: Repo, last: dict[str, str]) -> bool:
    tree = repo.tree("main")
    return all(tree.get(path) == text.encode() for path, text in last.items())
