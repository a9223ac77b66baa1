"""Our side of a conflict goes to a review branch at the remote; theirs stays on the tracked one.

It comes after all else was carried. For each branch: its name into the hold → our commit at
`refs/gitferry/review/<percent-encoded branch>` → push → operation → the tip into the hold. Where that ref is ahead of
the hold, a push began of which nobody knows whether it arrived; it is ended first. A branch is created only where
there is none, and appended to only where it stands at our own tip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote, unquote

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.pushback import operations
from gitferry.pushback.branch_names import host_branches, review_branch
from gitferry.pushback.carry import Carried
from gitferry.pushback.commit import Tip, TipBuilder
from gitferry.pushback.decision import Action, Decision
from gitferry.pushback.describe import first_facts
from gitferry.pushback.ground import Ground, NoIdentity
from gitferry.pushback.groups import grouped
from gitferry.pushback.message import TaskWords, commit_message
from gitferry.pushback.outcome import Operation, Request, TaskChange
from gitferry.pushback.planning import Planned
from gitferry.pushback.requests import ReviewRequest
from gitferry.repos import drop_refs, lfs
from gitferry.repos import record as records
from gitferry.repos.content import Entry
from gitferry.repos.hold import Review
from gitferry.repos.record import ObjectsPruned, move_ref
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.tasks import WHOLE, task_id
from gitferry.repos.transport import Refused
from gitferry.repos.upstream import Upstream
from gitferry.security.redact import redact

REVIEW_REFS = "refs/gitferry/review/"
_HEADS = "refs/heads/"
_ATTEMPTS = 6  # at one branch that others use too, before the next crossing goes on

Group = tuple[Decision, ...]


class ReviewRefused(GitferryError):
    """The remote will not take a review branch."""

    def __init__(self, branch: str, message: str) -> None:
        super().__init__(
            f"the remote refused {branch}: {message}",
            "see that you may push gitferry/* there, or answer otherwise with `gitferry resolve`; it is tried again",
        )


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What came of the review branches, after a crossing that was carried."""

    carried: Carried
    trouble: GitferryError | None = None
    notes: tuple[str, ...] = ()


def review_ref(branch: str) -> str:
    """Return the local ref that keeps our tip of a review branch."""
    return REVIEW_REFS + quote(branch, safe="")


def bring_to_review(
    ground: Ground, planned: Planned, carried: Carried, tip: Tip, request: Request, at: datetime
) -> Reviewed:
    """Push our side of each task that goes to review; trouble with that is returned, since all else is done.

    Raises what reading and writing the repository raises.
    """
    groups = [group for group in _groups(planned) if not any(each.unit in carried.raced for each in group)]
    upstream = ground.state.upstream
    base = planned.sides.upstream_commit if planned.held_back else tip.commit
    if not groups or upstream is None or base is None:
        return Reviewed(carried)
    reviewing = _Reviewing(ground, planned, carried, upstream, base, tip.commit, request, at)
    trouble = reviewing.bring(groups)
    notes = reviewing.open_requests(groups)
    operation = carried.operation or reviewing.operation
    return Reviewed(replace(carried, record=reviewing.record, operation=operation), trouble, notes)


def _groups(planned: Planned) -> list[Group]:
    """Return the tasks that go to review, those together that a rename joins: half of one is nothing to look at."""
    held = {d.unit: d for d in planned.decisions if d.action is Action.HOLD and (d.review or d.partner is not None)}
    joined_by = [(unit, each.partner) for unit, each in held.items() if each.partner is not None]
    found = [tuple(held[unit] for unit in units) for units in grouped(held, (*planned.gathered.links, *joined_by))]
    return [group for group in found if any(each.review for each in group)]


