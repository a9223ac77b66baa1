"""The repository's own hooks on what is committed and pushed here, where its user trusts and wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.pushback.remembered import Remembered, key_of
from gitferry.repos import hook_files
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
    answers: Remembered[Verdict] = field(default_factory=lambda: Remembered(_REMEMBERED))


def hooks_of(ground: Ground) -> Hooks | None:
    """Return the hooks that run here, None where none do."""
    settings = ground.settings
    if not (settings.trusted and settings.pushback.hooks == "run"):
        return None
    environ, scratches = ground.host.environ, ground.host.hooks.scratches
    return Hooks(ground.git, ground.place, ground.state.config, environ, scratches, deadline=_DEADLINE)


def skipped(ground: Ground) -> tuple[str, ...]:
    """Return the hooks that git would run for a commit or a push, and that do not run here."""
    return hook_files.find(ground.place, ground.state.config, ground.host.environ).names()


def asked_about_commit(ground: Ground, tree: str, parents: Sequence[str], message: str) -> str:
    """Return the message as the hooks for commits leave it. Raises HookRefused, and what cannot run them raises."""
    hooks = None if ground.dry else hooks_of(ground)
    if hooks is None:
        return message
    trees = [ground.objects.tree_of(parent) for parent in parents]  # a parent that we wrote has the time in its id
    key = key_of("commit", ground.place.git_dir, hooks.version(), tree, trees, message)
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
    key = key_of("push", ground.place.git_dir, hooks.version(), going, old, remote_branch)
    branch = ground.state.branch or ""

    def ask() -> Verdict:
        return hooks.for_push(remote, url, branch=branch, commit=commit, old=old, remote_branch=remote_branch)

    _answered(ground, key, ask)


def _only(oid: str | None) -> tuple[str, ...]:
    return () if oid is None else (oid,)


def _answered(ground: Ground, key: bytes, ask: Callable[[], Verdict]) -> Verdict:
    """Return what the hooks say, as they said before where nobody asks by hand. Raises HookRefused."""
    memory = ground.host.hooks
    verdict = None if ground.by_hand else memory.answers.get(key)
    if verdict is None:
        verdict = ask()
        memory.answers.put(key, verdict)
    ground.notes.extend(verdict.notes)
    if verdict.failed is not None:
        raise HookRefused(verdict.failed)
    return verdict
