"""The repository's own hooks, run in a scratch repository on exactly what is to be committed or pushed.

What git does, and nothing else: the same hooks in the same order with the same arguments, input and environment
(githooks(5), builtin/commit.c), `prepare-commit-msg` among them, since git runs it for `commit -m` too, and
`pre-merge-commit` in the place of `pre-commit` for a merge. A message that they changed is the message. What they
changed in the files is shown and never taken over: where git would commit it (a hook that exits with 0 and has staged
it), the hook counts as failed; where git would not (it is not staged), it is told.

Differences from a commit by hand: files that are ignored or untracked are not there, there is no terminal, nothing
can be pushed, and `GITFERRY_HOOK` is set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gitferry.config.failpoints import fp
from gitferry.config.listing import first_of
from gitferry.repos import hook_files
from gitferry.repos.git import Git, GitError, zsplit
from gitferry.repos.gitconfig import Config
from gitferry.repos.hook_files import FOR_COMMIT, FOR_MERGE, FOR_PUSH
from gitferry.repos.hook_stage import Limits, Proposal, Ran, Stage
from gitferry.repos.identity import variables
from gitferry.repos.objects import Person
from gitferry.repos.scratch_config import absolute, without_password
from gitferry.repos.scratch_repository import Layout, Scratches
from gitferry.repos.state import Place

__all__ = ["Author", "Hooks", "Proposal", "Ran", "Scratches", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the hooks say: the message to commit with, and which one said no, if any. `notes` are for people."""

    message: str = ""
    ran: tuple[Ran, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> Ran | None:
        """The hook that said no: the last that ran."""
        return next((ran for ran in self.ran if not ran.ok), None)


@dataclass(frozen=True, slots=True)
class Author:
    """Whom and when a commit is by, as git tells its hooks."""

    person: Person
    at: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that is to be written; its tree and parents (none: it is the branch's first) are stored."""

    tree: str
    parents: tuple[str, ...]
    branch: str
    message: str
    author: Author | None = None

    @property
    def head(self) -> str | None:
        """Where the branch is."""
        return self.parents[0] if self.parents else None

    @property
    def merges(self) -> bool:
        return len(self.parents) > 1


class Hooks:
    """The hooks of one repository that is trusted. Where it has none for an occasion, nothing is made or started.

    `git` is bound to the user's repository; `scratches` are kept from one crossing to the next. `deadline` is how many
    seconds one hook may take. `git.cancel` ends a running hook.
    """

    def __init__(
        self,
        git: Git,
        place: Place,
        config: Config,
        environ: Mapping[str, str],
        scratches: Scratches,
        *,
        deadline: float,
    ) -> None:
        self._git = git
        self._config = config
        self._limits = Limits(deadline, git.cancel)
        self._files = hook_files.find(place, config, environ)
        self._scratch = scratches.of(place, environ)

    def names(self, *kinds: str) -> tuple[str, ...]:
        """Return the hooks that would run, of `kinds` or of all that have a part in commits and pushes."""
        return tuple(name for name in self._files.names() if not kinds or name in kinds)

    def hints(self) -> tuple[str, ...]:
        """Return what a person should know of hooks that do not run (as git says it, advice.ignoredHook)."""
        if not self._config.flag("advice.ignoredhook", default=True):
            return ()
        return tuple(f"the hook {name} is ignored because it is not executable" for name in self._files.ignored())

    def version(self) -> str:
        """Return a digest of what decides besides tree, parents and message: the hooks' files and git's settings.

        Raises OSError.
        """
        settings = repr(sorted(self._config.values.items())).encode("utf-8", "surrogateescape")
        return hashlib.sha256(self._files.version().encode() + settings).hexdigest()

    def for_commit(
        self, tree: str, *, parents: Sequence[str], branch: str, message: str, author: Author | None = None
    ) -> Verdict:
        """Ask about a commit of `tree` on `branch` before it is written, as `git commit` (or `git merge`) would.

        Raises GitError, GitTimeout, GitCancelled, ScratchUnusable, NotOurs, TooManyFiles where hooks could not be run.
        """
        names = self.names(*(FOR_MERGE if len(parents) > 1 else FOR_COMMIT))
        if not names:
            return Verdict(message)
        commit = Commit(tree, tuple(parents), branch, message, author)
        self._lay_out(tree, branch, commit.head)
        stage = Stage(self._scratch, self._files, self._limits, _told(commit))
        return _Asked(stage, commit, self._config.get("commit.cleanup") or "default").verdict(names)

    def for_push(
        self, remote: str, url: str, *, branch: str, commit: str, old: str | None, remote_branch: str
    ) -> Verdict:
        """Ask about pushing `commit` to `remote_branch`, which is at `old` (None: not there), as `git push` would.

        The hooks find `branch` checked out at `commit`. A password in `url` is kept from them, as they have no use for
        it. Raises what `for_commit` raises.
        """
        names = self.names(*FOR_PUSH)
        if not names:
            return Verdict()
        self._lay_out(commit, branch, commit)
        stage = Stage(self._scratch, self._files, self._limits)
        if not stage.is_runnable(*names):
            return Verdict(notes=(_barred(*names),))
        where = without_password(absolute(url, self._scratch.place.root))
        line = f"refs/heads/{branch} {commit} refs/heads/{remote_branch} {old or '0' * len(commit)}\n"
        ran = stage.run(*names, remote, where, data=line.encode("utf-8", "surrogateescape"))
        if not ran.ok:
            ran = replace(ran, proposal=stage.proposal(commit))
        return Verdict(ran=(ran,))

    def _lay_out(self, tree: str, branch: str, head: str | None) -> None:
        self._scratch.lay_out(Layout(tree, branch, head), self._git, self._files)
        fp("hooks.laid_out")


class _Asked:
    """The hooks of one commit, one after the other."""

    def __init__(self, stage: Stage, commit: Commit, cleanup: str) -> None:
        self._stage = stage
        self._commit = commit
        self._cleanup = cleanup
        self._message = commit.message
        self._notes: list[str] = []

    def verdict(self, names: Sequence[str]) -> Verdict:
        ran: list[Ran] = []
        for name in names:
            if not self._stage.is_runnable(name):
                self._notes.append(_barred(name))
                continue
            of_message = name in ("prepare-commit-msg", "commit-msg")
            ran.append(self._of_message(name) if of_message else self._of_files(name))
            if not ran[-1].ok:
                break
        return Verdict(self._message, tuple(ran), tuple(self._notes))

    def _of_files(self, name: str) -> Ran:
        """Run `pre-commit` or `pre-merge-commit`: what these stage, git would commit."""
        commit, git = self._commit, self._stage.git
        ran = self._stage.run(name)
        if not ran.ok:
            return replace(ran, proposal=self._stage.proposal(commit.tree))
        try:
            head = git.run("rev-parse", "--quiet", "--verify", "HEAD", check=False).text or None
            if head != commit.head:
                return replace(ran, ok=False, reason="it moved the branch, as which git would not commit")
            if git.run("write-tree").text != commit.tree:
                proposal = self._stage.proposal(commit.tree, staged=True)
                return replace(ran, ok=False, reason="it staged changes of its own", proposal=proposal)
            changed = zsplit(git.run("diff-files", "--name-only", "-z", "--ignore-submodules=all").stdout)
        except GitError as broken:
            return replace(ran, ok=False, reason=f"git cannot commit from what it left: {broken.title}")
        if changed:
            self._notes.append(f"the hook {name} changed files and did not stage them: {first_of(changed, 3)}")
        return ran

    def _of_message(self, name: str) -> Ran:
        """Run a hook that may change the message, which is in a file."""
        scratch, commit = self._stage.scratch, self._commit
        given = self._message.encode("utf-8", "surrogateescape")
        file, source = ("MERGE_MSG", "merge") if commit.merges else ("COMMIT_EDITMSG", "message")
        if commit.merges:
            scratch.put("MERGE_HEAD", "".join(f"{parent}\n" for parent in commit.parents[1:]).encode())
            scratch.put("MERGE_MODE", b"")
        scratch.put(file, given)
        ran = self._stage.run(name, f".git/{file}", *([source] if name == "prepare-commit-msg" else []))
        if not ran.ok:
            return ran
        try:
            left = (scratch.top / ".git" / file).read_bytes()
            message = given if left == given else self._cleaned(left)
        except OSError as failure:
            return replace(ran, ok=False, reason=f"it left no message: {failure.strerror or failure}")
        except GitError as broken:
            return replace(ran, ok=False, reason=f"git cannot commit from what it left: {broken.title}")
        if not message.strip():
            return replace(ran, ok=False, reason="it left an empty message")
        if message != given:
            self._message = message.decode("utf-8", "replace")
        return ran

    def _cleaned(self, message: bytes) -> bytes:
        """Return a message as `git commit -m` cleans it up after its hooks (git-commit(1), --cleanup)."""
        if self._cleanup == "verbatim":
            return message
        strip = ("--strip-comments",) if self._cleanup == "strip" else ()
        return self._stage.git.run("stripspace", *strip, input=message).stdout


def _told(commit: Commit) -> dict[str, str]:
    """Return what `git commit` and `git merge` tell their hooks besides what git tells all."""
    told = {"GIT_EDITOR": ":", "GIT_INDEX_FILE": ".git/index"}
    author = commit.author
    if author is not None and not commit.merges:
        told |= variables("author", author.person, author.at)
    return told


def _barred(name: str) -> str:
    return f"the hook {name} did not run: it is not executable in the tree that is to travel"
