"""The repository's own hooks on what is committed and pushed here, where its user trusts and wants them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.repos.hooks import Author, Hooks, Ran, Scratches, Verdict

if TYPE_CHECKING:
    from gitferry.pushback.ground import Ground

_DEADLINE = 300.0  # seconds that one hook may take
_REMEMBERED = 500  # answers; a repository that waits has one or two


class HookRefused(GitferryError):
    """A hook said no, or git would not commit as it left things. Nothing was committed or pushed."""

    def __init__(self, ran: Ran) -> None:
        parts = [f"the hook {ran.hook} refused{f': {ran.reason}' if ran.reason else ''}", ran.output.strip()]
        proposal = ran.proposal
        if proposal is not None and proposal.files:
            more = f"\n… {proposal.left_out} lines more" if proposal.left_out else ""
            parts.append(f"what it would change, which was not done:\n{proposal.patch.rstrip()}{more}")
        remedy = "take its change over, or mend what it says; it is asked again after an edit, or by `gitferry sync`"
        super().__init__("\n".join(part for part in parts if part), remedy)


@dataclass
class HookMemory:
    """What hooks need from one crossing to the next: their scratch repositories, and what they answered.

    An answer stands until what was asked, or a hook, is another, or a person asks: hooks take their time.
    """

    scratches: Scratches = field(default_factory=Scratches)
    _answers: OrderedDict[str, Verdict] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, key: str) -> Verdict | None:
        """Return what was said to the same question."""
        with self._lock:
            return self._answers.get(key)

    def note(self, key: str, verdict: Verdict) -> None:
        """Remember an answer."""
        with self._lock:
            self._answers[key] = verdict
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)


def hooks_of(ground: Ground) -> Hooks | None:
    """Return the hooks that run here, None where none do."""
    settings = ground.settings
    if not (settings.trusted and settings.pushback.hooks == "run"):
        return None
    environ, scratches = ground.host.environ, ground.host.hooks.scratches
    return Hooks(ground.git, ground.place, ground.state.config, environ, scratches, deadline=_DEADLINE)


def asked_about_commit(ground: Ground, tree: str, parents: Sequence[str], message: str) -> str:
    """Return the message as the hooks for commits leave it. Raises HookRefused, and what cannot run them raises."""
    hooks = None if ground.dry else hooks_of(ground)
    if hooks is None:
        return message
    trees = [ground.objects.tree_of(parent) for parent in parents]  # a parent that we wrote has the time in its id
    key = _key(ground, hooks, "commit", tree, *trees, message)
    author = Author(ground.author(), ground.host.clock())

    def ask() -> Verdict:
        branch = ground.state.branch or ""
        return hooks.for_commit(tree, parents=parents, branch=branch, message=message, author=author)

    return _answered(ground, key, ask).message


def ask_about_push(ground: Ground, url: str, remote: str, remote_branch: str, commit: str, old: str | None) -> None:
    """Ask the hook for pushes. Raises HookRefused, and what cannot run it raises."""
    hooks = hooks_of(ground)
    if hooks is None or not hooks.names("pre-push"):
        return
    objects = ground.objects
    going = [f"{objects.tree_of(each.oid)} {objects.message(each.oid)}" for each in objects.between(_only(old), commit)]
    key = _key(ground, hooks, "push", *going, old or "", remote_branch)
    branch = ground.state.branch or ""

    def ask() -> Verdict:
        return hooks.for_push(remote, url, branch=branch, commit=commit, old=old, remote_branch=remote_branch)

    _answered(ground, key, ask)


def _only(oid: str | None) -> tuple[str, ...]:
    return () if oid is None else (oid,)


def _key(ground: Ground, hooks: Hooks, *asked: str) -> str:
    """Return what names a question."""
    parts = (str(ground.place.git_dir), hooks.version(), *asked)
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _answered(ground: Ground, key: str, ask: Callable[[], Verdict]) -> Verdict:
    """Return what the hooks say, as they said before where nobody asks by hand. Raises HookRefused."""
    memory = ground.host.hooks
    verdict = None if ground.by_hand else memory.answer(key)
    if verdict is None:
        verdict = ask()
        memory.note(key, verdict)
    ground.notes.extend(verdict.notes)
    if verdict.failed is not None:
        raise HookRefused(verdict.failed)
    return verdict
