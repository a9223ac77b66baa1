"""One layout of a scratch repository with hooks run on it: what each is given, and what it made of the files."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gitferry.repos import hook_process
from gitferry.repos.git import KEPT, Git, GitError, zsplit
from gitferry.repos.hook_files import HookFiles
from gitferry.repos.scratch_repository import ScratchRepository
from gitferry.security.redact import redact

LONGEST_PATCH: Final = 200  # lines
_WIDEST_LINE: Final = 1_000  # characters
_MOST_FILES: Final = 50  # files whose difference is shown
_DIFF: Final = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-renames",
    "--ignore-submodules=all",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)

# What a service manager tells this process alone, and where its secrets are: systemd.exec(5).
_OURS: Final = frozenset({
    "CACHE_DIRECTORY", "CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY", "INVOCATION_ID", "JOURNAL_STREAM",
    "LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "LOGS_DIRECTORY", "MAINPID", "MANAGERPID",
    "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE", "NOTIFY_SOCKET", "RUNTIME_DIRECTORY", "SSH_ASKPASS",
    "STATE_DIRECTORY", "SYSTEMD_EXEC_PID", "WATCHDOG_PID", "WATCHDOG_USEC",
})  # fmt: skip
# Nobody is there to answer.
_NO_QUESTIONS: Final = {
    "GCM_INTERACTIVE": "never",
    "GIT_ASKPASS": "",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a hook made of the files: their paths, and the difference as people read it (cut, and without secrets)."""

    files: tuple[str, ...]
    patch: str
    left_out: int = 0  # lines of the patch


@dataclass(frozen=True, slots=True)
class Ran:
    """One hook that ran. `reason` says why it is not `ok`."""

    hook: str
    ok: bool
    output: str  # both outputs in one, their last part, without secrets; control characters as they came
    reason: str = ""
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How many seconds one hook may take, and what ends it earlier."""

    deadline: float
    cancel: threading.Event | None = None


class Stage:
    """A scratch repository that is laid out, and what is run on it."""

    def __init__(
        self, scratch: ScratchRepository, files: HookFiles, limits: Limits, told: Mapping[str, str] | None = None
    ) -> None:
        """`told` is added to every hook's environment."""
        self.scratch = scratch
        self._files = files
        self._limits = limits
        self._environ = {**_surroundings(scratch), **(told or {})}

    @property
    def git(self) -> Git:
        """git in the scratch repository."""
        return self.scratch.git

    def is_runnable(self, name: str) -> bool:
        """Return whether git would run the hook in the tree that is laid out."""
        return os.access(self.scratch.top / self._files.command(name), os.X_OK)

    def run(self, name: str, *args: str, data: bytes | None = None) -> Ran:
        """Run one hook; `data` is its input. Raises GitCancelled."""
        ended = hook_process.run(
            [self._files.command(name), *args],
            top=self.scratch.top,
            environ=self._environ,
            data=data,
            deadline=self._limits.deadline,
            cancel=self._limits.cancel,
        )
        if ended.timed_out:
            reason = f"it had not ended after {self._limits.deadline:g} s and was stopped"
            return Ran(name, False, ended.output, reason)
        return Ran(name, ended.code == 0, ended.output, "" if ended.code == 0 else f"exit code {ended.code}")

    def proposal(self, tree: str, *, staged: bool = False) -> Proposal | None:
        """Return how the working tree, or what is staged, differs from `tree`; None where it does not.

        None too where the hook took the repository away: its output is all there is to show.
        """
        what = ("--cached", tree) if staged else (tree,)
        try:
            changed = zsplit(self.git.run(*_DIFF, "--name-only", "-z", *what).stdout)
            made = [] if staged else zsplit(self.git.run("ls-files", "--others", "--exclude-standard", "-z").stdout)
            if not changed and not made:
                return None
            patch = b""
            if changed:
                patch = self.git.run("--literal-pathspecs", *_DIFF, *what, "--", *changed[:_MOST_FILES]).stdout
        except GitError:
            return None
        lines = redact(patch.decode("utf-8", "replace")).splitlines()
        shown = "".join(f"{line[:_WIDEST_LINE]}\n" for line in lines[:LONGEST_PATCH])
        return Proposal(tuple(sorted({*changed, *made})), shown, max(0, len(lines) - LONGEST_PATCH))


def _surroundings(scratch: ScratchRepository) -> dict[str, str]:
    """The user's environment, as git hands it to a hook in the main working tree of a repository."""
    environ = {
        name: value
        for name, value in scratch.environ.items()
        if name not in _OURS and not name.startswith("GITFERRY_") and (not name.startswith("GIT_") or name in KEPT)
    }
    programs = scratch.git.run("--exec-path").text
    environ |= _NO_QUESTIONS
    environ |= {
        "GIT_EXEC_PATH": programs,
        "GIT_PREFIX": "",
        "PATH": f"{programs}{os.pathsep}{environ.get('PATH', os.defpath)}",
        "PWD": str(scratch.top),
    }
    ceilings = [str(path) for path in scratch.ceilings]
    if os.pathsep not in "".join(ceilings):
        environ["GIT_CEILING_DIRECTORIES"] = os.pathsep.join(ceilings)
    return environ
