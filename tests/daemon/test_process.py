"""The daemon as a real process: one per state, stopped cleanly, one failing repository stopping no other."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gitferry.config.paths import socket_to_bind, state_dir
from gitferry.daemon.client import Client, connect
from gitferry.tests.daemon.cli.conftest import COMMAND
from gitferry.tests.repo import Repo

QUICK = {"quiet": "100ms", "max_wait": "1s"}


def settings(*repositories: dict[str, Any], **daemon: Any) -> Path:
    """Write the settings file; JSON is YAML."""
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "gitferry" / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {
            "version": 1,
            "daemon": {"log": {"format": "json", "level": "debug"}} | daemon,
            "defaults": {"watch": QUICK, "pull": {"every": "1s", "jitter": "0%"}, "retry": {"initial": "200ms"}},
            "repositories": list(repositories),
        }
    )
    written = path.with_suffix(".new")
    written.write_text(text)
    written.rename(path)
    return path


def entry(repo: Repo, **more: Any) -> dict[str, Any]:
    return {"name": repo.root.name, "path": str(repo.root)} | more


class Running:
    """One daemon process and its log."""

    def __init__(self, log: Path) -> None:
        self.log = log
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gitferry.daemon.process"], stderr=file, stdout=file, cwd="/"
            )

    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def actions(self) -> list[str]:
        return [fact.get("action", "") for fact in self.facts()]

    def client(self) -> Client:
        return Client(socket_to_bind(os.environ))

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)


@contextmanager
def running(tmp_path: Path, name: str = "daemon") -> Iterator[Running]:
    daemon = Running(tmp_path / f"{name}.log")
    try:
        until(lambda: answers() or daemon.process.poll() is not None, 20)
        assert daemon.process.poll() is None, daemon.log.read_text()
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait(10)


def answers() -> bool:
    found = connect(os.environ)
    if found is not None:
        found.close()
    return found is not None


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def row(client: Client, name: str) -> dict[str, Any]:
    return next(each for each in client.status()["repositories"] if each["name"] == name)


def test_a_save_travels_to_the_other_clone(tmp_path: Path, clone: Callable[..., Repo], remote: Repo) -> None:
    here, there = clone("here"), clone("there")
    settings(entry(here), entry(there))
    with running(tmp_path) as daemon:
        until(lambda: all(each["state"] == "healthy" for each in daemon.client().status()["repositories"]))
        here.write("notes.txt", "from here\n")
        until(lambda: there.path("notes.txt").exists())
        assert there.path("notes.txt").read_text() == "from here\n"
        assert remote.git("show", "main:notes.txt") == "from here"
        assert daemon.stop() == 0
    assert here.git("status", "--porcelain") == ""


def test_a_second_daemon_is_refused_with_the_firsts_pid(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    settings(entry(clone()))
    with running(tmp_path) as daemon:
        second = subprocess.run(
            [sys.executable, "-m", "gitferry.daemon.process"], capture_output=True, text=True, timeout=20
        )
        assert second.returncode == 1
        assert str(daemon.process.pid) in second.stderr
        assert daemon.client().daemon()["pid"] == daemon.process.pid
        assert daemon.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_without_socket_pid_or_lock(
    tmp_path: Path, clone: Callable[..., Repo], number: signal.Signals
) -> None:
    work = clone()
    settings(entry(work))
    with running(tmp_path) as daemon:
        until(lambda: row(daemon.client(), "work")["state"] == "healthy")
        assert daemon.stop(number) == 0
        assert [action for action in daemon.actions() if action != "git"][-2:] == ["stopping", "stopped"]
    assert not socket_to_bind(os.environ).exists()
    assert not (state_dir(os.environ) / "daemon.pid").exists()
    assert list(work.root.glob(".git/**/*.lock")) == []
    assert not answers()


def test_what_a_killed_daemon_left_does_not_stop_the_next(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    settings(entry(clone()))
    with running(tmp_path, "first") as first:
        first.stop(signal.SIGKILL)
        assert socket_to_bind(os.environ).exists()
    with running(tmp_path, "second") as second:
        assert second.client().daemon()["pid"] == second.process.pid
        assert second.stop() == 0


def test_a_failing_repository_stops_no_other(tmp_path: Path, clone: Callable[..., Repo], remote: Repo) -> None:
    good, bad = clone("good"), clone("bad")
    (bad.root / ".git" / "HEAD").write_text("nonsense")
    settings(entry(bad), {"name": "gone", "path": str(tmp_path / "gone")}, entry(good))
    with running(tmp_path) as daemon:
        client = daemon.client()
        until(lambda: row(client, "good")["state"] == "healthy")
        good.write("notes.txt", "x\n")
        until(lambda: remote.try_git("show", "main:notes.txt").returncode == 0)
        until(lambda: row(client, "bad")["state"] != "unknown" and row(client, "gone")["state"] != "unknown")
        for name in ("bad", "gone"):
            assert row(client, name)["last_error"] or row(client, name)["waiting_for"], row(client, name)
            assert row(client, name)["hint"]
        assert daemon.stop() == 0


def test_a_hanging_server_delays_neither_the_others_nor_the_end(
    tmp_path: Path, clone: Callable[..., Repo], remote: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, hanging = clone("good"), clone("hanging")
    hanging.git("remote", "set-url", "origin", "ssh://git@hanging.example.org/repo.git")
    mark = tmp_path / "asked"
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {mark}; exec sleep 600 #")
    settings(entry(hanging), entry(good))
    with running(tmp_path) as daemon:
        until(mark.exists)
        good.write("notes.txt", "x\n")
        until(lambda: remote.try_git("show", "main:notes.txt").returncode == 0)
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 10
    assert [line for line in commands() if str(mark) in line] == []
    assert list(hanging.root.glob(".git/**/*.lock")) == []


def test_a_remote_that_is_set_anew_is_gone_to_at_once(tmp_path: Path, clone: Callable[..., Repo], remote: Repo) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", "http://127.0.0.1:9/lost.git")
    settings(entry(here, pull={"enabled": False}, retry={"initial": "4m"}))
    with running(tmp_path) as daemon, daemon.client() as client:
        until(lambda: "offline" in daemon.actions())
        here.write("notes.txt", "x\n")
        here.git("remote", "set-url", "origin", str(remote.root))
        until(lambda: remote.try_git("show", "main:notes.txt").returncode == 0)
        until(lambda: row(client, "here")["url"] == str(remote.root))
        until(lambda: row(client, "here")["state"] == "healthy")


def commands() -> list[str]:
    """The command lines of all processes there are (proc(5))."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_text(errors="replace"))
        except OSError:
            continue  # it ended meanwhile
    return found


