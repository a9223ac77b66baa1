"""What a push would do: its commits, their files, messages and target. Nothing is changed, not even an object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from gitferry.config.model import Repository
from gitferry.pushback import answer
from gitferry.pushback.branch_names import review_branch
from gitferry.pushback.commit import TipBuilder
from gitferry.pushback.decision import Action
from gitferry.pushback.findings import Finding
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.hooked import hooks_of
from gitferry.pushback.host import Host
from gitferry.pushback.outcome import Request
from gitferry.pushback.planning import Planned, Planner
from gitferry.pushback.readiness import Waits, require_ready, tracked_branch
from gitferry.pushback.review import going_to_review
from gitferry.pushback.review_commits import ReviewCommits
from gitferry.repos import overlay
from gitferry.repos import record as records
from gitferry.repos.objects import Objects
from gitferry.repos.review import Review
from gitferry.repos.tasks import WHOLE
from gitferry.security.redact import redact


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a commit; `change` is added, modified or deleted."""

    path: str
    change: str


@dataclass(frozen=True, slots=True)
class CommitPreview:
    """One commit as it would be made; `tree` is the id that its root tree will have."""

    message: str
    tasks: tuple[str, ...]  # none for a commit the user made
    files: tuple[FileChange, ...]
    tree: str
    branch: str  # that would get it


@dataclass(frozen=True, slots=True)
class Preview:
    """What a push of one repository would do, what its checks find, and the names of the hooks that it would run."""

    repository: str
    target: str
    waiting_for: str | None
    commits: tuple[CommitPreview, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()  # (task, reason)
    findings: tuple[Finding, ...] = ()
    hooks: tuple[str, ...] = ()


def preview(repository: Repository, request: Request, *, host: Host) -> Preview:
    """Return what the request would push onto the upstream tip last seen; no remote is asked.

    Raises what `opened` raises, NoScratch, NoIdentity where a commit is due without one.
    """
    at = host.clock()
    with _overlaid(repository, host) as ground:
        upstream = ground.state.upstream
        url = redact((upstream.url or "") if upstream else "")
        target = f"{answer.upstream_name(ground)} at {url}"
        try:
            record = records.load(ground.objects, tracked_branch(ground))
            require_ready(ground, record)
            planned = Planner(ground, request, at).plan(record, push=True)
            builder = TipBuilder(ground, planned.sides, planned.gathered, request.message)
            tip = builder.build(planned.decisions, held_back=bool(planned.held_back))
        except Waits as waits:
            return Preview(repository.name, target, waits.title)
        tracked = upstream.branch if upstream else ""
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
            commits.append(CommitPreview(message, made.units if made is not None else (), files, commit.tree, tracked))
        base = old if planned.held_back else tip.commit
        if upstream is not None and base is not None:
            commits += _reviews(ground, planned, ReviewCommits(ground, planned, upstream, base, request))
        skipped = tuple(
            (decision.unit, decision.reason or "")
            for decision in planned.decisions
            if decision.action in (Action.HOLD, Action.WAIT) and decision.view.carry and not decision.review
        )
        findings = tuple(found for each in planned.findings.values() for found in each)
        hooks = hooks_of(ground)
        names = () if hooks is None or not commits else hooks.names()
        return Preview(repository.name, target, None, tuple(commits), skipped, findings, names)


def _reviews(ground: Ground, planned: Planned, written: ReviewCommits) -> Iterator[CommitPreview]:
    """Yield the commits that review branches would get."""
    objects, host = ground.objects, ground.host.hostname
    taken = {review.branch for review in planned.record.reviews}
    for group in going_to_review(planned):
        found = next((known for each in group if (known := planned.record.review(each.unit)) is not None), None)
        unit = next(each.unit for each in group if each.review)
        review = found or Review(review_branch(host, ground.settings.name if unit == WHOLE else unit, taken), ())
        taken.add(review.branch)
        goal = written.goal(group, review)
        if goal is not None:
            tree, parents = goal
            files = _files(objects, objects.tree_of(parents[0]), tree)
            units = tuple(each.unit for each in group)
            yield CommitPreview(written.words(group, tree, parents), units, files, tree, review.branch)


@contextmanager
def _overlaid(repository: Repository, host: Host) -> Iterator[Ground]:
    """Open the repository so that all that is written goes with a scratch directory, and nobody is asked for a key."""
    place = host.known.place(repository.path, host.environ)
    with overlay.laid_over(place) as over, opened(repository, replace(host, objects=over.objects)) as ground:
        yield replace(ground, git=over.git(host.environ), dry=True)


def _files(objects: Objects, before: str, after: str) -> tuple[FileChange, ...]:
    files = []
    for path in sorted(objects.changed(before, after)):
        old, new = objects.file_at(before, path), objects.file_at(after, path)
        files.append(FileChange(path, "added" if old is None else "deleted" if new is None else "modified"))
    return tuple(files)
