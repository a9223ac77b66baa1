"""The git program: the one place that starts it, with a clean environment, a deadline and typed errors.

Nothing here ever prompts: standard input is closed, there is no controlling terminal (a session of its own), and
every askpass program is switched off. Sources: git(1), git-config(1), ssh(1).
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos import progress
from gitferry.repos.connecting import Connecting
from gitferry.repos.offer import Access
from gitferry.security.redact import redact, without_registered

log = logging.getLogger(__name__)

OLDEST: Final = (2, 38)
_SHOWN: Final = 300  # characters of a command in the log

# What a user sets on purpose to make git work on this machine. Everything else named GIT_* would point our calls
# at another repository, index or configuration than the one we name (a hook's environment holds all of these).
KEPT: Final = frozenset({
    "GIT_ALLOW_PROTOCOL",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_PROXY_COMMAND",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSL_CERT",
    "GIT_SSL_KEY",
})  # fmt: skip

_FIXED: Final = {
    "LC_ALL": "C.UTF-8",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    # Empty, not absent: an absent one falls through to core.askPass and SSH_ASKPASS.
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    # libgit2 knows no replace refs; both must see the same history.
    "GIT_NO_REPLACE_OBJECTS": "1",
}

_CONFIG: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.fsync=all",
    "core.fsyncMethod=fsync",
    "gc.auto=0",
    "maintenance.auto=false",
)
_OPTIONS: Final = tuple(word for setting in _CONFIG for word in ("-c", setting))

# GIT_SSH is what git falls back to: GIT_SSH_COMMAND and core.sshCommand go before it, so that a user's own choice
# stands without our asking git for it. git knows OpenSSH by the program's name, so the file is called `ssh`.
_BATCH_SSH: Final = Path(__file__).with_name("batch") / "ssh"

_POLL: Final = 0.25  # seconds between two looks at `cancel`
_TERMINATE: Final = 2.0  # seconds from SIGTERM to SIGKILL
_LINGER: Final = 1.0  # seconds that output may stay open after git ended


class GitError(GitferryError):
    """git ended with a code that is not 0. `stderr` and `args_` hold no secret."""

    def __init__(self, root: Path, args: Sequence[str], code: int, stderr: str) -> None:
        self.args_ = tuple(redact(word) for word in args)
        self.code = code
        self.stderr = stderr
        super().__init__(
            f"git {_verb(args)} failed in {root} (exit code {code}): {_reason(stderr)}",
            f"run the same by hand to see more: git -C {root} {' '.join(self.args_)}",
        )


class GitMissing(GitferryError):
    """There is no git program to start."""

    def __init__(self, search: str) -> None:
        super().__init__(
            f"no git program on PATH ({search or 'PATH is empty'})",
            "install git 2.38 or newer, or add its directory to PATH",
        )


class GitTooOld(GitferryError):
    """The git program is older than the oldest one we know to work."""

    def __init__(self, program: str, found: str) -> None:
        super().__init__(f"{program} is version {found}", "gitferry needs git 2.38 or newer: install a newer one")


class GitTimeout(GitferryError):
    """git was still running at its deadline and was ended with all its children."""

    def __init__(self, root: Path, args: Sequence[str], deadline: float, stderr: str = "") -> None:
        self.stderr = stderr
        said = f"; its last words: {_reason(stderr)}" if stderr.strip() else ""
        super().__init__(
            f"git {_verb(args)} in {root} had not ended after {deadline:g} s and was stopped{said}",
            "a slow disk or server needs a longer timeout; a hanging one needs a look",
        )


class GitUnconnected(GitTimeout):
    """git was ended because nobody answered its connection to a server."""


class GitCancelled(GitferryError):
    """git was ended because gitferry is stopping."""

    def __init__(self, root: Path, args: Sequence[str]) -> None:
        super().__init__(f"git {_verb(args)} in {root} was stopped because gitferry stops", "it is done again later")


@dataclass(frozen=True, slots=True)
class Completed:
    """What a git run left: exit code, raw standard output, redacted standard error."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text without its last newline; undecodable bytes as surrogates (PEP 383)."""
        return self.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


@dataclass(frozen=True, slots=True)
class _Limits:
    """What ends a run early: seconds for all of it, seconds to be connected, an event."""

    deadline: float
    connect: float | None
    cancel: threading.Event | None