def test_files_are_for_their_owner_only_and_the_users_files_are_not(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    here, there = clone("here"), clone("there")
    settings(entry(here), entry(there))
    before = os.umask(0)
    try:
        with running(tmp_path) as daemon:
            here.write("notes.txt", "x\n")
            until(lambda: there.path("notes.txt").exists())
            assert there.path("notes.txt").stat().st_mode & 0o777 == 0o666
            until(lambda: (state_dir(os.environ) / "audit.head").exists())
            assert "open_file" not in daemon.actions()
            assert socket_to_bind(os.environ).stat().st_mode & 0o777 == 0o600
            for path in state_dir(os.environ).rglob("*"):
                assert path.stat().st_mode & 0o077 == 0, path
            assert daemon.stop() == 0
    finally:
        os.umask(before)


def test_its_memory_is_its_own_and_open_files_are_told(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    settings(entry(clone()))
    crashes = state_dir(os.environ) / "crashes"
    crashes.mkdir(parents=True)
    state_dir(os.environ).chmod(0o700)
    crashes.chmod(0o755)
    with running(tmp_path) as daemon:
        limits = Path(f"/proc/{daemon.process.pid}/limits").read_text().splitlines()
        assert next(line for line in limits if "core file" in line).split()[4:6] == ["0", "0"]
        # proc(5): the files of a process that is not dumpable belong to root.
        environ = Path(f"/proc/{daemon.process.pid}/environ")
        assert environ.stat().st_uid == 0
        if os.getuid() != 0:
            with pytest.raises(PermissionError):
                environ.read_bytes()
        until(lambda: "open_file" in daemon.actions())
        told = [fact["path"] for fact in daemon.facts() if fact.get("action") == "open_file"]
        assert told == [str(crashes)]
        assert daemon.stop() == 0


def test_a_pause_ends_by_itself(tmp_path: Path, clone: Callable[..., Repo], remote: Repo) -> None:
    work = clone()
    settings(entry(work, pull={"enabled": False}))
    with running(tmp_path) as daemon:
        client = daemon.client()
        until(lambda: row(client, "work")["state"] == "healthy")
        client.pause("work", 2)
        assert row(client, "work")["state"] == "paused"
        work.write("notes.txt", "x\n")
        time.sleep(1)
        assert remote.try_git("show", "main:notes.txt").returncode != 0
        until(lambda: remote.try_git("show", "main:notes.txt").returncode == 0)
        assert daemon.stop() == 0


def test_settings_are_applied_while_it_runs(tmp_path: Path, clone: Callable[..., Repo], remote: Repo) -> None:
    first, second = clone("first"), clone("second")
    path = settings(entry(first))
    with running(tmp_path) as daemon:
        client = daemon.client()
        until(lambda: row(client, "first")["state"] == "healthy")
        crossed = row(client, "first")["last_crossing_at"]
        settings(entry(first), entry(second))
        applied = client.reload()  # or before it, where the daemon saw the file by itself
        assert applied in [
            {"settings_error": None, "added": added, "changed": [], "removed": []} for added in (["second"], [])
        ]
        until(lambda: row(client, "second")["state"] == "healthy")
        path.write_text("repositories: [")
        until(lambda: client.status()["daemon"]["settings_error"] is not None, 5)
        assert [each["name"] for each in client.status()["repositories"]] == ["first", "second"]
        settings(entry(second, pull={"every": "1h"}))
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: len(client.status()["repositories"]) == 1, 5)
        assert client.status()["daemon"]["settings_error"] is None
        first.write("notes.txt", "not any more\n")
        time.sleep(0.5)
        assert remote.try_git("show", "main:notes.txt").returncode != 0
        assert crossed is not None
        assert daemon.stop() == 0


def test_a_removed_state_directory_ends_it_and_the_next_goes_on(
    tmp_path: Path, clone: Callable[..., Repo], remote: Repo
) -> None:
    work = clone()
    settings(entry(work))
    with running(tmp_path, "first") as first:
        until(lambda: row(first.client(), "work")["state"] == "healthy")
        shutil.rmtree(state_dir(os.environ))
        assert first.process.wait(10) == 1
        (said,) = [fact["message"] for fact in first.facts() if fact.get("action") == "lost"]
        assert str(state_dir(os.environ)) in said and "start it again" in said
    assert not state_dir(os.environ).exists()
    with running(tmp_path, "second") as second:
        work.write("notes.txt", "x\n")
        until(lambda: remote.try_git("show", "main:notes.txt").returncode == 0)
        assert second.stop() == 0


def test_of_two_after_a_removal_only_one_goes_on(
    tmp_path: Path, clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch, runtime_directory: Path
) -> None:
    # The socket lies in the state directory, so nothing at all tells the second of the first.
    monkeypatch.delenv("GITFERRY_RUNTIME_DIR")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("GITFERRY_STATE_DIR", str(runtime_directory / "state"))
    settings(entry(clone()))
    with running(tmp_path, "first") as first:
        shutil.rmtree(state_dir(os.environ))
        with running(tmp_path, "second") as second:
            assert first.process.wait(10) == 1
            assert second.client().daemon()["pid"] == second.process.pid, "the first took the second's socket along"
            assert (state_dir(os.environ) / "daemon.pid").read_text() == f"{second.process.pid}\n"
            assert second.stop() == 0


def test_a_removed_socket_ends_it(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    settings(entry(clone()))
    with running(tmp_path) as daemon:
        socket_to_bind(os.environ).unlink()
        assert daemon.process.wait(10) == 1
        assert "lost" in daemon.actions()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("GITFERRY_STATE_DIR", "/dev/null/state", "the state directory /dev/null/state cannot be used"),
        ("GITFERRY_RUNTIME_DIR", "/dev/null/run", "the socket /dev/null/run/gitferry.sock cannot be made"),
        ("PATH", "/nonexistent", "no git program on PATH (/nonexistent)"),
    ],
)
def test_what_it_cannot_start_without_is_named_with_its_remedy(
    clone: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    settings(entry(clone()))
    monkeypatch.setenv(variable, value)
    done = subprocess.run([*COMMAND, "run"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {said}") and "\n  → " in done.stderr


def in_step(client: Client) -> bool:
    return row(client, "work")["state"] == "healthy" and bool(client.names()["tasks"])


def damaged(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def outdated(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("ALTER TABLE tasks ADD COLUMN version TEXT NOT NULL DEFAULT ''")


@pytest.mark.parametrize("spoil", [damaged, outdated])
def test_an_index_that_cannot_be_used_is_moved_aside(
    tmp_path: Path, clone: Callable[..., Repo], spoil: Callable[[Path], None]
) -> None:
    settings(entry(clone()))
    file = state_dir(os.environ) / "gitferry.db"
    for turn in ("first", "second"):
        with running(tmp_path, turn) as daemon:
            client = daemon.client()
            until(partial(in_step, client))
            assert client.daemon()["notes"] == []
            assert ("store_aside" in daemon.actions()) is (turn == "second")
            assert daemon.stop() == 0
        if turn == "first":
            spoil(file)
    assert len(list(file.parent.glob("gitferry.db.broken-*"))) == 1


def test_an_index_of_a_later_version_is_refused_and_left(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    settings(entry(clone()))
    with running(tmp_path, "first") as daemon:
        assert daemon.stop() == 0
    file = state_dir(os.environ) / "gitferry.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    done = subprocess.run([*COMMAND, "run"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "made by a later gitferry" in done.stderr
    assert file.exists() and not list(file.parent.glob("*.broken-*"))


def test_an_unmounted_disk_is_waited_for(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    work = clone()
    settings(entry(work))
    away = tmp_path / "away"
    with running(tmp_path) as daemon:
        client = daemon.client()
        until(lambda: row(client, "work")["state"] == "healthy")
        work.root.rename(away)
        work.root.mkdir()
        client.sync()
        found = row(client, "work")
        assert (found["state"], found["waiting_for"]) == ("waiting", f"{work.root} holds no git repository")
        assert found["hint"].startswith("mount the disk") and "git init" not in found["hint"]
        assert client.tasks()["unreadable"][0]["hint"] == found["hint"]
        work.root.rmdir()
        away.rename(work.root)
        client.sync()
        assert row(client, "work")["state"] == "healthy"
        assert daemon.stop() == 0


def test_once_there_is_a_vault_others_may_not_reach_it(tmp_path: Path, clone: Callable[..., Repo]) -> None:
    settings(entry(clone()))
    state = state_dir(os.environ)
    state.mkdir(parents=True)
    state.chmod(0o755)
    with running(tmp_path, "before") as daemon:
        assert daemon.stop() == 0
    (state / "vault.lock").touch(mode=0o600)
    with pytest.raises(AssertionError, match="has mode 0755"), running(tmp_path, "after"):
        pass
