"""What a task carries goes to a review branch at the remote, not to the tracked one.

That is our side of a conflict under `create_pr`, and every change under `feature_branch`. It comes after all else was
carried. For each branch: its name into the record → our commit at `refs/gitferry/review/<percent-encoded branch>` →
push → operation → the tip into the record. Where that ref is ahead of the record, a push began of which nobody knows
whether it arrived; it is ended first. A branch is created only where there is none, and appended to only where it
stands at our own tip, or at commits on top of it that our change has taken in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from urllib.parse import unquote

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.pushback import operations
from gitferry.pushback.branch_names import host_branches, review_branch
from gitferry.pushback.carry import Carried
from gitferry.pushback.commit import Tip
from gitferry.pushback.decision import Action
from gitferry.pushback.ground import Ground
from gitferry.pushback.groups import grouped
from gitferry.pushback.hooked import HookRefused, ask_about_push
from gitferry.pushback.outcome import Operation, Request, TaskChange
from gitferry.pushback.planning import Planned
from gitferry.pushback.review_commits import Group, ReviewCommits
from gitferry.pushback.review_end import Ending, ended, left
from gitferry.pushback.review_look import HEADS, REVIEW_REFS, fetched, forget, is_its_own, review_ref, unseen
from gitferry.repos import lfs
from gitferry.repos import record as records
from gitferry.repos.identity import NoIdentity
from gitferry.repos.record import ObjectsPruned, Record, move_ref
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.review import Review
from gitferry.repos.signing_error import SigningWaits
from gitferry.repos.signing_key import SigningFailed
from gitferry.repos.tasks import WHOLE, task_id
from gitferry.repos.transport import Refused
from gitferry.repos.upstream import Upstream

_ATTEMPTS = 6  # at one branch that others use too, before the next crossing goes on


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


def bring_to_review(
    ground: Ground, planned: Planned, carried: Carried, tip: Tip, request: Request, at: datetime
) -> Reviewed:
    """Push what goes to review; trouble with that is returned, since all else is done.

    Raises what reading and writing the repository raises.
    """
    groups = [group for group in going_to_review(planned) if not any(each.unit in carried.raced for each in group)]
    upstream = ground.state.upstream
    base = planned.sides.upstream_commit if planned.held_back else tip.commit
    if upstream is None or base is None or not (groups or carried.record.reviews):
        return Reviewed(carried)
    reviewing = _Reviewing(ground, planned, carried, upstream, base, tip.commit, request, at)
    notes, trouble = reviewing.end(), None
    if groups or reviewing.withdrawn:
        trouble = reviewing.bring(groups)
        notes += reviewing.open_requests(groups)
    operation = carried.operation or reviewing.operation
    return Reviewed(replace(carried, record=reviewing.record, operation=operation), trouble, tuple(notes))


def going_to_review(planned: Planned) -> list[Group]:
    """Return the tasks that go to review, those together that a rename joins: half of one is nothing to look at."""
    stays = (Action.HOLD, Action.WAIT)
    going = {d.unit: d for d in planned.decisions if d.review or (d.action in stays and d.partner is not None)}
    joined_by = [(unit, each.partner) for unit, each in going.items() if each.partner is not None]
    found = [tuple(going[unit] for unit in units) for units in grouped(going, (*planned.gathered.links, *joined_by))]
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
        self.withdrawn: list[Review] = []  # branches whose tasks went back to what the tracked one has
        self._ground = ground
        self._objects = ground.objects
        self._planned = planned
        self._raced = frozenset(carried.raced)
        self._upstream = upstream
        self._base = base  # what a new branch is made from
        self._head = head
        self._request = request
        self._pushes = request.push and ground.settings.pushback.enabled
        self._at = at
        self._commits = ReviewCommits(ground, planned, upstream, base, request)
        self._remote: dict[str, str] = {}  # this host's branches there, and those that the record names
        self._moved: set[str] = set()  # branches that have our newest tip since this crossing

    def end(self) -> list[str]:
        """Note down which branches have come to their end, and return what to say of them."""
        notes = []
        record = self.record
        for review in self.record.reviews:
            end = None if review.over is not None else ended(self._ground, self._planned, self._raced, review)
            if end is None and review.over is None:
                record = record.with_review(replace(review, left=left(self._planned, review)))
            if end is Ending.WITHDRAWN:
                self.withdrawn += [review] if self._pushes else []
            elif end is Ending.UNSENT or (review.gone and end is not None and end is not Ending.GONE):
                forget(self._ground, review.branch)
                record = replace(record, reviews=tuple(each for each in record.reviews if each is not review))
            elif end is not None:
                record = record.with_review(replace(review, over=end.value))
                more = "" if review.gone else ": `gitferry push prune` deletes it at the remote"
                notes.append(f"{review.branch} {end.value}{more}")
        self._save(record)
        return notes

    def bring(self, groups: Iterable[Group]) -> GitferryError | None:
        """Bring every branch to what its tasks carry; return the first thing that kept one from it."""
        trouble: GitferryError | None = None
        if not self._request.fetch and not self.withdrawn and not any(self._wanted(group) for group in groups):
            return None
        try:
            self._ask()
            for step in (
                *(partial(self._withdraw, review) for review in self.withdrawn),
                *(partial(self._bring, group) for group in groups),
            ):
                try:
                    step()
                except (ReviewRefused, HookRefused, lfs.NotUploaded, RemoteError) as error:
                    if isinstance(error, RemoteError) and not is_its_own(error):
                        raise
                    trouble = trouble or error
        except (RemoteError, NoIdentity, SigningWaits, SigningFailed) as error:
            return error
        return trouble

    def _wanted(self, group: Group) -> bool:
        """Whether there is something to push, as far as one knows here."""
        review = self._review(group)
        if review is None or review.tip is None or self._objects.ref(review_ref(review.branch)) != review.tip:
            return True
        return bool(review.there) or self._commits.goal(group, review) is not None

    def _ask(self) -> None:
        ground, host = self._ground, self._ground.host
        known = {review.branch for review in self.record.reviews}  # of another hostname too
        names = (f"{HEADS}{name}" for name in (f"{host_branches(host.hostname)}*", *sorted(known)))
        refs = host.transport.remote_refs(ground.git, self._upstream.remote, *names, timeouts=ground.settings.timeouts)
        self._remote = {name.removeprefix(HEADS): oid for name, oid in refs.items()}

    def _bring(self, group: Group) -> None:
        for _ in range(_ATTEMPTS):
            review = self._review(group) or self._named(group)
            ours, there = self._objects.ref(review_ref(review.branch)), self._remote.get(review.branch)
            sent = ours if ours != review.tip else None  # a push of it began
            if sent is not None and there is not None and self._contains(review, there, sent):
                self._arrived(group, review, sent)
            elif there != review.tip and review.tip is None:
                self._forget(review)
                self._keep(replace(review, units=()))
                self._named(group)  # somebody else's was there first
            elif there is not None and there == review.there and self._taken_in(group, review, there):
                self._adopt(review, there)
            elif there != review.tip:
                self._keep(replace(review, there=there or ""))
                return
            elif not self._pushes:
                return
            else:
                goal = sent or self._commits.written(group, review)
                if goal is None:
                    self._keep(replace(review, there=None))
                    return
                self._push(group, review, goal)
        raise ReviewRefused(review.branch, "it moves faster than it can be pushed")

    def _contains(self, review: Review, there: str, sent: str) -> bool:
        """Whether a branch that is at `there` has our commit; others may have gone on from it at once."""
        ground = self._ground
        if there in (sent, review.tip):
            return there == sent
        if there == review.there and unseen(self._objects, review):
            return False
        known = fetched(ground, review.branch, there, self._upstream.remote)
        return known and self._objects.is_ancestor(sent, there)

    def _taken_in(self, group: Group, review: Review, there: str) -> bool:
        """Whether all that others did on the branch is here: tasks that stay behind had nothing else done to them."""
        if not all(each.adopted for each in group):
            return False
        objects, travelling = self._objects, {each.unit for each in group}
        behind = [unit for unit in review.units if unit not in travelling]
        paths = tuple(path for unit in behind for path in self._planned.gathered.paths.get(unit, ()))
        was, now = (objects.content(objects.tree_of(commit), paths) for commit in (review.tip, there))
        here = objects.content(self._planned.sides.local, paths)
        return all(now.get(path) in (was.get(path), here.get(path)) for path in paths)

    def _adopt(self, review: Review, there: str) -> None:
        """Go on from what others committed on top of ours: what is here has taken it in."""
        name = review_ref(review.branch)
        move_ref(self._objects, name, there, self._objects.ref(name))
        self._keep(replace(review, tip=there, there=None))

    def _withdraw(self, review: Review) -> None:
        """Give a branch whose task went back what the tracked one had where the branch began."""
        objects, tip = self._objects, review.tip or self._base
        forks = objects.merge_bases(tip, self._base)
        before, fork = objects.tree_of(tip), objects.tree_of(forks[0] if forks else None)
        paths = (path for unit in review.units for path in self._planned.gathered.paths.get(unit, ()))
        after = objects.apply(before, {path: objects.file_at(fork, path) for path in paths})  # others' files stay
        ours, name = objects.ref(review_ref(review.branch)), review_ref(review.branch)
        there = self._remote.get(review.branch)
        if ours != review.tip and there == ours:
            arrived = replace(review, tip=ours)  # by a push that nobody acknowledged
            self._keep(arrived)
            self._withdraw(arrived)
        elif there != review.tip:
            move_ref(objects, name, tip, ours)
            self._keep(replace(review, there=there or ""))
        elif before == after:
            self._keep(replace(review, there=None, over=Ending.WITHDRAWN.value))
        else:
            move_ref(objects, name, tip, ours)
            units = ", ".join(review.units)
            commit = self._ground.write_commit(after, [tip], f"Withdraw the change of {units}\n")
            self._push((), review, commit)

    def _review(self, group: Group) -> Review | None:
        """Return the branch that a group goes to, None where it has none, or one whose commits are not here."""
        for each in group:
            review = self.record.review(each.unit)
            if review is not None:
                return review if review.tip is None or self._objects.has(review.tip) else None
        return None

    def _named(self, group: Group) -> Review:
        """Choose a branch that nobody has, and note that down before it is made."""
        objects, first = self._objects, next(each for each in group if each.review)
        known = (records.load(objects, branch) for branch in records.branches(objects))
        taken = {review.branch for one in (*known, self.record) for review in one.reviews}
        taken |= {unquote(name.removeprefix(REVIEW_REFS)) for name in objects.refs(REVIEW_REFS)}
        path = self._ground.settings.name if first.unit == WHOLE else first.unit
        name = review_branch(self._ground.host.hostname, path, {*self._remote, *taken})
        review = Review(name, ())
        self._keep(review, group)
        return review

    def _push(self, group: Group, review: Review, commit: str) -> None:
        """Push our commit onto what the branch is known to have. Raises ReviewRefused, NotUploaded, RemoteError."""
        objects, ground, name = self._objects, self._ground, review_ref(review.branch)
        ours, remote, timeouts = objects.ref(name), self._upstream.remote, ground.settings.timeouts
        if ours != commit:
            move_ref(objects, name, commit, ours)
            if objects.pruned():
                self._forget(review)
                raise ObjectsPruned
        url = self._upstream.url or ""
        ask_about_push(ground, url, remote, review.branch, commit, review.tip)
        fp("review.before")
        old = review.tip or self._base
        if lfs.carries_pointers(objects, commit, old):
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
            forget(self._ground, review.branch)

    def _arrived(self, group: Group, review: Review, commit: str) -> None:
        # A crossing that died after this may have entered it already.
        if not any(commit in known.operation.commits for known in operations.read_all(self._objects)):
            self.record = replace(self.record, sequence=self.record.sequence + 1)
            self.operation = self._enter(group, review, commit)
        self._moved.add(review.branch)
        there = self._remote.get(review.branch)
        arrived = replace(review, tip=commit, there=None if there == commit else there)
        self._keep(replace(arrived, over=None if group else Ending.WITHDRAWN.value), group)

    def _keep(self, review: Review, group: Group = ()) -> None:
        """Note a branch down in the record, and that the tasks of a group go there; none of theirs means no more."""
        units = dict.fromkeys((*review.units, *(each.unit for each in group)))
        record = self.record
        for other in record.reviews:
            if (
                group
                and other.over is None
                and other.branch != review.branch
                and not units.keys().isdisjoint(other.units)
            ):
                left = tuple(unit for unit in other.units if unit not in units)
                over = None if left else Ending.ANSWERED.value
                record = record.with_review(replace(other, units=left, over=over))
        if units:
            record = record.with_review(replace(review, units=tuple(units)))
        else:
            record = replace(record, reviews=tuple(one for one in record.reviews if one.branch != review.branch))
        self._save(record)

    def _save(self, record: Record) -> None:
        if record != self.record:
            self.record = records.save(self._objects, record, head=self._head, at=self._ground.host.clock())

    def _enter(self, group: Group, review: Review, commit: str) -> Operation:
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
            tasks=tuple(self._commits.changes(group, commit) or self._withdrawn_tasks(review)),
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

    def _withdrawn_tasks(self, review: Review) -> Iterator[TaskChange]:
        name = self._ground.settings.name
        return (TaskChange(task_id(name, unit), unit, unit, "withdraw") for unit in review.units)

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
                url = forge.open(self._commits.request(group, review, review.tip))
            except GitferryError as error:
                notes.append(f"{review.branch} is at the remote, but no request for it: {error.title}")
            else:
                self._keep(replace(review, url=url))
        return tuple(notes)
