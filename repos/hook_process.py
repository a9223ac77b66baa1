"""One hook as a process: the last of what it said, a deadline, and nothing of it left in the way.

A hook may start what it likes. When it ends, the background jobs in its process group end with it. A process that it
sent off into a session of its own (a build's daemon) is left alone, as git leaves it, unless the hook was stopped at
its deadline: then everything goes that is in its session or has its mark in the environment.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitferry.repos.git import GitCancelled
from gitferry.security.redact import redact

#: Set for every hook and what it starts, so that a hook can tell that it looks at a scratch repository.
MARK: Final = "GITFERRY_HOOK"

KEPT: Final = 20 << 10  # characters of a hook's output; what comes last tells most
_READ: Final = 4 * KEPT  # bytes; more than is kept, so that no secret is cut in two before it is recognised
_POLL: Final = 0.25  # seconds between two looks at `cancel` and the deadline
_TERMINATE: Final = 2.0  # seconds from SIGTERM to SIGKILL
_LINGER: Final = 0.5  # seconds that output may stay open after the hook ended
_NOT_STARTED: Final = 126  # as a shell says it
_BUSY: Final = 40  # tries to start a file that another thread's new process still holds open for writing


@dataclass(frozen=True, slots=True)
class Ended:
    """What a hook left: its exit code (128 + n for a signal), both its outputs in one, redacted."""

    code: int
    output: str
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class _Limits:
    end: float  # of the monotonic clock
    cancel: threading.Event | None


def run(
    command: Sequence[str],
    *,
    top: Path,
    environ: Mapping[str, str],
    data: bytes | None = None,
    deadline: float,
    cancel: threading.Event | None = None,
) -> Ended:
    """Run a hook in `top` with `data` (a few lines; None: nothing at all) as its input; `deadline` is in seconds.

    What cannot be started has failed, as it has for git. Raises GitCancelled once `cancel` is set.
    """
    mark = secrets.token_hex(8)
    limits = _Limits(time.monotonic() + deadline, cancel)
    with contextlib.ExitStack() as stack:
        output, written = os.pipe()
        stack.callback(os.close, output)
        try:
            process = _started(command, top, {**environ, MARK: mark}, data is not None, written)
        except OSError as failure:
            return Ended(_NOT_STARTED, f"{command[0]} cannot be started: {failure.strerror or failure}")
        finally:
            os.close(written)
        stack.callback(_stop, process, mark)
        _feed(process, data)
        said, timed_out = _watched(process, output, limits)
        if timed_out:
            _stop(process, mark)
        if said is None:
            raise GitCancelled(top, ("hook", *command[:1]))
        code = process.wait()
    return Ended(code if code >= 0 else 128 - code, _readable(said), timed_out)


def _started(
    command: Sequence[str], top: Path, environ: Mapping[str, str], fed: bool, output: int
) -> subprocess.Popen[bytes]:
    """Start it as git does: a file without `#!` is given to sh (run-command.c)."""
    words = list(command)
    for attempt in range(_BUSY):
        try:
            return subprocess.Popen(
                words,
                cwd=top,
                env=environ,
                stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as failure:
            if failure.errno == errno.ENOEXEC and words == list(command):
                words = ["sh", *command]
            elif failure.errno != errno.ETXTBSY or attempt == _BUSY - 1:
                raise
            else:
                time.sleep(0.005)
    raise AssertionError("the loop returns or raises")


def _feed(process: subprocess.Popen[bytes], data: bytes | None) -> None:
    if process.stdin is not None and data is not None:
        with contextlib.suppress(BrokenPipeError):  # it need not read
            process.stdin.write(data)
            process.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _watched(process: subprocess.Popen[bytes], output: int, limits: _Limits) -> tuple[bytes | None, bool]:
    """Return what the hook said once it ended, and whether that was at its deadline; None where we are to stop.

    It is not reaped yet: its zombie keeps the group's number from being given to strangers.
    """
    said, ended = bytearray(), None
    with selectors.DefaultSelector() as selector, _pidfd(process.pid) as pidfd:
        selector.register(output, selectors.EVENT_READ)
        selector.register(pidfd, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(min(_POLL, max(0.0, limits.end - time.monotonic())))}
            now = time.monotonic()
            if output in ready:
                chunk = os.read(output, _READ)
                said = (said + chunk)[-_READ:]
                if not chunk:
                    selector.unregister(output)
            if pidfd in ready:
                selector.unregister(pidfd)
                ended = now
                _signal_group(process.pid, signal.SIGTERM)
            if ended is not None and (output not in selector.get_map() or now - ended >= _LINGER):
                _signal_group(process.pid, signal.SIGKILL)
                return bytes(said), False
            if ended is None and limits.cancel is not None and limits.cancel.is_set():
                return None, False
            if ended is None and now >= limits.end:
                return bytes(said), True


@contextlib.contextmanager
def _pidfd(process: int) -> Iterator[int]:
    """A descriptor that is ready for reading once the process has ended (pidfd_open(2))."""
    handle = os.pidfd_open(process)
    try:
        yield handle
    finally:
        os.close(handle)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _stop(process: subprocess.Popen[bytes], mark: str) -> None:
    """End the hook and all that it started: SIGTERM, then SIGKILL for what is left after two seconds."""
    if process.returncode is not None:
        return
    _signal_group(process.pid, signal.SIGTERM)
    for handle in _started_by(process.pid, mark):
        _signal(handle, signal.SIGTERM)
    end = time.monotonic() + _TERMINATE
    while time.monotonic() < end and not _has_ended(process):
        time.sleep(0.02)
    _signal_group(process.pid, signal.SIGKILL)
    for _ in range(3):  # each look may find what was started during the one before
        left = 0
        for handle in _started_by(process.pid, mark):
            _signal(handle, signal.SIGKILL)
            left += 1
        if not left:
            break
    process.wait()


def _started_by(leader: int, mark: str) -> Iterator[int]:
    """Yield a pidfd of each other process that runs in the hook's session or has its mark; the receiver closes it."""
    sign = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == leader:
            continue
        try:
            handle = os.pidfd_open(int(entry.name))
        except OSError:
            continue  # it has ended
        try:
            # proc(5): the fields after the name, which may hold anything, begin with state, parent, group, session.
            state, _, _, session, *_ = (entry / "stat").read_bytes().rpartition(b") ")[2].split()
            alive = state not in (b"Z", b"X")
            if alive and (int(session) == leader or sign in (entry / "environ").read_bytes().split(b"\0")):
                yield handle
                continue
        except OSError:
            pass  # it has ended, or is another user's
        os.close(handle)


def _signal(handle: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        signal.pidfd_send_signal(handle, number)
    os.close(handle)


def _signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a group that may consist of zombies only, which some kernels refuse to signal."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _readable(said: bytes) -> str:
    """The last part of an output as text without secrets, from the start of a line on."""
    text = redact(said.decode("utf-8", "replace"))
    if len(said) < _READ and len(text) <= KEPT:
        return text.rstrip()
    last = text[-KEPT:]
    _, newline, whole = last.partition("\n")
    return f"(what came before is left out)\n{whole if newline else last}".rstrip()
