"""`gitferry demo` as a person runs it: it passes, it notices what does not arrive, and it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitferry.tests.daemon.test_process import until

COMMAND = [sys.executable, "-c", "import sys; from gitferry.daemon.cli.main import main; sys.exit(main())", "demo"]


@pytest.fixture
def environ(runtime_directory: Path, tmp_path: Path) -> dict[str, str]:
    """A user without any git settings, whose temporary directory is the test's own."""
    nobody = tmp_path / "nobody"
    nobody.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITFERRY_", "XDG_"))}
    return kept | {"HOME": str(nobody), "TMPDIR": str(runtime_directory)}


def daemons(directory: Path) -> list[str]:
    """The processes whose command line names something below the directory."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:  # it ended meanwhile
                continue
            if os.fsencode(directory) in words:
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found


def run(environ: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=100, env=environ, check=False)


def test_everything_arrives_and_the_conflict_is_named(environ: dict[str, str], runtime_directory: Path) -> None:
    done = run(environ)
    assert done.returncode == 0, done.stdout + done.stderr
    for told in ("poem added", "report deleted", "celsius renamed", "Both clones equal the remote", "Nothing is lost"):
        assert told in " ".join(done.stdout.split())
    assert "weather  conflict" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert daemons(runtime_directory) == []
    assert list(runtime_directory.iterdir()) == []


def test_what_is_kept_can_be_looked_at(environ: dict[str, str], runtime_directory: Path) -> None:
    done = run(environ, "--keep", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["passed"] is True
    root = Path(said["directory"])
    assert root.parent == runtime_directory
    assert daemons(runtime_directory) == []
    for side in ("ada", "ben"):
        assert (root / side / "tasks" / "tasks" / "temperature" / "prompt.md").is_file()
        assert "stopped" in (root / side / "daemon.log").read_text()
    lines = {(root / side / "tasks" / "tasks" / "weather" / "prompt.md").read_text() for side in ("ada", "ben")}
    assert len(lines) == 2


def test_pushes_that_are_refused_make_it_fail(environ: dict[str, str], runtime_directory: Path) -> None:
    started = time.monotonic()
    done = run(environ | {"GITFERRY_DEMO_REFUSE": "1"})
    assert done.returncode == 1, done.stdout + done.stderr
    assert time.monotonic() - started < 40
    assert "did not arrive" in done.stderr
    assert "this remote refuses every push" in done.stderr
    assert daemons(runtime_directory) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_an_interrupted_demo_stops_its_daemons(
    environ: dict[str, str], runtime_directory: Path, number: signal.Signals, code: int
) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "Two daemons run" in line:
                break
        # Besides them, a git that one of them just started may run; before it is git, it has the daemon's command line.
        until(lambda: sum(line.rstrip().endswith(" run") for line in daemons(runtime_directory)) == 2)
        demo.send_signal(number)
        demo.stdout.read()
        assert demo.wait(30) == code
    assert daemons(runtime_directory) == []
    assert list(runtime_directory.iterdir()) == []
