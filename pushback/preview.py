"""What a push would do: its commits, their files, messages and target. Nothing is moved."""

from __future__ import annotations

from dataclasses import dataclass

from gitferry.config.model import Repository
from gitferry.pushback import answer
from gitferry.pushback.commit import TipBuilder
from gitferry.pushback.decision import Action
from gitferry.pushback.ground import opened
from gitferry.pushback.host import Host
from gitferry.pushback.outcome import Request
from gitferry.pushback.planning import Planner
from gitferry.pushback.readiness import Waits, require_ready, tracked_branch
from gitferry.repos import record as records
from gitferry.repos.objects import Objects
from gitferry.security.redact import redact


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a commit; `change` is added, modified or deleted."""

    path: str
    change: str


@dataclass(frozen=True, slots=True)
class CommitPreview:
    """One commit as it would be made."""

    message: str
    tasks: tuple[str, ...]  # none for a commit the user made
    files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a push of one repository would do."""

    repository: str
    target: str
    waiting_for: str | None
    commits: tuple[CommitPreview, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()  # (task, reason)


def preview(repository: Repository, request: Request, *, host: Host) -> Preview:
    """Return what the request would push onto the upstream tip last seen."""
    at = host.clock()
    with opened(repository, host) as ground:
        upstream = ground.state.upstream
        url = redact((upstream.url or "") if upstream else "")
        target = f"{answer.upstream_name(ground)} at {url}"
        try:
            record = records.load(ground.objects, tracked_branch(ground))
            require_ready(ground, record)
            planned = Planner(ground, request, at).plan(record, push=True)
            builder = TipBuilder(ground, planned.sides, planned.gathered, request.message)
            tip = builder.build(planned.decisions, held_back=planned.held_back)
        except Waits as waits:
            return Preview(repository.name, target, waits.title)
        ours = {commit.oid: commit for commit in tip.commits}
        old = planned.sides.upstream_commit
        going = (
            ground.objects.between((old,) if old else (), tip.commit) if tip.commit and not planned.held_back else ()
        )
        commits = []
        for commit in reversed(going):
            made = ours.get(commit.oid)
            parent = ground.objects.tree_of(commit.parents[0] if commit.parents else None)
            message = made.message if made is not None else ground.objects.message(commit.oid)
            files = _files(ground.objects, parent, commit.tree)
            commits.append(CommitPreview(message, made.units if made is not None else (), files))
        skipped = tuple(
            (decision.unit, decision.reason or "")
            for decision in planned.decisions
            if decision.action in (Action.HOLD, Action.WAIT) and decision.view.carry
        )
        return Preview(repository.name, target, None, tuple(commits), skipped)


def _files(objects: Objects, before: str, after: str) -> tuple[FileChange, ...]:
    files = []
    for path in sorted(objects.changed(before, after)):
        old, new = objects.file_at(before, path), objects.file_at(after, path)
        files.append(FileChange(path, "added" if old is None else "deleted" if new is None else "modified"))
    return tuple(files)
