"""A hook ends when it ends, or at its deadline, and takes with it what it did not send off on purpose."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gitferry.repos import hook_process
from gitferry.repos.hook_process import MARK, Ended


def run(
    tmp_path: Path,
    body: str,
    *,
    data: bytes | None = None,
    deadline: float = 30.0,
    environ: dict[str, str] | None = None,
) -> Ended:
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\n{body}\n")
    hook.chmod(0o755)
    return hook_process.run(
        ["./hook", "an", "argument"], top=tmp_path, environ=environ or dict(os.environ), data=data, deadline=deadline
    )


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Whether a process that was killed has ended, which takes the kernel a moment."""
    for _ in range(200):
        if not alive(pid):
            return True
        time.sleep(0.01)
    return False


def test_codes_and_outputs(tmp_path: Path) -> None:
    assert run(tmp_path, 'echo "$@"; echo bad >&2; exit 7') == Ended(7, "an argument\nbad")
    assert run(tmp_path, "kill -KILL $$") == Ended(137, "")
    assert run(tmp_path, "printf 'caf\\351'") == Ended(0, "caf�")


def test_input(tmp_path: Path) -> None:
    assert run(tmp_path, "cat; test -p /dev/stdin", data=b"one\ntwo\n") == Ended(0, "one\ntwo")
    assert run(tmp_path, "cat; test -c /dev/stdin") == Ended(0, "")
    assert run(tmp_path, "exec <&-; sleep 0.05", data=b"x" * 4000).code == 0


def test_there_is_no_terminal(tmp_path: Path) -> None:
    assert run(tmp_path, "exec 2>&-; (: < /dev/tty) && echo a terminal").output == ""


def test_a_hook_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    assert run(tmp_path, "exec >&- 2>&-; sleep 0.3; exit 5") == Ended(5, "")


def test_secrets_are_hidden_and_the_start_of_much_output_is_left_out(tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    assert run(tmp_path, f"echo https://u:{token}@host/").output == "https://u:***@host/"
    ended = run(tmp_path, f"yes {token} | head -c 300000; echo; echo end")
    assert token[:20] not in ended.output and ended.output.endswith("\nend")
    assert len(ended.output) <= hook_process.KEPT + 40
    ended = run(tmp_path, "head -c 300000 /dev/zero | tr '\\0' x")
    assert ended.output.count("x") == hook_process.KEPT


def test_background_jobs_end_with_the_hook(tmp_path: Path) -> None:
    ended = run(tmp_path, "sleep 100 & echo $!; sleep 100 >/dev/null 2>&1 & echo $!; exit 3")
    assert ended.code == 3
    assert all(gone(int(pid)) for pid in ended.output.split())


def test_a_daemon_is_left_alone_and_not_waited_for(tmp_path: Path) -> None:
    start = time.monotonic()
    ended = run(tmp_path, "setsid sh -c 'echo $$; exec sleep 100' & sleep 0.2")
    daemon = int(ended.output)
    try:
        assert ended.code == 0 and alive(daemon)
        assert time.monotonic() - start < 50, "it holds the output open"
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_at_the_deadline_nothing_is_left(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        "trap '' TERM\nsleep 100 & echo $!\nsetsid sleep 100 & echo $!\nenv -i sleep 100 & echo $!\n"
        "bash -mc 'sleep 100 & echo $!' 2>/dev/null\n"
        "(setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' &)\n"
        "echo $$; while :; do sleep 1; done",
        deadline=0.5,
    )
    pids = [int(pid) for pid in ended.output.split()]
    assert ended.timed_out and len(pids) == 6
    assert [pid for pid in pids if not gone(pid)] == []


def test_a_deadline_holds_however_much_is_said(tmp_path: Path) -> None:
    ended = run(tmp_path, "yes", deadline=0.3)
    assert ended.timed_out and ended.output.endswith("y\ny")


def test_what_cannot_be_started(tmp_path: Path) -> None:
    ended = hook_process.run(["./none"], top=tmp_path, environ={}, deadline=1)
    assert ended == Ended(126, "./none cannot be started: No such file or directory")


def test_each_run_has_a_mark_of_its_own(tmp_path: Path) -> None:
    marks = {run(tmp_path, f"echo ${MARK}", environ={"PATH": os.environ["PATH"], MARK: "x"}).output for _ in range(2)}
    assert len(marks) == 2 and "x" not in marks


def test_a_file_that_is_still_open_for_writing_is_waited_for(tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\necho ran\n")
    hook.chmod(0o755)
    with hook.open("a") as held:
        threading.Timer(0.1, held.close).start()
        ended = hook_process.run(["./hook"], top=tmp_path, environ=dict(os.environ), deadline=10)
    assert ended == Ended(0, "ran")


def test_an_exception_ends_the_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> None:
        for _ in range(500):
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                break
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(hook_process, "_watched", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "echo $$ > pid; exec sleep 100")
    assert gone(int((tmp_path / "pid").read_text()))
