"""What makes a repository wait: something of the user's is under way, or what is there is not what was tracked."""

from __future__ import annotations

from dataclasses import replace

from gitferry.config.errors import GitferryError
from gitferry.pushback.ground import Ground
from gitferry.repos import record as records
from gitferry.repos.record import Record
from gitferry.repos.upstream import Upstream
from gitferry.repos.worktrees import branches_elsewhere
from gitferry.security.redact import redact

_SPARSE_INDEX = "its index is sparse"
_EXPECTS_FILES = "it expects files outside its sparse checkout"
_MENDED = {
    _SPARSE_INDEX: "git sparse-checkout reapply --no-sparse-index",
    _EXPECTS_FILES: "git config --unset sparse.expectFilesOutsideOfPatterns",
}


class Waits(GitferryError):
    """The repository waits for something named; the next crossing looks again. Nothing is wrong with gitferry."""

    def __init__(self, title: str, hint: str = "", *, retry: bool = False) -> None:
        super().__init__(title, hint)
        self.retry = retry


class Unusable(GitferryError):
    """This repository cannot be synced as it is set up."""


def tracked_branch(ground: Ground) -> str:
    """Return the branch that is synced here: the configured one, else the one that was checked out when first seen.

    Raises Waits where a rebase or its like is under way, HEAD is detached or another branch is checked out.
    """
    state, settings = ground.state, ground.settings
    if state.operation is not None:  # a rebase detaches HEAD: that is not what to mend
        raise Waits(f"a {state.operation} is under way", _how_to_end(state.operation))
    if state.branch is None:
        raise Waits("HEAD is detached", "check a branch out: git switch <branch>")
    tracked = settings.branch or _first_seen(ground, state.branch)
    if state.branch != tracked:
        raise Waits(f"branch {state.branch} is checked out, {tracked} is tracked", f"git switch {tracked}")
    return tracked


def _how_to_end(operation: str) -> str:
    if operation == "bisect":
        return "git bisect reset"
    return f"git {operation} --continue, or git {operation} --abort"


def _first_seen(ground: Ground, current: str) -> str:
    if ground.objects.ref(records.ref_name(current)) is not None:
        return current  # the usual case, without listing every ref
    others = {*_renamed(ground), *branches_elsewhere(ground.place)}  # a linked worktree has a branch of its own
    known = [branch for branch in records.branches(ground.objects) if branch not in others]
    return known[0] if len(known) == 1 else current


def _renamed(ground: Ground) -> list[str]:
    """Return the branches that have a record and are no more."""
    known = records.branches(ground.objects)
    return [branch for branch in known if ground.objects.ref(f"refs/heads/{branch}") is None]


def record_of(ground: Ground, branch: str) -> Record:
    """Return the record of the tracked branch; one that was renamed brings the record of its old name along."""
    record = records.load(ground.objects, branch)
    if record.oid is not None or ground.state.head is None:
        return record
    for old in _renamed(ground):
        orphan = records.load(ground.objects, old)
        if orphan.agreed is not None and ground.objects.merge_bases(orphan.agreed, ground.state.head):
            return replace(orphan, branch=branch, oid=None)
    return record


def require_ready(ground: Ground, record: Record) -> None:
    """Raise where a crossing may not start: Waits for what passes, Unusable for what must be set up."""
    state = ground.state
    unusable = {
        "its objects are SHA-256": state.sha256,
        _SPARSE_INDEX: state.sparse_index,
        _EXPECTS_FILES: state.sparse and state.sparse_expects_files,
        "it is a partial clone": state.partial,
        "its refs are in a reftable": state.reftable,
    }
    for reason, is_so in unusable.items():
        if is_so:
            hint = _MENDED.get(reason, "clone it anew in the ordinary form")
            raise Unusable(f"{ground.place.root} cannot be synced: {reason}", hint)
    locks = {
        "index.lock": state.index_locked,
        "HEAD.lock": state.head_locked,
        "info/sparse-checkout.lock": state.sparse_locked,
    }
    for name in (name for name, is_held in locks.items() if is_held):
        # A lock that is given up moves no file we watch, so we look again by ourselves.
        raise Waits(
            f"{name} is held", f"if no git command is running, remove {ground.place.git_dir / name}", retry=True
        )
    if state.upstream is None:
        raise Unusable(f"{state.branch} has no upstream", _how_to_track(ground))
    if state.upstream.local or state.upstream.url is None:
        raise Unusable(f"the upstream of {state.branch} is no remote's branch", _how_to_track(ground))
    _require_remote(ground, state.upstream)
    if state.upstream.branch != record.branch and ground.settings.branch is None:
        raise Waits(
            f"{record.branch} follows a branch of another name, {state.upstream.branch}",
            f"say so in the settings if that is meant: branch: {record.branch}",
        )


def _require_remote(ground: Ground, upstream: Upstream) -> None:
    """Raise Waits where the remote is not the one in the settings: the directory may be another repository by now."""
    config, name = ground.state.config, upstream.remote
    elsewhere = [
        url
        for url in config.all(f"remote.{name}.pushurl")
        if url not in (upstream.url, config.get(f"remote.{name}.url"))
    ]
    if elsewhere or upstream.push_remote != name:
        where = redact(elsewhere[0]) if elsewhere else upstream.push_remote
        raise Unusable(
            f"pushes of {ground.state.branch} go to {where}, fetches come from {name}",
            "gitferry syncs with one remote: give this clone an upstream that it also pushes to",
        )
    wanted = ground.settings.url
    configured = ground.state.config.get(f"remote.{upstream.remote}.url")
    if wanted is not None and wanted not in (upstream.url, configured):
        raise Waits(
            f"{upstream.remote} is {redact(configured or upstream.url or '')}, the settings say {redact(wanted)}",
            "set the one or the other right: git remote set-url, or url: in the settings",
        )


def _how_to_track(ground: Ground) -> str:
    branch, remotes = ground.state.branch, ground.state.remotes
    if not remotes:
        return "add a remote: git remote add origin <url>"
    return f"git push -u {remotes[0]} {branch}, or git branch -u {remotes[0]}/{branch} where it exists there"


def require_history(ground: Ground, record: Record, head: str | None, upstream: str | None) -> None:
    """Raise Waits where the two sides' histories no longer belong together."""
    objects = ground.objects
    agreed = record.agreed
    if upstream is None:
        if record.fetched and agreed is not None:
            raise Waits("the upstream branch's tracking ref is gone", "git fetch")
        return
    if head is None:
        return
    for known in (agreed, record.seen):
        shared = objects.merge_bases(head, known) if known is not None and objects.has(known) else ()
        if shared and not any(objects.is_ancestor(base, upstream) for base in shared):
            raise Waits(
                "upstream was rewritten: it no longer has commits that were here",
                "to accept that: git reset --keep @{upstream}; to put them back: git push by hand",
            )
    if not objects.merge_bases(head, upstream):
        raise Waits(
            "unrelated histories: this branch and its upstream share no commit",
            "merge them by hand: git pull --allow-unrelated-histories, or clone again",
        )
