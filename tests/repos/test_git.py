"""The git program is started cleanly, ends in time, and fails with words a person can use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gitferry.repos.git import (
    Completed,
    Git,
    GitCancelled,
    GitError,
    GitMissing,
    GitTimeout,
    GitTooOld,
    clean_environment,
    version,
    zsplit,
)
from gitferry.tests.repo import Repo

HEX = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "work")


def shell(script: str) -> tuple[str, ...]:
    """Arguments that make git run a shell script as its child."""
    return ("-c", f"alias.script=!{script}", "script")


def alive(pid: int) -> bool:
    """Whether the process runs still; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_dead(*pids: int) -> None:
    """Wait for the end of processes that were killed: theirs is no end that `wait` of ours could tell."""
    end = time.monotonic() + 10
    while any(map(alive, pids)):
        assert time.monotonic() < end, "a process outlived its group"
        time.sleep(0.01)


def wait_for(condition: threading.Event | Path, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not (condition.is_set() if isinstance(condition, threading.Event) else condition.exists()):
        assert time.monotonic() < end, f"{condition} never came"
        time.sleep(0.01)


# -- what comes back


def test_output_is_bytes_and_messages_are_text(repo: Repo) -> None:
    (Path(os.fsdecode(bytes(repo.root) + b"/\xff"))).write_bytes(b"x")
    done = Git(repo.root).run("status", "--porcelain=v2", "-z", "--untracked-files=all")
    assert done == Completed(0, b"? \xff\0", "")
    assert zsplit(done.stdout) == ["? \udcff"]


def test_input_reaches_git(repo: Repo) -> None:
    big = os.urandom(1 << 20)
    oid = Git(repo.root).run("hash-object", "-w", "--stdin", input=big).text
    assert Git(repo.root).run("cat-file", "blob", oid).stdout == big


def test_without_input_standard_input_is_closed(repo: Repo) -> None:
    assert Git(repo.root).run("hash-object", "--stdin").text == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_failure_is_an_error_with_the_reason(repo: Repo) -> None:
    with pytest.raises(GitError) as failed:
        Git(repo.root).run("cat-file", "-p", HEX)
    assert (failed.value.code, failed.value.args_) == (128, ("cat-file", "-p", HEX))
    assert "git cat-file failed in" in failed.value.title and HEX in failed.value.title
    assert failed.value.hint


def test_unchecked_failure_is_returned(repo: Repo) -> None:
    assert Git(repo.root).run("rev-parse", "--verify", "--quiet", "HEAD", check=False) == Completed(1, b"", "")


def test_a_password_in_arguments_and_messages_is_hidden(repo: Repo) -> None:
    with pytest.raises(GitError) as failed:
        Git(repo.root).run("ls-remote", "http://user:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in f"{failed.value}{failed.value.stderr}{failed.value.args_}"


def test_too_many_arguments_is_an_error_not_a_crash(repo: Repo) -> None:
    with pytest.raises(GitError, match="did not start"):
        Git(repo.root).run("rev-parse", "x" * (1 << 22))


@pytest.mark.parametrize(("data", "items"), [(b"", []), (b"a\0b\0", ["a", "b"]), (b"\0", [""]), (b"a", ["a"])])
def test_zsplit(data: bytes, items: list[str]) -> None:
    assert zsplit(data) == items


# -- which repository


def test_the_working_directory_does_not_matter(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert Git(repo.root).run("rev-parse", "--show-toplevel").text == str(repo.root)


def test_a_vanished_repository_is_not_replaced_by_the_one_around_it(repo: Repo) -> None:
    inner = Repo.init(repo.root / "inner")
    git = Git(inner.root)
    (inner.root / ".git").rename(repo.root / "away")
    with pytest.raises(GitError, match="not a git repository"):
        git.run("rev-parse", "--git-dir")


def test_a_repository_is_found_from_a_directory_in_it(repo: Repo) -> None:
    below = repo.root / "a" / "b"
    below.mkdir(parents=True)
    assert Git(below).run("rev-parse", "--show-toplevel").text == str(repo.root)


def test_a_named_git_directory_wins(repo: Repo, tmp_path: Path) -> None:
    other = Repo.init(tmp_path / "other")
    found = Git(repo.root, git_dir=other.root / ".git").run("rev-parse", "--absolute-git-dir")
    assert found.text == str(other.root / ".git")


def test_through_a_symbolic_link(repo: Repo, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(repo.root)
    assert Git(link).run("rev-parse", "--show-toplevel").text == str(repo.root)


# -- the environment


def test_variables_of_a_hook_do_not_redirect_us(repo: Repo, tmp_path: Path) -> None:
    other = Repo.init(tmp_path / "other")
    hook = {
        "GIT_DIR": str(other.root / ".git"),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_WORK_TREE": str(other.root),
        "GIT_CONFIG_PARAMETERS": "'core.bare'='true'",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"),
        "GIT_TRACE": "1",
    }
    done = Git(repo.root, environ={**os.environ, **hook}).run("rev-parse", "--absolute-git-dir", "--is-bare-repository")
    assert (done.text, done.stderr) == (f"{repo.root / '.git'}\nfalse", "")


def test_what_the_user_needs_is_kept() -> None:
    given = {"PATH": "/bin", "GIT_SSH_COMMAND": "ssh -v", "GIT_AUTHOR_NAME": "A", "GIT_SSL_NO_VERIFY": "1"}
    kept = clean_environment(given)
    assert (kept["PATH"], kept["GIT_SSH_COMMAND"], kept["GIT_AUTHOR_NAME"]) == ("/bin", "ssh -v", "A")
    assert "GIT_SSL_NO_VERIFY" not in kept and "GIT_SSH" not in kept


def test_messages_are_english_whatever_the_locale(repo: Repo) -> None:
    environ = {**os.environ, "LANG": "de_DE.UTF-8", "LC_MESSAGES": "de_DE.UTF-8", "LANGUAGE": "de"}
    with pytest.raises(GitError, match="fatal: Not a valid object name"):
        Git(repo.root, environ=environ).run("cat-file", "-p", "nothing")


def test_our_settings_hold_over_the_repository_s(repo: Repo) -> None:
    repo.git("config", "core.hooksPath", str(repo.root / "hooks"))
    repo.git("config", "core.fsmonitor", "true")
    repo.git("config", "gc.auto", "1")
    git = Git(repo.root)
    values = [git.run("config", name).text for name in ("core.hooksPath", "core.fsmonitor", "gc.auto", "core.fsync")]
    assert values == ["/dev/null", "false", "0", "all"]


def test_extra_settings_and_variables_are_for_one_call(repo: Repo) -> None:
    git = Git(repo.root)
    script = shell('echo "$EXTRA/$(git config some.key)"')
    assert git.run(*script, extra_env={"EXTRA": "x"}, extra_config=("some.key=y",)).text == "x/y"
    assert git.run(*script).text == "/"


def test_nothing_asks_for_a_password(repo: Repo, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\ntouch {asked}\necho secret\n")
    askpass.chmod(0o755)
    repo.git("config", "core.askPass", str(askpass))
    environ = {**os.environ, "GIT_ASKPASS": str(askpass), "SSH_ASKPASS": str(askpass), "DISPLAY": ":0"}
    request = b"protocol=https\nhost=example.org\n\n"
    with pytest.raises(GitError, match="terminal prompts disabled"):
        Git(repo.root, environ=environ).run("credential", "fill", input=request)
    assert not asked.exists()


def test_ssh_never_asks_unless_the_user_chose_another_ssh(repo: Repo, tmp_path: Path) -> None:
    log = tmp_path / "log"
    own = tmp_path / "bin"
    own.mkdir()
    (own / "ssh").write_text(f'#!/bin/sh\necho "$0 $*" >> {log}\nexit 255\n')
    (own / "chosen").write_text(f'#!/bin/sh\necho "chosen $*" >> {log}\nexit 255\n')
    for program in own.iterdir():
        program.chmod(0o755)
    environ = {**os.environ, "PATH": f"{own}:{os.environ['PATH']}"}
    git = Git(repo.root, environ=environ)
    git.run("ls-remote", "ssh://host/x", check=False, extra_env={"GITFERRY_CONNECT_TIMEOUT": "7"})
    first = log.read_text().splitlines()
    assert len(first) == 1, "git asked ssh what it is"
    assert "-oBatchMode=yes -oStrictHostKeyChecking=yes -oConnectTimeout=7" in first[0]

    repo.git("config", "core.sshCommand", str(own / "chosen"))
    git.run("ls-remote", "ssh://host/x", check=False)
    assert all(line.startswith("chosen ") for line in log.read_text().splitlines()[1:])


# -- deadlines and stopping


def test_the_deadline_ends_the_whole_group(repo: Repo) -> None:
    pids = repo.root / "pids"
    script = f"echo $$ > {pids}; sleep 60 & echo $! >> {pids}; mv {pids} {pids}.done; wait"
    started = time.monotonic()
    with pytest.raises(GitTimeout, match=r"had not ended after 0\.5 s"):
        Git(repo.root).run(*shell(script), deadline=0.5)
    assert time.monotonic() - started < 2
    found = [int(line) for line in Path(f"{pids}.done").read_text().split()]
    assert len(found) == 2
    wait_until_dead(*found)


def test_what_ignores_sigterm_is_killed(repo: Repo) -> None:
    pids = repo.root / "pids"
    script = f"trap '' TERM; echo $$ > {pids}; while :; do sleep 0.2; done"
    started = time.monotonic()
    with pytest.raises(GitTimeout):
        Git(repo.root).run(*shell(script), deadline=0.3)
    assert time.monotonic() - started < 5
    wait_until_dead(int(pids.read_text()))


def test_a_timeout_tells_the_last_words(repo: Repo) -> None:
    with pytest.raises(GitTimeout, match="waiting for the moon"):
        Git(repo.root).run(*shell("echo waiting for the moon >&2; sleep 60"), deadline=0.4)


def test_a_stopping_daemon_ends_a_long_call(repo: Repo) -> None:
    cancel = threading.Event()
    started = repo.root / "started"
    failures: list[BaseException] = []

    def call() -> None:
        try:
            Git(repo.root, cancel=cancel).run(*shell(f"touch {started}; sleep 60"), cancellable=True)
        except GitCancelled as stopped:
            failures.append(stopped)

    thread = threading.Thread(target=call)
    thread.start()
    wait_for(started)
    cancel.set()
    thread.join(3)
    assert not thread.is_alive() and len(failures) == 1


def test_a_stopping_daemon_finishes_its_local_step(repo: Repo) -> None:
    cancel = threading.Event()
    cancel.set()
    git = Git(repo.root, cancel=cancel)
    assert git.run(*shell("sleep 0.6; echo done")).text == "done"
    with pytest.raises(GitCancelled):
        git.run("version", cancellable=True)


def test_a_child_that_keeps_the_pipe_open_does_not_hold_us(repo: Repo) -> None:
    pid = repo.root / "pid"
    started = time.monotonic()
    done = Git(repo.root).run(*shell(f"echo out; echo err >&2; setsid sh -c 'echo $$ > {pid}; exec sleep 30' &"))
    try:
        assert (done.code, done.stdout, done.stderr) == (0, b"out\n", "err\n")
        assert time.monotonic() - started < 5
    finally:
        wait_for(pid)
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_an_interrupt_ends_git_too(repo: Repo) -> None:
    pid = repo.root / "pid"
    # One KeyboardInterrupt in a process of its own: git is in another session, so the terminal's ^C misses it.
    script = (
        "import sys, pathlib; from gitferry.repos.git import Git\n"
        "Git(pathlib.Path(sys.argv[1])).run('-c', 'alias.s=!echo $$ > pid.new; mv pid.new pid; sleep 60', 's')"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(repo.root)], stderr=subprocess.PIPE)
    with process:
        wait_for(pid)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert b"KeyboardInterrupt" in stderr
    assert not alive(int(pid.read_text()))


# -- the program itself


def fake_git(tmp_path: Path, says: str) -> dict[str, str]:
    program = tmp_path / "fake" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return {"PATH": str(program.parent)}


def test_no_git(tmp_path: Path) -> None:
    with pytest.raises(GitMissing) as missing:
        Git(tmp_path, environ={"PATH": str(tmp_path)}).run("status")
    assert "install git" in missing.value.hint


def test_an_old_git(tmp_path: Path) -> None:
    with pytest.raises(GitTooOld, match=r"2\.37\.9"):
        Git(tmp_path, environ=fake_git(tmp_path, "git version 2.37.9")).run("status")


def test_a_program_that_is_no_git(tmp_path: Path) -> None:
    with pytest.raises(GitMissing, match="is no git"):
        Git(tmp_path, environ=fake_git(tmp_path, "hello")).run("status")


def test_vendors_versions(tmp_path: Path) -> None:
    assert version(fake_git(tmp_path, "git version 2.50.1 (Apple Git-155)")) == (2, 50, 1)
    assert version() >= (2, 38)