def zsplit(data: bytes) -> list[str]:
    """The items of a NUL-separated listing, undecodable bytes as surrogates; a last NUL makes no empty item."""
    return data.decode("utf-8", "surrogateescape").removesuffix("\0").split("\0") if data else []


def _verb(args: Sequence[str]) -> str:
    """The subcommand in an argument list, past the options that go before it."""
    words = iter(args)
    for word in words:
        if word in {"-c", "-C", "--git-dir", "--work-tree"}:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return "(no subcommand)"


def _reason(stderr: str) -> str:
    """The one line of git's messages that says most: the first `fatal:` or `error:`, else the last line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    for start in ("fatal:", "error:"):
        for line in lines:
            if line.startswith(start):
                return line
    return lines[-1] if lines else "it said nothing"


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` as git is given it: no GIT_* but those in `KEPT`, English messages, nothing that prompts."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or name in KEPT}
    for name in ("LANGUAGE", "SSH_ASKPASS"):
        kept.pop(name, None)  # LANGUAGE translates messages even where LC_ALL says C.UTF-8
    if not {"GIT_SSH", "GIT_SSH_COMMAND"} & kept.keys() and os.access(_BATCH_SSH, os.X_OK):
        kept["GIT_SSH"] = str(_BATCH_SSH)
    return kept | _FIXED


@functools.cache
def _checked_version(program: str) -> tuple[int, ...]:
    """The version of `program`, asked once a process; raises GitTooOld or GitMissing."""
    try:
        answer = subprocess.run(
            [program, "version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise GitMissing(f"{program} does not start: {failure}") from failure
    text = answer.stdout.decode("utf-8", "replace").strip()
    found = re.search(r"\b(\d+)\.(\d+)(?:\.(\d+))?", text)
    if found is None:
        raise GitMissing(f"{program} is no git: it says {text[:80]!r}")
    version = tuple(int(part) for part in found.groups(default="0"))
    if version < OLDEST:
        raise GitTooOld(program, found.group())
    return version


_found: dict[str, str] = {}  # the git program on each PATH: looking along it for every command shows in a profile


def _program(search: str) -> str:
    """The path of the git program on the given PATH, once its version was checked."""
    program = _found.get(search)
    if program is None or not os.access(program, os.X_OK):
        program = shutil.which("git", path=search)
        if program is None:
            raise GitMissing(search)
        _checked_version(program)
        _found[search] = program
    return program


def version(environ: Mapping[str, str] | None = None) -> tuple[int, ...]:
    """The git program's version, e.g. ``(2, 39, 5)``; raises GitMissing, GitTooOld."""
    return _checked_version(_program((os.environ if environ is None else environ).get("PATH", os.defpath)))


