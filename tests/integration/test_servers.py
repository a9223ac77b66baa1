"""The servers themselves, by plain git: what the tests over them may rely on."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.tests.integration import servers
from gitferry.tests.integration.servers import HttpServer, Server, SshServer
from gitferry.tests.repo import Repo


def test_clone_fetch_and_push(server: Server, remote: Repo, tmp_path: Path) -> None:
    here = Repo.clone(server.url(remote), tmp_path / "here")
    there = Repo.clone(server.url(remote), tmp_path / "there")
    here.write("tasks/celsius/main.js", "// over the wire\n")
    tip = here.commit("An edit")
    here.push()
    assert remote.tip("main") == tip
    there.pull()
    assert there.worktree() == here.worktree() == remote.tree("main")
    remote.fsck()


def test_a_pack_larger_than_one_http_buffer_arrives(server: Server, remote: Repo, tmp_path: Path) -> None:
    here = Repo.clone(server.url(remote), tmp_path / "here")
    here.write("noise.bin", secrets.token_bytes(3 * 1024 * 1024))
    tip = here.commit("Three megabytes that do not compress")
    here.push()
    assert remote.tip("main") == tip


def test_a_hook_of_the_server_can_refuse(server: Server, remote: Repo, tmp_path: Path) -> None:
    remote.hook("pre-receive", 'echo "no pushes on Sundays" >&2; exit 1')
    here = Repo.clone(server.url(remote), tmp_path / "here")
    before = remote.tip("main")
    here.commit("Refused", allow_empty=True)
    done = here.try_git("push")
    assert done.returncode == 1
    assert "no pushes on Sundays" in done.stderr
    assert "pre-receive hook declined" in done.stderr
    assert remote.tip("main") == before


def test_a_wrong_key_or_password_is_refused(server: Server, remote: Repo, home: Path, tmp_path: Path) -> None:
    url = server.url(remote)
    here = Repo.clone(url, tmp_path / "here")
    here.commit("Kept here", allow_empty=True)
    server.refuse(home)
    for command in ("fetch", "push"):
        done = here.try_git(command)
        assert done.returncode == 128
        assert "Permission denied" in done.stderr or "Authentication failed" in done.stderr
        server.refuse(home)  # git's helper forgets a password that was refused
    assert remote.tip("main") != here.head


def test_another_host_key_is_refused(
    ssh_server: SshServer, remote: Repo, clone: Callable[..., Repo], home: Path
) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", ssh_server.url(remote))
    ssh_server.impersonate(home)
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in here.try_git("fetch").stderr
    ssh_server.forget(home)
    assert "Host key verification failed" in here.try_git("fetch").stderr
    ssh_server.admit(home)
    here.fetch()


def test_without_a_password_nothing_is_asked(
    http_server: HttpServer, remote: Repo, clone: Callable[..., Repo], home: Path
) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", http_server.url(remote))
    http_server.forget(home)
    assert "terminal prompts disabled" in here.try_git("fetch").stderr


def test_a_repository_that_is_not_there(server: Server, tmp_path: Path, clone: Callable[..., Repo]) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", server.url(Repo(tmp_path / "nowhere.git")))
    done = here.try_git("fetch")
    assert done.returncode == 128
    assert "not found" in done.stderr or "does not appear to be a git repository" in done.stderr


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def refuses(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((servers.HOST, port)) != 0


def await_refusal(port: int) -> None:
    """sshd's child for the last connection holds the listening socket until it has started anew."""
    until = time.monotonic() + servers.STOPPED_WITHIN
    while not refuses(port):
        assert time.monotonic() < until, "a server outlived what started it"
        time.sleep(0.02)


@pytest.mark.parametrize("required", [True, False])
def test_a_missing_program_fails_where_servers_are_required(required: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "REQUIRED", required)
    with pytest.raises(pytest.fail.Exception if required else pytest.skip.Exception, match="is missing"):
        servers.program("no-such-server")


@pytest.mark.server
def test_stopped_servers_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "ssh").mkdir()
    (tmp_path / "http").mkdir()
    with servers.sshd(tmp_path / "ssh") as one, servers.lighttpd(tmp_path / "http", tmp_path) as two:
        assert not refuses(one.port)
        assert not refuses(two.port)
    for server in (one, two):
        assert gone(server.pid)
        await_refusal(server.port)


@pytest.mark.server
def test_a_killed_test_run_takes_its_servers_along(tmp_path: Path) -> None:
    servers.program("sshd")
    script = """
        import sys
        from pathlib import Path
        from gitferry.tests.integration import servers
        with servers.sshd(Path(sys.argv[1])) as server:
            print(server.port, flush=True)
            sys.stdin.read()
    """
    packages = Path(__file__).resolve().parents[2] / ".typing"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(packages)},
        text=True,
    ) as child:
        assert child.stdout
        port = int(child.stdout.readline())
        assert not refuses(port)
        child.kill()
    await_refusal(port)
