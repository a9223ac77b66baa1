"""`add` shows and asks before anything first leaves; `remove` takes nothing away but the settings' entry."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.tests import samples
from gitferry.tests.daemon.cli.conftest import COMMAND, Gitferry
from gitferry.tests.integration.servers import SshServer
from gitferry.tests.repo import Repo

TASK = samples.TASKS[0]


def at_a_terminal(*arguments: str, answer: str) -> tuple[int, str]:
    """Run the command at a pseudo-terminal, type `answer` at its question; return its code and what it said."""
    ours, theirs = os.openpty()
    process = subprocess.Popen([*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said, answered, give_up = b"", False, time.monotonic() + 60
    while time.monotonic() < give_up:
        if not select.select([ours], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(ours, 4096)
        except OSError:  # EIO: the last user of the other side is gone, pty(7)
            break
        said += piece
        if not answered and said.rstrip().endswith((b"]:", b"[n]o:")):
            os.write(ours, answer.encode() + b"\n")
            answered = True
    os.close(ours)
    return process.wait(30), said.decode()


@pytest.fixture
def edited(clone: Callable[..., Repo]) -> Repo:
    """A tree with an uncommitted task and an unpushed commit."""
    tree = clone("work")
    tree.write("README.md", "ours\n")
    tree.commit("A commit of my own")
    tree.write(f"{TASK.directory}/notes.txt", "mine\n")
    return tree


def test_without_a_terminal_pushes_are_held(gitferry: Gitferry, edited: Repo, remote: Repo, settings: Path) -> None:
    before = remote.tip("main")
    said = gitferry("add", str(edited.root))
    assert settings.exists()
    for fact in ("main → origin/main", "layout directory", TASK.name, TASK.version, "A commit of my own", "are held"):
        assert fact in said.out
    gitferry("sync", code=None)
    assert remote.tip("main") == before
    assert gitferry("status", "--json").json["repositories"][0]["held"] is True
    gitferry("push", "all")
    assert remote.tree("main")[f"{TASK.directory}/notes.txt"] == b"mine\n"
    assert "A commit of my own" in remote.log("main")


def test_resume_lets_held_pushes_go(gitferry: Gitferry, edited: Repo, remote: Repo) -> None:
    assert gitferry("add", str(edited.root), "--json").json["held"] is True
    assert gitferry("resume").out == "work: resumed\n"
    gitferry("sync")
    assert remote.tree("main")[f"{TASK.directory}/notes.txt"] == b"mine\n"


def test_yes_asks_nothing_and_holds_nothing(gitferry: Gitferry, edited: Repo, remote: Repo) -> None:
    assert gitferry("add", str(edited.root), "--name", "mine", "--yes", "--json").json["held"] is False
    gitferry("sync", "mine")
    assert remote.tree("main")[f"{TASK.directory}/notes.txt"] == b"mine\n"


@pytest.mark.parametrize(("answer", "code", "held"), [("y", 0, False), ("h", 0, True), ("n", 1, None)])
def test_at_a_terminal_it_asks(
    gitferry: Gitferry, edited: Repo, settings: Path, answer: str, code: int, held: bool | None
) -> None:
    ended, said = at_a_terminal("add", str(edited.root), answer=answer)
    assert ended == code, said
    assert "Add it, and push what is listed?" in said and TASK.name in said
    assert "error:" not in said
    assert settings.exists() is (held is not None)
    if held is not None:
        assert gitferry("status", "--json").json["repositories"][0]["held"] is held


def test_a_tree_with_nothing_to_push_asks_a_simple_question(clone: Callable[..., Repo], settings: Path) -> None:
    tree = clone("clean")
    code, said = at_a_terminal("add", str(tree.root), answer="n")
    assert (code, settings.exists()) == (1, False), said
    code, said = at_a_terminal("add", str(tree.root), answer="")
    assert (code, settings.exists()) == (0, True), said


def test_a_url_is_cloned_here(
    gitferry: Gitferry, remote: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    gitferry("add", f"file://{remote.root}", "--yes")
    tree = Repo(tmp_path / "here" / "remote")
    assert tree.tree() == remote.tree("main") == tree.worktree()
    (row,) = gitferry("status", "--json").json["repositories"]
    assert (row["name"], row["state"]) == ("remote", "healthy")


def test_a_url_shows_what_a_path_does_and_is_cloned_under_its_name(
    gitferry: Gitferry, remote: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = gitferry("add", f"file://{remote.root}", "--name", "two")
    for fact in ("main → origin/main", "layout directory", TASK.name, TASK.version):
        assert fact in said.out
    assert Repo(tmp_path / "two").tree() == remote.tree("main")
    (tmp_path / "two").rename(tmp_path / "moved")
    again = gitferry("add", f"file://{remote.root}", "--name", "two", code=1)
    assert again.err.startswith("error: a repository is named two already\n") and not (tmp_path / "two").exists()
    wrong = gitferry("add", f"file://{remote.root}", "--name", "a b", code=1)
    assert wrong.err.startswith('error: it cannot be added: name: "a b" is no name')


def test_an_interrupted_or_failed_clone_leaves_nothing(
    gitferry: Gitferry, tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    gitferry("add", f"file://{tmp_path}/none.git", code=1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"git://127.0.0.1:{silent.getsockname()[1]}/none.git"
        with subprocess.Popen([*COMMAND, "add", url]) as process:
            silent.settimeout(30)
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
            connection.close()
    assert list(Path.cwd().iterdir()) == [] and not settings.exists()


def test_a_remote_that_does_not_answer_is_warned_of(
    gitferry: Gitferry, clone: Callable[..., Repo], remote: Repo
) -> None:
    tree = clone("work")
    remote.root.rename(remote.root.with_name("moved.git"))
    said = gitferry("add", str(tree.root), "--yes")
    assert "the remote cannot be used now" in said.out and "work is added" in said.out


def test_without_a_branch_there_is_nothing_to_keep_in_step(
    gitferry: Gitferry, clone: Callable[..., Repo], settings: Path
) -> None:
    tree = clone("work")
    tree.git("switch", "--detach")
    said = gitferry("add", str(tree.root), code=1)
    assert said.err.startswith("error: HEAD is detached") and "--branch" in said.err and not settings.exists()
    gitferry("add", str(tree.root), "--branch", "main")
    tree.git("switch", "main")
    assert gitferry("status", "--json").json["repositories"][0]["held"] is True
    assert gitferry("add", "", code=2).err.startswith("error: PATH_OR_URL is empty\n")


def test_adding_twice_is_refused_by_name(gitferry: Gitferry, edited: Repo) -> None:
    gitferry("add", str(edited.root))
    said = gitferry("add", str(edited.root), code=1)
    assert "as work" in said.err


def test_what_is_no_working_tree_is_explained(gitferry: Gitferry, remote: Repo, tmp_path: Path, settings: Path) -> None:
    (tmp_path / "plain").mkdir()
    alone = Repo.init(tmp_path / "alone")
    for wrong in (tmp_path / "missing", tmp_path / "plain", remote.root, alone.root):
        said = gitferry("add", str(wrong), code=1)
        assert said.err.startswith("error: ") and "\n  " in said.err
    assert "unsafe" not in gitferry("add", "ext::sh -c whoami", code=1).out
    assert not settings.exists()


def test_remove_leaves_files_and_history(gitferry: Gitferry, edited: Repo, settings: Path) -> None:
    gitferry("add", str(edited.root), "--yes")
    before = edited.worktree()
    gitferry("remove", "work")
    assert gitferry("status", "--json").json["repositories"] == []
    assert edited.worktree() == before
    assert "work" in gitferry("remove", "work", code=1).err


def test_a_running_daemon_takes_it_at_once(
    gitferry: Gitferry, edited: Repo, remote: Repo, settings: Path, daemon: Callable[[], int]
) -> None:
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("version: 1\nrepositories: []  # none yet\n")
    daemon()
    gitferry("add", str(edited.root), "--yes")
    assert [row["name"] for row in gitferry("status", "--json").json["repositories"]] == ["work"]
    give_up = time.monotonic() + 30
    while f"{TASK.directory}/notes.txt" not in remote.tree("main") and time.monotonic() < give_up:
        time.sleep(0.1)
    assert remote.tree("main")[f"{TASK.directory}/notes.txt"] == b"mine\n"
    gitferry("remove", "work")
    assert gitferry("status", "--json").json["repositories"] == []
    assert "# none yet" in settings.read_text()


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_server_that_was_never_met_is_shown_and_asked_about(
    ssh_server: SshServer,
    remote: Repo,
    home: Path,
    tmp_path: Path,
    settings: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    known = home / ".ssh" / "known_hosts"
    line = known.read_text()
    ssh_server.forget(home)
    monkeypatch.chdir(tmp_path)
    code, said = at_a_terminal("add", "--yes", "--name", "met", ssh_server.url(remote), answer=answer)
    assert "SHA256:" in said
    assert (code, known.read_text()) == ((0, line) if answer == "y" else (1, "")), said
    assert (tmp_path / "met").exists() == settings.exists() == (answer == "y")


def test_a_tree_whose_server_was_never_met_is_asked_about(
    ssh_server: SshServer, remote: Repo, home: Path, edited: Repo, settings: Path
) -> None:
    edited.git("remote", "set-url", "origin", ssh_server.url(remote))
    ssh_server.forget(home)
    code, said = at_a_terminal("add", "--yes", str(edited.root), answer="y")
    assert "SHA256:" in said
    assert code == 0, said
    assert settings.exists()
    assert "ed25519" in (home / ".ssh" / "known_hosts").read_text()