class Git:
    """git, run on one repository.

    With `git_dir` the repository is named exactly. Without it git looks for one from `root` upwards, but no
    further than `root` where that holds a `.git` now: should it vanish, we must not act on a repository that
    happens to lie around it.

    `cancel`, when set, ends a running call that is `cancellable` within a quarter of a second, and starts no new one.
    Only calls to a remote are: a local one is a step that must be finished.

    `access`, when set, gives each such call what it reaches the remote with.
    """

    def __init__(
        self,
        root: Path,
        *,
        git_dir: Path | None = None,
        environ: Mapping[str, str] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.root = root.absolute()
        self.git_dir = None if git_dir is None else git_dir.absolute()
        self.cancel = cancel
        self.access: Access | None = None
        self._environ = clean_environment(os.environ if environ is None else environ)
        self._where = ("-C", str(self.root), *(() if self.git_dir is None else (f"--git-dir={self.git_dir}",)))
        parent = str(self.root.resolve().parent)
        if self.git_dir is None and ":" not in parent and os.path.lexists(self.root / ".git"):
            self._environ["GIT_CEILING_DIRECTORIES"] = parent

    def has(self, name: str) -> bool:
        """Return whether every call is given the environment variable `name`."""
        return name in self._environ

    def run(
        self,
        *args: str,
        input: bytes | None = None,
        deadline: float = 60.0,
        connect: float | None = None,
        cancellable: bool = False,
        check: bool = True,
        extra_env: Mapping[str, str] | None = None,
        extra_config: Sequence[str] = (),
        told: bool = False,
    ) -> Completed:
        """Run ``git <args>`` and return what it left; `deadline` and `connect` are in seconds.

        A call whose connection to a server nobody answers is ended after `connect`, see `connecting`. With `told`
        the standard output is a server's word and no file's content: what signed in there is masked in it.

        `extra_env` is added to the clean environment, `extra_config` are ``key=value`` settings for this call.
        Raises GitError for an exit code that is not 0 (unless `check` is false), GitTimeout, GitUnconnected,
        GitCancelled, GitMissing, GitTooOld; a call to a remote also what `access` raises.
        """
        cancel = self.cancel if cancellable else None
        if cancel is not None and cancel.is_set():
            raise GitCancelled(self.root, args)
        limits, environ = _Limits(deadline, connect, cancel), dict(extra_env or {})
        if self.access is None or not cancellable:
            completed = self._run(args, input, limits, environ, extra_config)
        else:
            with self.access() as offer:
                settings = (*extra_config, *offer.config)
                completed = self._run(args, input, limits, environ | dict(offer.environ), settings)
                if completed.code != 0 and offer.explain is not None:
                    completed = replace(completed, stderr=completed.stderr + offer.explain(completed.stderr))
                if told:
                    completed = replace(completed, stdout=without_registered(completed.stdout))
        if check and completed.code != 0:
            raise GitError(self.root, args, completed.code, completed.stderr)
        return completed

    def _run(
        self,
        args: tuple[str, ...],
        input: bytes | None,
        limits: _Limits,
        extra_env: Mapping[str, str],
        extra_config: Sequence[str],
    ) -> Completed:
        environ = self._environ | dict(extra_env)
        program = _program(environ.get("PATH", os.defpath))
        settings = (word for setting in extra_config for word in ("-c", setting))
        command = [program, *self._where, *_OPTIONS, *settings, *args]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environ,
                start_new_session=True,
            )
        except OSError as failure:  # no memory, too many arguments, or the program vanished since we looked
            raise GitError(self.root, args, -1, f"{program} did not start: {failure}") from failure
        begun = time.monotonic()
        with progress.limited(f"git {_verb(args)}", limits.deadline), process:
            try:
                stdout, stderr = self._finish(process, args, input, limits)
            except BaseException:
                _end_group(process)
                raise
        if log.isEnabledFor(logging.DEBUG):
            took = round((time.monotonic() - begun) * 1000)
            said = shlex.join(args)[:_SHOWN]
            log.debug("git %s: %d, %d ms, in %s", said, process.returncode, took, self.root, extra={"action": "git"})
        return Completed(process.returncode, stdout, redact(stderr.decode("utf-8", "replace")))

    def _finish(
        self,
        process: subprocess.Popen[bytes],
        args: Sequence[str],
        data: bytes | None,
        limits: _Limits,
    ) -> tuple[bytes, bytes]:
        """Feed and drain `process` until it ends; raises when it must be ended first, and leaves that to the caller."""
        start = time.monotonic()
        end = start + limits.deadline
        connecting = None if limits.connect is None else Connecting(process.pid, limits.connect, start)
        ended: float | None = None
        while True:
            try:
                return process.communicate(data, timeout=max(0.0, min(_POLL, end - time.monotonic())))
            except subprocess.TimeoutExpired as pause:
                data = None  # communicate() takes it once and goes on from there
                now = time.monotonic()
                if process.poll() is not None:
                    # A child that outlives git (a shared SSH connection) may hold our pipe open for hours.
                    ended = ended or now
                    if now - ended >= _LINGER:
                        return pause.output or b"", pause.stderr or b""
                elif limits.cancel is not None and limits.cancel.is_set():
                    raise GitCancelled(self.root, args) from None
                elif connecting is not None and connecting.stuck(now):
                    raise GitUnconnected(self.root, args, now - start) from None
                elif now >= end:
                    said = redact((pause.stderr or b"").decode("utf-8", "replace"))
                    raise GitTimeout(self.root, args, limits.deadline, said) from None


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End `process` and its whole group: SIGTERM, then SIGKILL for what is left after two seconds.

    The leader is reaped last, because its zombie keeps the group's number from being given to strangers.
    """
    if process.returncode is not None:
        return
    _signal_group(process.pid, signal.SIGTERM)
    end = time.monotonic() + _TERMINATE
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while time.monotonic() < end:
        if os.waitid(os.P_PID, process.pid, look) is not None:
            time.sleep(0.1)  # its children got the signal with it and remove their temporary files now
            break
        time.sleep(0.02)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a group that may consist of zombies only, which some kernels refuse to signal."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