class _Reviewing:
    """The review branches of one crossing."""

    def __init__(
        self,
        ground: Ground,
        planned: Planned,
        carried: Carried,
        upstream: Upstream,
        base: str,
        head: str | None,
        request: Request,
        at: datetime,
    ) -> None:
        self.record = carried.record
        self.operation: Operation | None = None
        self._ground = ground
        self._objects = ground.objects
        self._planned = planned
        self._upstream = upstream
        self._base = base  # what a new branch is made from
        self._head = head
        self._request = request
        self._at = at
        self._words = TipBuilder(ground, planned.sides, planned.gathered, request.message)
        self._remote: dict[str, str] = {}  # this host's branches there, and those that holds name
        self._moved: set[str] = set()  # branches that have our newest tip since this crossing

    def bring(self, groups: Iterable[Group]) -> GitferryError | None:
        """Bring every branch to our side of its tasks; return the first thing that kept one from it."""
        trouble: GitferryError | None = None
        if not self._request.fetch and not any(self._wanted(group) for group in groups):
            return None
        try:
            self._ask()
            for group in groups:
                try:
                    self._bring(group)
                except (ReviewRefused, lfs.NotUploaded) as error:
                    trouble = trouble or error
        except (RemoteError, NoIdentity) as error:
            return error
        return trouble

    def _wanted(self, group: Group) -> bool:
        """Whether there is something to push, as far as one knows here."""
        review = self._review(group)
        if review is None or review.tip is None or self._objects.ref(review_ref(review.branch)) != review.tip:
            return True
        return bool(self._differing(group, self._objects.tree_of(review.tip)))

    def _ask(self) -> None:
        ground, host = self._ground, self._ground.host
        known = {hold.review.branch for hold in self.record.holds if hold.review is not None}  # of another hostname too
        names = (f"{_HEADS}{name}" for name in (f"{host_branches(host.hostname)}*", *sorted(known)))
        refs = host.transport.remote_refs(ground.git, self._upstream.remote, *names, timeouts=ground.settings.timeouts)
        self._remote = {name.removeprefix(_HEADS): oid for name, oid in refs.items()}

    def _bring(self, group: Group) -> None:
        for _ in range(_ATTEMPTS):
            review = self._review(group) or self._named(group)
            ours, there = self._objects.ref(review_ref(review.branch)), self._remote.get(review.branch)
            sent = ours if ours != review.tip else None  # a push of it began
            if sent is not None and there == sent:
                self._arrived(group, review, sent)
            elif there != review.tip and review.tip is None:
                self._forget(review)
                self._named(group)  # somebody else's was there first
            elif there != review.tip:
                self._keep(group, replace(review, there=there or ""))
                return
            else:
                goal = sent or self._written(group, review)
                if goal is None:
                    self._keep(group, replace(review, there=None))
                    return
                self._push(group, review, goal)
        raise ReviewRefused(review.branch, "it moves faster than it can be pushed")

    def _review(self, group: Group) -> Review | None:
        """Return the branch that a group goes to, None where it has none, or one whose commits are not here."""
        for hold in self.record.holds:
            review = hold.review
            if review is not None and any(hold.unit == each.unit for each in group):
                return review if review.tip is None or self._objects.has(review.tip) else None
        return None

    def _named(self, group: Group) -> Review:
        """Choose a branch that nobody has, and note that down before it is made."""
        objects, first = self._objects, next(each for each in group if each.review)
        known = (records.load(objects, branch) for branch in records.branches(objects))
        taken = {hold.review.branch for one in (*known, self.record) for hold in one.holds if hold.review is not None}
        taken |= {unquote(name.removeprefix(REVIEW_REFS)) for name in objects.refs(REVIEW_REFS)}
        path = self._ground.settings.name if first.unit == WHOLE else first.unit
        name = review_branch(self._ground.host.hostname, path, {*self._remote, *taken})
        review = Review(name)
        self._keep(group, review)
        return review

    def _written(self, group: Group, review: Review) -> str | None:
        """Write the commit that gives the branch our side; None where it has that."""
        objects, ground = self._objects, self._ground
        parent = review.tip or self._base
        before = objects.tree_of(parent)
        changes: dict[str, Entry | None] = {}
        for decision in group:
            content = decision.view.local.content
            changes |= {path: content.get(path) for path in self._planned.gathered.paths[decision.unit]}
        after = objects.apply(before, changes)
        if after == before:
            return None
        template = self._request.message or ground.settings.pushback.commit_message
        message = commit_message(template, self._task_words(group, before, after), host=ground.host.hostname)
        author, committer = ground.author(), ground.committer()
        return objects.write_commit(
            after, [parent], message, author=author, committer=committer, at=ground.host.clock()
        )

    def _push(self, group: Group, review: Review, commit: str) -> None:
        """Push our commit onto what the branch is known to have. Raises ReviewRefused, NotUploaded, RemoteError."""
        objects, ground, name = self._objects, self._ground, review_ref(review.branch)
        ours, remote, timeouts = objects.ref(name), self._upstream.remote, ground.settings.timeouts
        if ours != commit:
            move_ref(objects, name, commit, ours)
            if objects.pruned():
                self._forget(review)
                raise ObjectsPruned
        fp("review.before")
        old = review.tip or self._base
        before, after = objects.tree_of(old), objects.tree_of(commit)
        new = (objects.file_at(after, path) for path in objects.changed(before, after))
        if lfs.has_pointers(objects, (entry for entry in new if entry is not None)):
            lfs.upload(ground.git, remote, review.branch, commit, old, deadline=timeouts.transfer)
        answer = ground.host.transport.push(
            ground.git,
            remote,
            review.branch,
            commit,
            review.tip,
            timeouts=timeouts,
            is_ancestor=objects.is_ancestor,
        )
        fp("review.sent")
        if not isinstance(answer, Refused):
            self._remote[review.branch] = commit
            self._arrived(group, review, commit)
            return
        self._forget(review)
        if answer.kind == "rejected":
            raise ReviewRefused(review.branch, answer.message)
        self._ask()

    def _forget(self, review: Review) -> None:
        """Let our ref stand at what arrived again: what it names beyond that did not, and will not."""
        name = review_ref(review.branch)
        ours = self._objects.ref(name)
        if review.tip is not None and ours != review.tip:
            move_ref(self._objects, name, review.tip, ours)
        elif review.tip is None and ours is not None:
            drop_refs.drop(self._ground.place.common_dir, [name])

    def _arrived(self, group: Group, review: Review, commit: str) -> None:
        # A crossing that died after this may have entered it already.
        if not any(commit in known.operation.commits for known in operations.read_all(self._objects)):
            self.record = replace(self.record, sequence=self.record.sequence + 1)
            self.operation = self._enter(group, commit)
        self._moved.add(review.branch)
        self._keep(group, replace(review, tip=commit, there=None))

    def _keep(self, group: Group, review: Review) -> None:
        """Note a branch down in the holds that go there."""
        units = {each.unit for each in group}

        def goes(unit: str, known: Review | None) -> bool:
            return unit in units or (known is not None and known.branch == review.branch)

        holds = tuple(
            replace(hold, review=review) if goes(hold.unit, hold.review) else hold for hold in self.record.holds
        )
        if holds != self.record.holds:
            new = replace(self.record, holds=holds)
            self.record = records.save(self._objects, new, head=self._head, at=self._ground.host.clock())

    def _enter(self, group: Group, commit: str) -> Operation:
        """Write down that a commit went to review. Nothing here was replaced, and the upstream is what it was."""
        objects, ground, sides = self._objects, self._ground, self._planned.sides
        upstream = sides.upstream_commit if self._planned.held_back else self._head
        operation = Operation(
            id="",
            repository=ground.settings.name,
            at=self._at,
            cause=self._request.cause,
            kind="sync",
            host=ground.host.hostname,
            user=ground.host.user,
            tasks=tuple(self._changes(group, commit)),
            commits=(commit,),
            head_before=self._head,
            head_after=self._head,
            upstream_before=upstream,
            upstream_after=upstream,
            undoable=False,  # others may be looking at the branch: its commits stay
        )
        tree, here = objects.tree_of(upstream), sides.local
        return operations.enter(
            objects, operations.Entered(operation, self.record.sequence, self.record.branch, here, here, tree, tree)
        )

    def _changes(self, group: Group, commit: str) -> Iterator[TaskChange]:
        before, after = self._around(commit)
        for decision in self._differing(group, before, after):
            paths = self._planned.gathered.paths[decision.unit]
            old, new = (self._objects.content(tree, paths) for tree in (before, after))
            unit, settings = self._planned.gathered.units[decision.unit], self._ground.settings
            found = first_facts(self._objects, (after, before), unit, settings.tasks.manifests)
            files = tuple(path for path in paths if old.get(path) != new.get(path))
            yield TaskChange(task_id(settings.name, unit.path), found.name, unit.path, "review", files)

    def _differing(self, group: Group, tree: str, other: str | None = None) -> list[Decision]:
        """Return the tasks whose content in a root tree is not that in another one, or here."""
        paths, content = self._planned.gathered.paths, self._objects.content

        def wanted(decision: Decision) -> object:
            return decision.view.local.content if other is None else content(other, paths[decision.unit])

        return [each for each in group if content(tree, paths[each.unit]) != wanted(each)]

    def _around(self, commit: str) -> tuple[str, str]:
        info = self._objects.info(commit)
        return self._objects.tree_of(info.parents[0]), info.tree

    def _task_words(self, group: Group, before: str, after: str) -> list[TaskWords]:
        return [self._words.task_words(each, before, after) for each in self._differing(group, before, after)]

    def open_requests(self, groups: Iterable[Group]) -> tuple[str, ...]:
        """Show each new branch to the forge, if there is one; return what could not be shown."""
        forge, notes = self._ground.host.requests, []
        for group in groups:
            review = self._review(group)
            if forge is None or review is None or review.tip is None or review.url or review.there is not None:
                continue
            if not (self._request.fetch or review.branch in self._moved):
                continue
            try:
                url = forge.open(self._request_for(group, review, review.tip))
            except GitferryError as error:
                notes.append(f"{review.branch} is at the remote, but no request for it: {error.title}")
            else:
                self._keep(group, replace(review, url=url))
        return tuple(notes)

    def _request_for(self, group: Group, review: Review, tip: str) -> ReviewRequest:
        ground = self._ground
        words = self._task_words(group, *self._around(tip))
        return ReviewRequest(
            repository=redact(self._upstream.url or ""),
            source=review.branch,
            target=self._upstream.branch,
            title=self._objects.message(tip).partition("\n")[0],
            body=commit_message(ground.settings.pushback.pr_template, words, host=ground.host.hostname),
            commit=tip,
        )
